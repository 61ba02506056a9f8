"""``export`` under strace: it asks the kernel, changes nothing, and writes its three files alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kernel import tracing
from kernel.filling import fill
from kernel.scratch import scratch_netns
from unit.promtool import values

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Where its files went, and what the scan did, a call a line."""
    folder = tmp_path_factory.mktemp("traced")
    with scratch_netns("traced") as netns:
        fill(netns, 1_500)
        done = subprocess.run(
            [
                *tracing.WITHOUT_PODMAN,
                *("strace", *tracing.OPTIONS),
                *("-o", str(folder / "trace"), sys.executable, "-B", "-m", "halftrack"),
                *("export", "--textfile", str(folder / "out.prom")),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "HALFTRACK_RUN_DIR": str(folder / "run")},
        )
    assert done.returncode == 0, done.stderr
    return folder, (folder / "trace").read_text(encoding="utf-8").splitlines()


def test_nothing_is_opened_to_be_written_but_its_files(trace: tuple[Path, list[str]]) -> None:
    folder, lines = trace
    own = (f"{folder}/.out.prom.", f"{folder}/run/.last.json.", f"{folder}/run/.counters.json.")
    written = tracing.written(lines)
    ours = {one for one in written if one.startswith(own)}
    assert len(ours) == len(own)
    assert not [one for one in written - ours if not one.startswith("/dev/null")]


def test_nothing_is_named_anew_but_its_files(trace: tuple[Path, list[str]]) -> None:
    folder, lines = trace
    moved = tracing.renamed(lines)
    assert moved == {str(folder / name) for name in ("out.prom", "run/last.json", "run/counters.json")}
    assert not tracing.otherwise_changed(lines)


def test_it_asks_for_entries_and_never_makes_or_removes_one(trace: tuple[Path, list[str]]) -> None:
    asked = tracing.asked(trace[1])
    assert "IPCTNL_MSG_CT_GET" in asked
    assert asked <= set(tracing.ASKING.values())


def test_netlink_alone_is_spoken_and_what_containers_answer_on(trace: tuple[Path, list[str]]) -> None:
    assert tracing.families(trace[1]) <= {"AF_NETLINK", "AF_UNIX"}


def test_nothing_below_proc_sys_is_opened_to_be_written(trace: tuple[Path, list[str]]) -> None:
    settings = [
        line for line in trace[1] if any(text.startswith("/proc/sys") for text in tracing.texts(line))
    ]
    assert settings
    assert not [line for line in settings if "O_RDONLY" not in line]


def test_over_http_it_writes_no_more_than_that_and_does_not_call_anybody(tmp_path: Path) -> None:
    """Two scans and their answers; then it is told to end while it may be in the next one."""
    last = tmp_path / "run/last.json"
    with scratch_netns("traced") as netns:
        fill(netns, 1_500)
        process = subprocess.Popen(
            [
                *(
                    "ip",
                    "netns",
                    "exec",
                    netns.name,
                    *tracing.WITHOUT_PODMAN,
                    "strace",
                    *tracing.OPTIONS,
                    "-o",
                    str(tmp_path / "trace"),
                ),
                *(sys.executable, "-B", "-m", "halftrack", "export", "--netns", "self", "--every", "1s"),
                *("--listen", "127.0.0.1:10432"),
            ],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HALFTRACK_RUN_DIR": str(last.parent)},
        )
        assert process.stderr is not None
        assert process.stderr.readline() == "halftrack: http://127.0.0.1:10432/metrics\n"
        seen: set[int] = set()
        while len(seen) < 2:
            assert process.poll() is None
            if last.exists():
                seen.add(last.stat().st_mtime_ns)
            time.sleep(0.05)
        asking = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:10432/metrics').read().decode(), end='')"
        words = ["ip", "netns", "exec", netns.name, sys.executable, "-c", asking]
        answer = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
        [traced] = (
            Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        )
        os.kill(int(traced), signal.SIGTERM)
        assert (process.wait(60), process.stderr.read()) == (0, "")
        process.stderr.close()
    assert values(answer)["halftrack_up"] == 1
    lines = (tmp_path / "trace").read_text(encoding="utf-8").splitlines()
    written = {one for one in tracing.written(lines) if not one.startswith("/dev/null")}
    assert len(written) >= 2
    own = tuple(f"{last.parent}/.{name}." for name in ("last.json", "counters.json"))
    assert all(one.startswith(own) for one in written), written
    assert str(last) in tracing.renamed(lines) <= {str(last), str(last.with_name("counters.json"))}
    assert not tracing.otherwise_changed(lines)
    assert "IPCTNL_MSG_CT_GET" in tracing.asked(lines) <= set(tracing.ASKING.values())
    assert tracing.families(lines) <= {"AF_NETLINK", "AF_UNIX", "AF_INET"}
    assert not [line for line in lines if "connect(" in line and "AF_INET" in line]
