"""Names in /run/netns that lead to no namespace, or not to the one that is mounted there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Final

import pytest

_WORDS: Final = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_ALONE: Final = """
set -e
mount --make-rprivate /
grep -o ' /run/netns/[^ ]*' /proc/self/mountinfo | while read -r mount; do umount -l "$mount" 2>/dev/null || :; done
mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip link set lo up
"""
"""Of what is mounted on this machine nothing is left to be seen."""
_DOCTOR: Final = '\nexec "$@" -m halftrack doctor --json'
_COVERED: Final = "ip netns add left; mount -t tmpfs none /run/netns; touch /run/netns/left"
_WHY: Final = "another mount lies over its own, and no process lives in it: nothing leads there"


def seen(script: str, *words: str) -> dict[str, Any]:
    """What the doctor says of a node with nothing but that; it may find something."""
    done = subprocess.run(
        (*_WORDS, "sh", "-c", f"{_ALONE}{script}{_DOCTOR} {' '.join(words)}", "sh", sys.executable),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode < 4, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_name_that_a_restart_left_is_no_namespace() -> None:
    """A plain file, a directory, a link that leads nowhere: nothing is unread because of them."""
    found = seen("cd /run/netns; touch left; mkdir directory; ln -s nowhere link; mkfifo pipe")
    assert found["complete"]
    assert [table["netns"] for table in found["tables"]] == ["self"]
    assert not [gap for gap in found["gaps"] if gap["what"].startswith("namespace ")]


@pytest.mark.parametrize("words", [(), ("--netns", "left")], ids=["of all", "asked for"])
def test_one_whose_mount_lies_under_another_did_not_end(words: tuple[str, ...]) -> None:
    """It is there for as long as that mount is, and nobody can look into it: it may be full, or leak."""
    found = seen(_COVERED, *words)
    assert [gap["why"] for gap in found["gaps"] if gap["what"] == "namespace left"] == [_WHY]
    assert not found["complete"]


def test_one_that_is_mounted_twice_is_read() -> None:
    """As ip makes it where /run/netns was no mount before: the upper of the two leads there."""
    found = seen("ip netns add left; mount --rbind /run/netns /run/netns", "--netns", "all")
    assert found["complete"]
    assert [table["netns"] for table in found["tables"]] == ["self", "left"]
