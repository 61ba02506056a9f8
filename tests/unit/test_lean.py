"""What keeps a scan small is said before what it is said to is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SAY = """
import sys
from halftrack.commands import export

def say():
    sys.exit(bool({"numpy", "polars", "hashlib"} & set(sys.modules)))

export.be_lean = say
export.command(sys.argv[1:])
"""


@pytest.mark.parametrize("words", [("--textfile", "-"), ("--listen", "127.0.0.1:0")])
def test_polars_reads_its_settings_after_they_were_made(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SAY, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
