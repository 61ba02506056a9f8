"""``export --listen`` as a process: it answers, says what is in its way, and ends when it is told to."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from unit.promtool import lint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HALFTRACK = (sys.executable, "-m", "halftrack")


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running one, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = f"127.0.0.1:{port}"
    process = subprocess.Popen(
        [*HALFTRACK, "export", "--listen", where, "--every", "1s"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HALFTRACK_RUN_DIR": str(tmp_path)},
    )
    assert process.stderr is not None
    assert process.stderr.readline() == f"halftrack: http://{where}/metrics\n"
    yield process, where
    process.kill()
    process.wait()
    process.stderr.close()


def got(where: str, path: str) -> str:
    with urllib.request.urlopen(f"http://{where}{path}", timeout=30) as answer:
        found: str = answer.read().decode()
    return found


def test_it_answers_and_ends_with_sigterm(exporter: tuple[subprocess.Popen[str], str]) -> None:
    process, where = exporter
    assert got(where, "/healthz") == "ok\n"
    assert "/metrics" in got(where, "/")
    while "first scan is not over" in got(where, "/metrics"):
        time.sleep(0.05)
    found = got(where, "/metrics")
    lint(found)
    assert "halftrack_scan_age_seconds" in found
    with pytest.raises(urllib.error.HTTPError, match="404"):
        got(where, "/etc/passwd")

    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with pytest.raises(urllib.error.URLError):
        got(where, "/healthz")


def test_a_hangup_is_an_end_after_which_systemd_starts_it_again(
    exporter: tuple[subprocess.Popen[str], str],
) -> None:
    """Not death by that signal, which Restart=on-failure takes for a wish."""
    process, where = exporter
    assert got(where, "/healthz") == "ok\n"
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 130
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_too_many_open_files_are_one_line_and_pass(exporter: tuple[subprocess.Popen[str], str]) -> None:
    process, where = exporter
    assert process.stderr is not None
    while "first scan is not over" in got(where, "/metrics"):
        time.sleep(0.05)
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (16, before[1]))
    address, _, port = where.partition(":")
    with contextlib.ExitStack() as opened:
        for _ in range(40):
            opened.enter_context(socket.create_connection((address, int(port))))
        line = ""
        while "socket.accept" not in line:  # a scan may have had too few of them before
            line = process.stderr.readline()
            assert line.startswith("halftrack: ")
        assert "Too many open files" in line
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    while True:  # the server waits a second before it takes connections again
        with contextlib.suppress(OSError):
            assert got(where, "/healthz") == "ok\n"
            break
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert all(line.startswith("halftrack: ") for line in process.stderr.read().splitlines())


def test_a_port_in_use_is_one_line(exporter: tuple[subprocess.Popen[str], str]) -> None:
    _, where = exporter
    done = subprocess.run(
        [*HALFTRACK, "export", "--listen", where], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 75
    assert done.stderr == f"halftrack: {where} is in use already: --listen ADDR:PORT names another\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--listen", "--textfile", "a.prom"),
        ("--listen", "example.net:80"),
        ("--listen", "--every", "never"),
        ("--listen", "--json"),
        ("--textfile", "-", "--assume", "limit=5"),
        ("--textfile", "-", "--root", "/"),
    ],
)
def test_words_that_do_not_fit_together(words: tuple[str, ...], tmp_path: Path) -> None:
    words = tuple(str(tmp_path) if word == "/" else word for word in words)
    done = subprocess.run(
        [*HALFTRACK, "export", *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.count("\n") == 1
