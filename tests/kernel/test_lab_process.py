"""The lab as a process: what it prints, what it leaves standing when told to, and that else nothing stays."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from halftrack.evidence.uapi import TCP_ESTABLISHED
from halftrack.kernel import ctnetlink, tcp_sockets
from halftrack.kernel.setns import call_in

_PATIENCE_S = 120


def _lab(*words: str) -> subprocess.Popen[str]:
    # Who runs the tests in the background ignores Ctrl-C, and so would every process of theirs.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "halftrack", "lab", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _until_gone(pids: list[int]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < end, "processes of the lab are still there"
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    """Of any of its threads: what one that has ended had started is another's."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += [int(one) for one in (task / "children").read_text(encoding="ascii").split()]
    return found


def _namespaces() -> set[int]:
    """Those that a process lives in or has open, or that have a name, by inode."""
    places = [*Path("/proc").glob("[0-9]*/ns/net"), *Path("/proc").glob("[0-9]*/fd/*"), *_named()]
    found = set()
    for each in places:
        with contextlib.suppress(OSError):
            found.add(each.stat().st_ino)
    return found


def _named() -> list[Path]:
    return [*Path("/run/netns").glob("*"), *Path("/run/docker/netns").glob("*")]


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (("half-close",), 3),
        (("stale-nat", "--ipv6"), 2),  # with a container at the router's bridge, or none, or the next
        (("syn-flood",), 4),  # while packets are sent, and connections talk
        (("rst-ignored",), 4),  # while connections are reset one by one
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_nothing_stays_when_it_is_stopped(
    words: tuple[str, ...], steps: int, sent: signal.Signals, code: int
) -> None:
    with _lab(*words) as process:
        assert process.stdout is not None
        # A step may take more lines than one.
        while not process.stdout.readline().startswith(f"{steps:>2}  "):
            assert process.poll() is None
        holders = [
            pid for pid in _children(process.pid) if b"holder.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        theirs = {Path(f"/proc/{pid}/ns/net").stat().st_ino for pid in holders}
        assert len(theirs) >= 3
        process.send_signal(sent)
        process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == code
    _until_gone(holders)
    assert not theirs & _namespaces()


def test_nothing_stays_and_nothing_is_said_when_nobody_reads_any_more() -> None:
    with _lab("half-close") as process:
        assert process.stdout is not None
        process.stdout.readline()
        holders = _children(process.pid)
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(timeout=_PATIENCE_S) != 70
    _until_gone(holders)


def test_time_that_is_too_short_ends_it_in_one_line() -> None:
    with _lab("half-close", "--seconds", "1") as process:
        _, told = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 76
    assert told.startswith("halftrack: 1 s were too short for ")
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("limit", "code", "told"),
    [("64:64", 76, "Too many open files"), ("64:4096", 0, "")],
    ids=["hard", "soft"],
)
def test_more_descriptors_are_asked_for_and_where_there_are_none_it_says_so(
    limit: str, code: int, told: str
) -> None:
    done = subprocess.run(
        ["prlimit", f"--nofile={limit}", sys.executable, "-m", "halftrack", "lab", "direct-return"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == code
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == bool(code)


def test_there_may_be_more_of_it_and_healthy_traffic_beside() -> None:
    with _lab("half-close", "--load", "2", "--beside", "40", "--json") as process:
        out, told = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, told
    diagnosis = json.loads(out)["diagnosis"]
    assert {one["symptom"]: one["entries"] for one in diagnosis["findings"]}["one-sided"] == 32
    assert sum(one["entries"] or 0 for one in diagnosis["tables"]) >= 72


def test_json_is_one_document_with_the_steps_beside_it() -> None:
    with _lab("half-close", "--json") as process:
        out, told = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0
    document = json.loads(out)
    assert list(document) == ["scenario", "cause", "diagnosis"]
    assert document["scenario"] == "half-close"
    diagnosis = document["diagnosis"]
    assert diagnosis["schema"] == "halftrack.diagnosis/1"
    found = {one["symptom"]: one["entries"] for one in diagnosis["findings"]}
    assert found["one-sided"] == 16
    assert re.match(r" 1  three network namespaces", told)


def test_what_is_kept_stands_with_its_sockets_and_goes_as_it_says() -> None:
    with _lab("half-close", "--keep") as process:
        out, told = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, told
    found = re.search(r"remove  kill ([\d ]+)$", out, re.MULTILINE)
    assert found
    pids = [int(one) for one in found[1].split()]
    try:
        path = re.search(r"doctor --netns (\S+)", out)
        assert path
        assert ctnetlink.dump(netns_path=path[1]).flows.frame.height == 16
        sockets = sum(
            str(each.readlink()).startswith("socket:")
            for pid in pids
            for each in Path(f"/proc/{pid}/fd").iterdir()
        )
        assert sockets > len(pids)  # one is each one's own
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
    _until_gone(pids)


def test_connections_of_what_is_kept_stay_open() -> None:
    with _lab("asymmetric-path", "--keep") as process:
        out, told = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, told
    found = re.search(r"remove  kill ([\d ]+)$", out, re.MULTILINE)
    assert found
    pids = [int(one) for one in found[1].split()]
    try:
        server = next(pid for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == "lab-server")
        listed = call_in(f"/proc/{server}/ns/net", tcp_sockets.read)
        assert listed is not None
        assert (
            listed.frame.filter(pl.col("state") == TCP_ESTABLISHED, pl.col("local_port") == 80).height == 24
        )
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
    _until_gone(pids)
