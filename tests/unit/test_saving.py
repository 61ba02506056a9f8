"""Files that are replaced whole: what a killed process leaves beside them does not pile up."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from halftrack.commands import run_dir, saving
from halftrack.errors import OutputFailed


def old(path: Path) -> Path:
    path.touch()
    os.utime(path, (time.time() - 3_600,) * 2)
    return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALFTRACK_RUN_DIR", str(tmp_path))
    return tmp_path


def test_what_was_left_goes_with_the_next_one(places: Path) -> None:
    left = [old(places / f".last.json.{number:08x}") for number in range(3)]
    run_dir.keep(b"new", "last.json")
    assert not [each for each in left if each.exists()]
    assert (places / "last.json").read_bytes() == b"new"


def test_what_was_left_goes_where_the_next_one_fails_too(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk that it takes the room of, or a slow one on which each is killed: else nothing ends that."""
    left = old(places / ".last.json.01234567")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saving, "_write", full)
    with pytest.raises(OutputFailed, match="No space left"):
        run_dir.keep(b"new", "last.json")
    assert not left.exists()


def test_what_is_another_s_or_may_still_be_written_stays(places: Path) -> None:
    kept = [
        old(places / name)
        for name in (
            ".other.json.01234567",
            ".last.json.0123456",
            ".last.json.0123456z",
            "last.json.01234567",
        )
    ]
    young = places / ".last.json.89abcdef"
    young.touch()
    directory = places / ".last.json.76543210"
    directory.mkdir()
    os.utime(directory, (0, 0))
    link = places / ".last.json.fedcba98"
    link.symlink_to(kept[0])
    foreign = old(places / ".last.json.00000000")
    if os.geteuid() == 0:
        os.chown(foreign, 65534, 65534)
        os.utime(foreign, (0, 0))
        kept.append(foreign)
    run_dir.keep(b"new", "last.json")
    assert all(each.exists() for each in (*kept, young, directory))
    assert link.is_symlink()


def test_a_place_that_cannot_be_looked_through_is_no_trouble(tmp_path: Path) -> None:
    saving.tidy(tmp_path / "none" / "x")
