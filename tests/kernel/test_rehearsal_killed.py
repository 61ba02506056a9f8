"""A rehearsal that is killed or interrupted, at whichever moment, leaves nothing of itself behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import AddRules, Drain, Untracked
from kernel import nsfs
from kernel.changing import Site
from kernel.draining import SERVER
from kernel.rehearsing import STATEFUL, command, environment, everything, node, unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

MOMENTS = 6
_NAMESPACE = re.compile(r"net:\[(\d+)\]")


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with node() as netns:
        yield netns


def held(pid: int) -> set[str]:
    """Numbers of the network namespaces that a process holds open by descriptors."""
    found = set()
    for link in _links(Path(f"/proc/{pid}/fd")):
        found.update(_NAMESPACE.findall(link))
    return found


def everywhere() -> set[str]:
    """Numbers of all network namespaces that any thread lives in, a descriptor holds, or a mount names."""
    found: set[str] = set()
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            found |= held(int(process.name))
            for task in _entries(process / "task"):
                found.update(_NAMESPACE.findall(" ".join(_links(task / "ns"))))
    mounts = Path("/proc/self/mountinfo").read_text("utf-8")
    return found | set(re.findall(r" net:\[(\d+)\] ", mounts))


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _links(directory: Path) -> list[str]:
    links = []
    for one in _entries(directory):
        try:
            links.append(os.readlink(one))  # noqa: PTH115  # a link to no path
        except OSError:
            continue
    return links


def ours(home: Path) -> list[str]:
    """Processes that were started with this test's directories."""
    mark = str(home).encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and mark in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_nothing_is_left(sick: Netns, tmp_path: Path, ending: signal.Signals) -> None:
    before = everything(sick)
    codes = set()
    home = tmp_path / "plan"
    home.mkdir()
    site = Site(sick, home)
    plan = str(site.plan([Drain(where=site.where, filter=("one-sided",))]))
    for moment in range(MOMENTS):
        process = begun(sick, tmp_path, plan if moment % 2 else "strict-pickup")
        scratch = _at_work(process) | _later(process, moment * 0.08)
        existing = handles(process, scratch)
        process.send_signal(ending)
        codes.add(process.wait(timeout=60))
        until_gone(scratch, existing, tmp_path)
    assert codes <= {0, 130, -ending}
    assert codes != {0}, "it was never hit at work"
    unchanged(before, sick)
    links = subprocess.check_output(["ip", "-o", "link"], text=True)
    assert not re.search(r" (clients|behind|rehearsal[01]|other[0-9]+)[@:]", links)
    assert list(tmp_path.iterdir()) == [home]


def test_a_connection_that_was_cut_does_not_keep_its_namespaces(tmp_path: Path) -> None:
    """The kernel goes on sending what a closed socket had to say, for minutes, and as long it is a guest."""
    with node(STATEFUL) as netns:
        site = Site(netns, tmp_path)
        rule = AddRules(where=site.where, rule=Untracked(protocol="tcp", port=80, address=SERVER))
        process = begun(netns, tmp_path, str(site.plan([rule])))
        scratch: set[str] = set()
        existing: dict[str, nsfs.Handle] = {}
        while process.poll() is None:
            scratch |= (new := held(process.pid) - held(os.getpid()) - scratch)
            existing |= handles(process, new)
            time.sleep(0.01)
        assert process.returncode == 76
        assert len(scratch) >= 2
        until_gone(scratch, existing, tmp_path)


def begun(netns: Netns, home: Path, words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(netns, words, "--json"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(home),
    )


def handles(process: subprocess.Popen[bytes], numbers: set[str]) -> dict[str, nsfs.Handle]:
    """Of the namespaces of these numbers that a process holds open; none where the kernel gives none."""
    found = {}
    directory = Path(f"/proc/{process.pid}/fd")
    for one in _entries(directory):
        try:
            for number in _NAMESPACE.findall(os.readlink(one)):  # noqa: PTH115  # likewise
                if number in numbers:
                    found[number] = nsfs.handle(str(one))
        except OSError:
            continue
    return found


def _at_work(process: subprocess.Popen[bytes]) -> set[str]:
    """Wait until it holds a namespace of its own."""
    known = everywhere()
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        if new := held(process.pid) - known:
            return new
        time.sleep(0.005)
    return set()


def _later(process: subprocess.Popen[bytes], seconds: float) -> set[str]:
    time.sleep(seconds)
    return held(process.pid) - held(os.getpid()) if process.poll() is None else set()


def until_gone(scratch: set[str], existing: dict[str, nsfs.Handle], home: Path) -> None:
    """A tool that was running has a moment to find that nobody waits for it, and the kernel to clean up."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        left = (
            scratch & everywhere() | {n for n, one in existing.items() if nsfs.exists(one)} | set(ours(home))
        )
        if not left:
            return
        time.sleep(0.05)
    assert left == set()
