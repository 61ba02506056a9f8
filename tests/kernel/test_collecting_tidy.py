"""The collecting script where something is missing or breaks: one line, the right code, nothing left behind."""

from __future__ import annotations

import contextlib
import gzip
import os
import pty
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.collecting import SCRIPT, SHELLS, alone, collected, doctor
from kernel.draining import until

if TYPE_CHECKING:
    from collections.abc import Sequence

_ORDINARY = ("halftrack-collect: reads only,", "  ", "done")
"""How lines begin that are no complaint."""
_NEEDED = ("cat", "grep", "ls", "sed", "sleep", "sort")
_ENDLESS = "#!/bin/sh\nexec cat /dev/zero\n"


def complaints(stderr: bytes) -> list[str]:
    return [line for line in stderr.decode().splitlines() if not line.startswith(_ORDINARY)]


def redirected(how: str, shell: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    words = ["sh", "-c", f'exec "$@" {how}', "sh", *alone(shell)]
    return collected(words)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("how", "told"), [(">&-", "standard output is closed"), (">/dev/full", "it could not be written")]
)
def test_what_cannot_be_written(shell: str, how: str, told: str) -> None:
    done = redirected(how, SHELLS[shell])
    assert (done.returncode, complaints(done.stderr)) == (74, [f"halftrack-collect: {told}"])


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_that_may_not_grow(shell: str, tmp_path: Path) -> None:
    """Whoever writes is ended by a signal, which is another one than where nobody reads."""
    words = ["bash", "-c", f'ulimit -f 2; exec "$@" >{tmp_path}/out', "bash", *alone(SHELLS[shell])]
    done = collected(words)
    assert (done.returncode, complaints(done.stderr)) == (74, ["halftrack-collect: it could not be written"])


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "how",
    [
        "true",  # there is none
        "mount -o remount,ro /dev",
        'mknod -m 600 /dev/null c 1 3; set -- setpriv --reuid 65534 --clear-groups "$@"',
    ],
)
def test_without_a_place_for_what_nobody_wants(shell: str, how: str) -> None:
    """Nothing is made in its place."""
    script = f'mount -t tmpfs none /dev; {how}; "$@"; code=$?; ls -l /dev; exit $code'
    done = collected(alone(["sh", "-c", script, "sh", *SHELLS[shell]]))
    told = ["halftrack-collect: /dev/null is missing here, or closed: mknod -m 666 /dev/null c 1 3"]
    assert (done.returncode, complaints(done.stderr)) == (69, told)
    assert not [line for line in done.stdout.decode().splitlines() if line.startswith("-")]


def test_a_terminal_is_no_file() -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            SHELLS["dash"], input=SCRIPT, stdout=theirs, stderr=subprocess.PIPE, check=False, timeout=60
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 64
    assert len(done.stderr.splitlines()) == 1


