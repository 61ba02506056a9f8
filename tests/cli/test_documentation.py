"""README and docs show what the program prints, and link to what exists."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import tarfile
from itertools import filterfalse
from typing import TYPE_CHECKING

import click
import pytest

from cli.conftest import FOUNDING
from cli.pages import PAGES, ROOT, changes_something, commands
from halftrack.commands import main
from unit import stories

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = re.compile(r'(?:environ(?:\.get\(|\[)|_named\()"(HALFTRACK_[A-Z_]+)"')
SEEN = (0, 1, 2, 3, 76, 77)
"""Exit codes of a command that was understood, whatever may be seen here."""


def test_generated_parts_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/generate"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


COLLECTED = b"halftrack-collection 1 abc\n\nabc begin 1 ns/1/about\nread yes\n\nabc end 0 ns/1/about\n\nabc complete\n"


def test_the_reference_has_every_command() -> None:
    text = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    named = main.program.list_commands(click.Context(main.program))
    assert [name for name in named if f"<!-- output of: halftrack {name} --help -->" not in text] == []


def test_the_reference_has_every_variable() -> None:
    text = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    sources = (ROOT / "src/halftrack").rglob("*.py")
    named = {name for path in sources for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    assert {name for name in named if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_shown_in_the_pages_run(page: Path, tmp_path: Path) -> None:
    """But for those that change the node: tests/kernel/test_documentation_changes.py."""
    table = FOUNDING.read_bytes()
    (tmp_path / "table.txt").write_bytes(table)
    (tmp_path / "table.txt.gz").write_bytes(gzip.compress(table))
    with tarfile.open(tmp_path / "sosreport.tar.xz", "w:xz") as tar:
        tar.add(tmp_path / "table.txt", "sosreport/sos_commands/conntrack/conntrack_-L_-o_extended")
    piped = table + b"net.netfilter.nf_conntrack_tcp_loose = 1\n"
    for name in ("node.collected", "later.collected"):
        (tmp_path / name).write_bytes(COLLECTED)
    (tmp_path / "then.tgz").write_bytes((ROOT / "docs/examples/leak.txt").read_bytes())
    (tmp_path / "capture.pcap").write_bytes(stories.file(stories.founding()))
    for words in filterfalse(changes_something, commands(page)):
        ran = subprocess.run(
            [sys.executable, "-m", "halftrack", *(word.replace("30s", "1s") for word in words)],
            cwd=tmp_path, input=piped, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert ran.returncode in SEEN, (words, ran.stderr)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_named_in_the_pages_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(
        re.findall(r"^(?:    |\$ )(?:sudo )?make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert named <= targets
