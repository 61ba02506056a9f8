"""The collecting script and namespaces that it cannot look into: each is named, and the doctor says why."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.collecting import SHELLS, alone, collected, doctor

if TYPE_CHECKING:
    from pathlib import Path

_NAMED: Final = "mount -t tmpfs none /run/netns; ip netns add left; ip link set lo up; "
_RUN: Final = 'exec "$@"'
_COVERED: Final = "mount -t tmpfs none /run/netns; touch /run/netns/left; "
_OTHER_ABOVE: Final = (
    "ip netns add right; mount --bind /run/netns/right /run/netns/left; umount /run/netns/right; "
)
_REFUSED: Final = 'exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$@"'
_SOMEBODY: Final = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
_LIVING: Final = 'unshare -n sh -c "exec sleep 60" & trap "kill $!" EXIT; sleep 0.2; '


def told(script: str, shell: str, env: dict[str, str] | None = None) -> tuple[dict[str, Any], bytes, str]:
    """What the doctor says of a node that is made so, what the script said, and what it sent."""
    words = alone(["sh", "-c", script, "sh", *SHELLS[shell]])
    done = collected(words, env)
    assert done.returncode == 0, done.stderr
    sent = gzip.decompress(done.stdout) if done.stdout.startswith(b"\x1f\x8b") else done.stdout
    return doctor("-", stdin=done.stdout), done.stderr, sent.decode("utf-8", "replace")


def gap_of(document: dict[str, Any], what: str) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = [gap for gap in document["gaps"] if gap["what"] == what]
    return found


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize(
    ("made", "reason", "why"),
    [
        (_COVERED + _RUN, "covered", "another mount lies over its own"),
        (_OTHER_ABOVE + _RUN, "covered", "another mount lies over its own"),
        (_REFUSED, "refused", "entering it was refused"),
    ],
    ids=["covered", "by another namespace", "refused"],
)
def test_one_that_is_not_come_to(made: str, reason: str, why: str, shell: str) -> None:
    document, said, sent = told(_NAMED + made, shell)
    gap = gap_of(document, "namespace left")
    assert gap["why"].startswith(why)
    assert "one-sided" in gap["would_tell"]
    assert not document["complete"]
    assert re.search(rf" shut\n{reason}=\d+\n", sent)
    assert b"  namespaces that could not be looked into: 1\n" in said
    named = [table["netns"] for table in document["tables"]]
    assert named.count("left") == ("netns add right" in made)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_name_with_a_blank_and_what_a_format_would_take(shell: str) -> None:
    """Lists of mounts have \\040 for the blank."""
    document, _, sent = told(f"{_NAMED}ip netns add 'two 100%s words'; {_RUN}", shell)
    assert re.search(r" shut\n\n", sent), "there is a way into each"
    assert "two-100%s-words" in [table["netns"] for table in document["tables"]]


def test_without_nsenter(tmp_path: Path) -> None:
    for tool in ("cat", "grep", "ls", "sed", "sleep", "sort", "date", "sh", "dash"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    hidden = "for place in /usr/sbin /usr/local/sbin /sbin; do mount -t tmpfs none $place; done; "
    made = f'{_NAMED}{hidden}PATH={tmp_path}; exec "$@"'
    document, said, _ = told(made, "dash", {**os.environ, "PATH": os.environ["PATH"]})
    assert gap_of(document, "namespace left")["why"] == "nsenter is not installed there"
    assert not document["complete"]
    assert b"namespaces that could not be looked into: 1" in said


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_processes_that_do_not_show_where_they_live(shell: str) -> None:
    document, _, _ = told(_LIVING + _SOMEBODY.removeprefix("exec "), shell)
    [gap] = [gap for gap in document["gaps"] if gap["what"].startswith("namespaces of ")]
    assert re.fullmatch(r"namespaces of \d+ processes", gap["what"])
    assert gap["why"] == "/proc does not say where they are"
    assert not document["complete"]


def test_a_process_that_ends_while_others_live_there(tmp_path: Path) -> None:
    """Which of them it is that the namespace is looked into through does not matter."""
    mark = tmp_path / "first"
    script = (
        f"unshare -n sh -c 'sleep 60 & echo $$ >{mark}; exec sleep 60' & sleep 0.3; "
        f'(sleep 1; kill $(cat {mark})) & "$@";'
    )
    done = collected(alone(["sh", "-c", script, "sh", *SHELLS["dash"]]), BETWEEN=3)
    assert done.returncode == 0, done.stderr
    sent = gzip.decompress(done.stdout).decode("utf-8", "replace")
    [number] = set(re.findall(r"^inode (\d+)$", sent, re.MULTILINE)) - set(
        re.findall(r"^own (\d+)$", sent, re.MULTILINE)
    )
    assert re.search(rf" begin \S+ ns/{number}/2/stat/nf_conntrack\n", sent)
    assert f"={number}\n" not in sent
