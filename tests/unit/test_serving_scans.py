"""Scans in processes of their own: what of them is kept, and that nothing else is."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# A process with one thread: one that tests run in has more, and is not to be forked.
RUN = """
import asyncio, os, signal, sys, time
from halftrack.serving.scans import Scans

def scan(work, *, limit_s=30.0, rounds=1):
    async def run():
        scans = Scans(work, lambda error: type(error).__name__, 0.01, limit_s)
        running = asyncio.get_running_loop().create_task(scans.run())
        seen = []
        while len(seen) < rounds:
            await asyncio.sleep(0.01)
            if scans.last is not None and (not seen or scans.last is not seen[-1]):
                seen.append(scans.last)
        running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            pass
        return seen
    return asyncio.run(run())
"""


def told(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", RUN + script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("lambda: b'up 1'", "b'up 1' ''"),
        ("lambda: b''", "b'' ''"),
        ("lambda: b'x' * 300_000", f"{b'x' * 300_000!r} ''"),
        ("lambda: 1 / 0", "None 'ZeroDivisionError'"),
        ("lambda: sys.exit(3)", "None 'SystemExit'"),
        ("lambda: os._exit(0)", "None 'scan crashed'"),
        ("lambda: os.kill(os.getpid(), signal.SIGSEGV)", "None 'scan crashed'"),
        ("lambda: os.abort()", "None 'scan crashed'"),
    ],
)
def test_what_a_scan_says_or_why_it_says_nothing(work: str, said: str) -> None:
    assert told(f"found = scan({work})[0]\nprint(repr(found.text), repr(found.why))") == said


def test_one_that_hangs_is_ended() -> None:
    script = "found = scan(lambda: time.sleep(600), limit_s=0.1)[0]\nprint(found.text, found.why)"
    assert told(script) == "None scan took too long"


def test_a_failure_is_followed_by_the_next_scan() -> None:
    script = """
import tempfile
folder = tempfile.mkdtemp()
FLAG = folder + '/flag'
def first_fails():
    if os.path.exists(FLAG):
        os.unlink(FLAG)
        return b'well'
    open(FLAG, 'w').close()
    raise ValueError
print([found.text for found in scan(first_fails, rounds=2)])
os.rmdir(folder)
"""
    assert told(script) == "[None, b'well']"


def test_a_slow_scan_leaves_the_last_one_and_its_age() -> None:
    script = """
import tempfile
folder = tempfile.mkdtemp()
def second_is_slow():
    if os.listdir(folder):
        time.sleep(600)
    open(folder + '/flag', 'w').close()
    return b'first'
async def run():
    scans = Scans(second_is_slow, str, 0.01)
    running = asyncio.get_running_loop().create_task(scans.run())
    while scans.last is None:
        await asyncio.sleep(0.01)
    first = scans.last
    await asyncio.sleep(0.5)
    print(scans.last is first, scans.last.age_s > 0.4)
    running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        pass
asyncio.run(run())
"""
    assert told(script) == "True True"


def test_nothing_is_left_of_many_scans() -> None:
    script = """
def there():
    return len(os.listdir('/proc/self/fd'))
scan(lambda: b'')
before = there()
scan(lambda: b'x', rounds=40)
scan(lambda: 1 / 0, rounds=40)
scan(lambda: time.sleep(600), rounds=5, limit_s=0.02)
try:
    os.waitpid(-1, os.WNOHANG)
    print('a process is left')
except ChildProcessError:
    print(there() - before)
"""
    assert told(script) == "0"


def test_a_scan_keeps_no_connection_of_the_servers_open() -> None:
    script = """
import socket
ours, theirs = socket.socketpair()
def held():
    found = []
    for fd in os.listdir('/proc/self/fd'):
        try:
            found.append(os.readlink('/proc/self/fd/' + fd))
        except OSError:
            pass  # that of the directory itself
    return '\\n'.join(found).encode()
fds = scan(held)[0].text.decode().splitlines()
print(os.readlink(f'/proc/self/fd/{ours.fileno()}') in fds, len(fds))
"""
    out = told(script).split()
    assert out[0] == "False"
    assert int(out[1]) == 4  # the three that every process has, and the pipe


def test_to_begin_one_closes_what_is_open_and_not_what_could_be(tmp_path: Path) -> None:
    """Runtimes of containers allow a billion files; kernels before 5.9 have no call that closes many."""
    script = (
        RUN
        + "kept = os.open('/dev/null', os.O_RDONLY)\nprint(scan(lambda: str(os.listdir('/proc/self/fd')).encode())[0].text)"
    )
    words = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=close,close_range"]
    words += ["-e", "inject=close_range:error=ENOSYS", "-e", "signal=none"]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh", *words, sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # The three that every process has, the pipe, and the listing itself.
    assert done.stdout == "b\"['0', '1', '2', '3', '4']\"\n"
    assert len((tmp_path / "trace").read_text().splitlines()) < 2_000
