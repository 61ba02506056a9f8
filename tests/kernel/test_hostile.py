"""Containers that name everything to do harm: it comes out inert, on a screen and in documents."""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.owners.untrusted import LONGEST_NAME
from unit.pages import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOCUMENTS = (["doctor", "--json"], ["plan", "--json"], ["list", "--json", "--by", "owner,netns"])
_SCREENS = (
    *(["doctor", "-v"], ["plan", "--sh"], ["list", "one-sided", "--by", "owner"]),
    ["list", "one-sided", "--csv", "--by", "owner,netns"],
)
_PAGES = (["doctor", "--format", "html"],)
_ON_TERMINAL = (["doctor", "-v"], ["list", "one-sided", "--by", "owner"])
_UNIFIED = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
_PAINT = re.compile(r"\x1b\[[0-9;]*m|\r(?:\x1b\[K)?")
"""What our own screens are painted with; nothing that the containers are called is like it."""


@pytest.fixture(scope="module")
def cgroups() -> Iterator[str]:
    """A directory of cgroup 2 to make others in; empty where none may be made."""
    where = next((one for one in _UNIFIED if (one / "cgroup.procs").exists()), None)
    made = where and where / f"ht-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        if made:
            made.mkdir()
    except OSError:
        made = None
    yield str(made or "")
    if made:
        for one in (*made.iterdir(), made):
            if one.is_dir():
                one.rmdir()


@dataclass(frozen=True)
class _Said:
    documents: list[str]
    screens: list[str]
    pages: list[str]
    terminal: list[str]


@pytest.fixture(scope="module")
def said(cgroups: str) -> _Said:
    """What each command prints."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    words = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    script = 'mount -t tmpfs none /run && ip link set lo up && exec "$@"'
    commands = [
        *((False, one) for one in (*_DOCUMENTS, *_SCREENS, *_PAGES)),
        *((True, one) for one in _ON_TERMINAL),
    ]
    program = (sys.executable, "-m", "kernel.hostile", cgroups, json.dumps(commands))
    done = subprocess.run(
        (*words, "sh", "-c", script, "sh", *program),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color"},
    )
    assert done.returncode == 0, done.stderr
    found = [one.encode("latin-1").decode() for one in json.loads(done.stdout)]
    parts = iter(found)
    return _Said(
        *(list(itertools.islice(parts, len(each))) for each in (_DOCUMENTS, _SCREENS, _PAGES, _ON_TERMINAL))
    )


def _harmful(text: str) -> set[str]:
    """What a terminal obeys, what turns text around, what does not show."""
    return {one for one in text if not one.isprintable() and one != "\n"}


def test_screens_and_files_are_plain_text(said: _Said) -> None:
    for text in said.screens:
        assert text.count("\n") > 1
        assert _harmful(text) == set()


def test_on_a_terminal_nothing_is_obeyed_but_our_own_paint(said: _Said) -> None:
    assert any("\x1b[" in text for text in said.terminal)
    for text in said.terminal:
        assert _harmful(_PAINT.sub("", text)) == set()


def test_documents_hold_nothing_that_a_terminal_obeys(said: _Said) -> None:
    for text in said.documents:
        assert _harmful(text) == set()
        for one in _strings(json.loads(text)):
            assert _harmful(one) == set()


def test_pages_hold_the_names_as_text(said: _Said) -> None:
    (text,) = said.pages
    found = plain(text)
    assert any("[2J" in each and "$(i" in each for each in found.text)


def test_the_names_are_there_spelled_out(said: _Said, cgroups: str) -> None:
    """By cgroup, by the mount of a namespace, by a process: none of them is left out or cut to nothing."""
    tables = json.loads(said.documents[0])["tables"]
    owners = {one["owner"]["runtime"]: one["owner"]["name"] for one in tables if one["owner"]}
    of_process = [one["netns"] for one in tables if "[2J-" in one["netns"] and "x1b" not in one["netns"]]

    assert len(of_process) == (1 if cgroups else 2)
    assert set(owners) == ({"lxc", "netns"} if cgroups else {"netns"})
    for name in owners.values():
        assert name.startswith("\\x1b]0;x\\x07\\x1b[2J\\u202e'\"`$(id)&|")
        assert name.endswith("...")
        assert len(name) == LONGEST_NAME


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (each for pair in value.items() for one in pair for each in _strings(one))
    elif isinstance(value, list):
        yield from (each for one in value for each in _strings(one))
