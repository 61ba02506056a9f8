"""Small files are read bounded, and whatever else stands at a path holds nobody up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from halftrack.kernel import files


def test_a_bounded_part(tmp_path: Path) -> None:
    """Bytes that are no text are replaced, not refused."""
    (tmp_path / "file").write_bytes(b"caf\xe9 and more")
    assert files.text(tmp_path / "file", 4) == "caf\N{REPLACEMENT CHARACTER}"
    assert files.read(tmp_path / "file") == b"caf\xe9 and more"


def test_longer_than_one_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(200_000))
    assert len(files.read(tmp_path / "file")) == 200_000
    assert len(files.read(tmp_path / "file", 100_000)) == 100_000


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Opening one for reading would wait for a writer."""
    os.mkfifo(tmp_path / "pipe")
    assert files.text(tmp_path / "pipe") is None
    with pytest.raises(OSError, match="Invalid argument"):
        files.read(tmp_path / "pipe")


def test_nothing_to_read(tmp_path: Path) -> None:
    assert files.text(tmp_path) is None
    assert files.text(tmp_path / "gone") is None


def test_files_of_the_kernel() -> None:
    """They say that they are empty."""
    assert Path("/proc/self/comm").stat().st_size == 0
    assert files.text("/proc/self/comm")


@pytest.mark.parametrize(
    ("written", "number"),
    [("65536\n", 65536), ("0\n", 0), ("-1\n", None), ("1 2\n", None), ("\n", None), ("9" * 64, None)],
)
def test_a_number_alone(tmp_path: Path, written: str, number: int | None) -> None:
    (tmp_path / "file").write_text(written, encoding="ascii")
    assert files.number(tmp_path / "file") == number