def left_of(mark: str) -> list[int]:
    """Processes with this word in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in place.read_bytes():
                found.append(int(place.parent.name))
    return found


@pytest.fixture
def endless(tmp_path: Path) -> dict[str, str]:
    """An environment in which ss prints without end, marked as this test's."""
    (tmp_path / "ss").write_text(_ENDLESS)
    (tmp_path / "ss").chmod(0o755)
    mark = f"halftrack-test-{tmp_path.name}-{os.getpid()}"
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "MARK": mark, "HALFTRACK_BETWEEN": "1"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("ignored", [False, True])
def test_a_reader_that_ends_early(shell: str, ignored: bool, endless: dict[str, str]) -> None:
    """Also where somebody ignores SIGPIPE, so that only the writing fails."""
    with subprocess.Popen(
        alone(SHELLS[shell]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=endless,
        restore_signals=not ignored,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(SCRIPT)
        process.stdin.close()
        assert process.stdout.read(100)
        process.stdout.close()
        told = process.stderr.read()
        code = process.wait(timeout=60)
    assert code in ({74} if ignored else {141})
    assert len(complaints(told)) == (1 if ignored else 0)
    until(lambda: not left_of(endless["MARK"]))


def test_who_is_killed_leaves_nothing_running(endless: dict[str, str]) -> None:
    with subprocess.Popen(
        SHELLS["dash"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**endless, "HALFTRACK_BETWEEN": "2"},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(SCRIPT)
        process.stdin.close()
        until(lambda: len(left_of(endless["MARK"])) > 3)
        process.send_signal(signal.SIGKILL)
    until(lambda: not left_of(endless["MARK"]), 60)


@pytest.mark.parametrize("shell", SHELLS)
def test_who_is_interrupted_leaves_nothing_running(shell: str, endless: dict[str, str]) -> None:
    """Ctrl-C reaches all of them, and shells have those in the background pass it over."""
    with subprocess.Popen(
        SHELLS[shell], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**endless, "HALFTRACK_BETWEEN": "20"}, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(SCRIPT)
        process.stdin.close()
        until(lambda: len(left_of(endless["MARK"])) > 3)
        os.killpg(process.pid, signal.SIGINT)
    until(lambda: not left_of(endless["MARK"]), 25)


@pytest.mark.parametrize("shell", sorted(SHELLS.keys() - {"busybox"}))
def test_one_that_is_ended_before_its_time(shell: str, tmp_path: Path) -> None:
    """By whoever takes memory back, or where no more processes may be: that is not for its size.

    BusyBox calls no sleep but its own.
    """
    sleep = tmp_path / "sleep"
    sleep.write_text(f'#!/bin/sh\n[ "$1" != 7 ] || kill -KILL $PPID\nexec {shutil.which("sleep")} "$@"\n')
    sleep.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = collected(alone(SHELLS[shell]), env, BETWEEN=7)
    told = "halftrack-collect: it was ended before its time: what was read until then is in it"
    assert done.returncode == 76, done.stderr
    assert done.stderr.decode().splitlines()[-1] == told
    assert gzip.decompress(done.stdout).startswith(b"halftrack-collection 1 ")


def few(place: Path, *tools: str) -> dict[str, str]:
    """An environment with these tools alone, and none in the places where administrators' are."""
    for tool in tools:
        found = shutil.which(tool)
        assert found is not None
        (place / tool).symlink_to(found)
    return {"PATH": str(place), "HALFTRACK_BETWEEN": "1"}


def bare(shell: str) -> list[str]:
    hidden = "for place in /usr/sbin /usr/local/sbin; do /usr/bin/mount -t tmpfs none $place; done"
    return alone(["/bin/sh", "-c", f'{hidden}; PATH=$ONLY; exec "$@"', "sh", shell, "-s"])


def run_bare(env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    whole = {**os.environ, **env, "PATH": os.environ["PATH"], "ONLY": env["PATH"]}
    return subprocess.run(
        bare("/bin/dash"), input=SCRIPT, capture_output=True, check=False, timeout=120, env=whole
    )


def test_with_what_every_system_has_alone(tmp_path: Path) -> None:
    done = run_bare(few(tmp_path, *_NEEDED, "sh"))
    assert done.returncode == 0
    last = done.stderr.decode().splitlines()[-1]
    assert last == "done. Missing: nsenter conntrack ip nft tc ss date gzip head renice"
    assert done.stdout.startswith(b"halftrack-collection 1 ")
    document = doctor("-", stdin=done.stdout)
    assert document["taken_at"] is None
    assert {"what ss shows", "what tc shows"} <= {gap["what"] for gap in document["gaps"]}


@pytest.mark.parametrize("missing", _NEEDED)
def test_without_what_it_takes(tmp_path: Path, missing: str) -> None:
    done = run_bare(few(tmp_path, "sh", *(tool for tool in _NEEDED if tool != missing)))
    assert (done.returncode, done.stdout) == (69, b"")
    assert done.stderr.decode() == f"halftrack-collect: it takes what is missing here: {missing}\n"
