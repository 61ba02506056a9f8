"""The collecting script and a reader who takes nothing any more, or hardly anything."""

from __future__ import annotations

import fcntl
import gzip
import os
import subprocess
import time
from typing import Final

import pytest

from kernel.collecting import SCRIPT, SHELLS, alone
from kernel.draining import until
from kernel.test_collecting_tidy import complaints, left_of

_PAGE: Final = 4096
_ENV: Final = {"HALFTRACK_BETWEEN": "1"}


def begun(shell: str, mark: str, **seconds: int) -> tuple[subprocess.Popen[bytes], int]:
    """The script, and the end of a pipe that holds hardly anything of what it writes."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PAGE)
    settings = {f"HALFTRACK_{name}": str(value) for name, value in seconds.items()}
    process = subprocess.Popen(
        alone(SHELLS[shell]), stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE,
        env={**os.environ, **_ENV, **settings, "MARK": mark},
    )  # fmt: skip
    os.close(writing)
    assert process.stdin is not None
    process.stdin.write(SCRIPT)
    process.stdin.close()
    return process, reading


@pytest.mark.parametrize("shell", SHELLS)
def test_who_takes_nothing_any_more_is_not_waited_for(shell: str) -> None:
    mark = f"halftrack-stalled-{shell}-{os.getpid()}"
    process, reading = begun(shell, mark, SECONDS=8, STILL=2)
    try:
        with process:
            assert process.stderr is not None
            told = process.stderr.read()
            code = process.wait(timeout=60)
        until(lambda: not left_of(mark))
    finally:
        os.close(reading)
    why = "halftrack-collect: nothing more of it could be written for 2 s and more: the rest was given up"
    assert (code, complaints(told)) == (74, [why])


def test_who_takes_little_gets_all_of_it() -> None:
    """Longer than the script would wait for who takes nothing."""
    process, reading = begun("dash", "slow", SECONDS=10, STILL=1)
    sent = bytearray()
    with process, os.fdopen(reading, "rb", buffering=0) as file:
        while piece := file.read(_PAGE // 8):
            sent += piece
            if len(sent) < 20 * _PAGE // 8:
                time.sleep(1)
        assert process.stderr is not None
        told = process.stderr.read()
    assert (process.returncode, complaints(told)) == (0, [])
    assert gzip.decompress(bytes(sent)).endswith(b" complete\n")
