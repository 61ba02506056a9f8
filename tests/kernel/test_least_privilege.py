"""With CAP_NET_ADMIN alone, in one's own namespace: what needs no more gets no more."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.draining import entries, short, stuck
from kernel.remedying import read_sysctl
from unit.promtool import values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

# An ordinary user may not be allowed to read the interpreter's own files: they are loaded before.
_AS_NOBODY = """
import contextlib, ctypes, importlib, io, os, pkgutil, struct, sys
import halftrack
from halftrack.commands.main import run
for one in pkgutil.walk_packages(halftrack.__path__, "halftrack."):
    if not one.name.endswith(("__main__", "guardian")):
        importlib.import_module(one.name)
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    run(["doctor", "--example", "--json"])
libc = ctypes.CDLL(None)
libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
only = int(os.environ["ONLY"])
header = struct.pack("=Ii", 0x20080522, 0)
assert libc.capset(header, struct.pack("=6I", only, only, 0, 0, 0, 0)) == 0
libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: else it may not read its own links
sys.exit(run(sys.argv[1:]))
"""
CAP_NET_ADMIN = 1 << 12
SETTING = "net.netfilter.nf_conntrack_tcp_timeout_established"


def halftrack(
    netns: Netns, home: Path, *words: str, only: int = CAP_NET_ADMIN
) -> subprocess.CompletedProcess[str]:
    moved = {f"HALFTRACK_{name}_DIR": str(home / name.lower()) for name in ("STATE", "RUN", "ETC")}
    return subprocess.run(
        ["ip", "netns", "exec", netns.name, sys.executable, "-c", _AS_NOBODY, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **moved, "ONLY": str(only)},
    )


@pytest.fixture
def home() -> Iterator[Path]:
    """A place of the ordinary user's own; the directories of pytest are closed to everybody else."""
    with tempfile.TemporaryDirectory(prefix="ht-own-") as name:
        os.chown(name, 65534, 65534)
        yield Path(name)


def test_a_setting_is_changed_and_put_back(netns: Netns, home: Path) -> None:
    before = read_sysctl(netns, SETTING)
    words = ("fix", "shorten-established:established=8000", "--netns", "self", "--yes", "--no-try")
    done = halftrack(netns, home, *words)
    assert done.returncode == 0, done.stderr
    assert read_sysctl(netns, SETTING) == 8_000
    done = halftrack(netns, home, "undo", "--yes")
    assert done.returncode == 0, done.stderr
    assert read_sysctl(netns, SETTING) == before


def test_entries_are_drained(netns: Netns, home: Path) -> None:
    stuck(netns, 500)
    done = halftrack(netns, home, "drain", "one-sided", "--netns", "self", "--yes", "--expect", "500")
    assert done.returncode == 0, done.stderr
    assert (entries(netns), short(netns)) == (500, 500)


def test_without_any_right_nothing_is_changed_and_what_is_needed_is_said(netns: Netns, home: Path) -> None:
    before = read_sysctl(netns, SETTING)
    fix = ("fix", "shorten-established:established=8000", "--netns", "self", "--yes", "--until-reboot")
    done = halftrack(netns, home, *fix, only=0)
    assert (done.returncode, "needs CAP_NET_ADMIN" in done.stderr) == (77, True), done.stderr
    assert "does not fit" not in done.stderr
    assert read_sysctl(netns, SETTING) == before
    assert not (home / "state").exists()


def test_a_plan_without_entries_tells_so_by_its_exit_code(netns: Netns, home: Path) -> None:
    stuck(netns, 500)
    done = halftrack(netns, home, "plan", "--netns", "self", only=0)
    assert (done.returncode, "CAP_NET_ADMIN" in done.stderr) == (77, True), done.stderr
    assert "nothing to do, as far as could be seen" in done.stdout
    done = halftrack(netns, home, "plan", "shorten-established", "--netns", "self", only=0)
    assert (done.returncode, "made without entries" in done.stderr) == (76, True), done.stderr
    assert "established timeout" in done.stdout
    assert halftrack(netns, home, "plan", "--netns", "self").returncode == 0


def test_metrics_tell_which_rights_were_missing(netns: Netns, home: Path) -> None:
    """What could be seen is there; that it was not all, too, and a scan that did what it could is no failure."""
    stuck(netns, 500)
    target = home / "halftrack.prom"
    words = ("export", "--netns", "self", "--textfile", str(target))
    done = halftrack(netns, home, *words, only=0)
    assert (done.returncode, done.stderr) == (0, "")
    found = values(target.read_text())
    assert (found["halftrack_up"], found["halftrack_scan_complete"]) == (1, 0)
    assert found['halftrack_gap{what="entries"}'] == 1
    assert not any('kind="one_sided"' in series for series in found)
    done = halftrack(netns, home, *words)
    assert (done.returncode, done.stderr) == (0, "")
    found = values(target.read_text())
    assert found['halftrack_entries{netns="self",protocol="tcp",kind="one_sided"}'] == 500
    assert 'halftrack_gap{what="entries"}' not in found
