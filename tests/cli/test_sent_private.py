"""What was sent of a node is put into a private directory for a while, and stays nowhere."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_BEGINNING = b"halftrack-collection 1 w0rd\n" + b"".join(
    b"\nw0rd begin 5.0 %s\n%s\nw0rd end 0 %s\n" % (name, text, name)
    for name, text in (
        (b"about", b"kernel 6.1\nnode n\n"),
        (b"file/etc/hostname", b"n\n"),
        (b"file/../../escaped", b"x\n"),
        (b"file/etc/../../escaped", b"x\n"),
        (b"log/x", b"x" * 100_000),
    )
)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1), (None, None)]
)
def test_nothing_stays(tmp_path: Path, number: signal.Signals | None, code: int | None) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "halftrack", "doctor", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(place)},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(_BEGINNING)
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not list(place.glob("*/etc/hostname")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        [made] = place.iterdir()
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        if number is not None:
            process.send_signal(number)
        else:
            process.stdin.close()
        ended = process.wait(timeout=60)
    assert ended == code or code is None
    assert list(place.iterdir()) == []
    assert not (tmp_path / "escaped").exists()
