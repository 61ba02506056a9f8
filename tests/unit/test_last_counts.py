"""Counters that are added up from one scan to the next, which is another process."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from halftrack.commands import last_counts
from unit.documents import table

if TYPE_CHECKING:
    from pathlib import Path

INODES = {"web-1": 1, "web-2": 2}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALFTRACK_RUN_DIR", str(tmp_path / "run"))
    return tmp_path / "run"


def dropped(*counts: int) -> int | None:
    """What replicas have dropped together after one more scan."""
    tables = [table(netns=f"web-{number}", dropped_total=each) for number, each in enumerate(counts, 1)]
    sums = last_counts.add(tables, INODES)
    return sums.labels["web"]["dropped_total"] if sums else None


def test_a_scan_goes_on_where_the_last_one_was(folder: Path) -> None:
    assert [dropped(5, 7), dropped(6, 9), dropped(6), dropped(8)] == [12, 15, 15, 17]
    assert stat.S_IMODE((folder / "counters.json").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"spaces": 3}',
        b'{"labels": {"web": {"x": "y"}}}',
        b'{"labels": {"web": {"dropped_total": -5}}}',
        b'{"labels": {"web": {"dropped_total": 99999999999999999999}}}',
        b"\xff",
    ],
)
def test_what_is_no_such_file_is_begun_anew(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "counters.json").write_bytes(content)
    assert [dropped(5, 7), dropped(5, 8)] == [12, 13]


def test_a_pipe_in_its_place_is_not_waited_for_and_nothing_is_promised(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "counters.json")
    assert dropped(5, 7) is None


def test_where_nothing_can_be_remembered_nothing_is_added_up(folder: Path) -> None:
    folder.write_text("a file, where a directory is to be")
    assert dropped(5, 7) is None
