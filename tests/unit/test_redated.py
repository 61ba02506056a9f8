"""What a drain's journal and file tell of entries that are still there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from halftrack.changes import records
from halftrack.changes.redated import drains, with_drained
from halftrack.diagnosis.document import Risk
from halftrack.evidence.values import Namespace
from halftrack.formats import save_lines
from halftrack.plans.actions import Drain, Where
from halftrack.plans.change import Who
from halftrack.plans.document import Effect, Plan, Step
from unit.flowrows import TAKEN_AT, flows, row, table

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.changes.records import Record
    from halftrack.plans.actions import Mode

ROWS = tuple(row(src=f"198.51.100.{n}", left=400_000) for n in range(4))


def journal(file: Path | None, ago_s: float, *, seconds: int = 60, mode: Mode = "retime") -> list[Record]:
    """Of a change that drained for two seconds, until so long ago."""
    ended = TAKEN_AT - timedelta(seconds=ago_s)
    begun = ended - timedelta(seconds=2)
    words = dict.fromkeys(("title", "target", "before", "after", "undo", "verify"), "")
    action = Drain(where=Where(netns="web", inode=7), filter=("one-sided",), mode=mode, seconds=seconds)
    step = Step(
        remedy="drain", kind="clear", effect=Effect(), risk=Risk(level="low"), actions=(action,), **words
    )
    kept = None if file is None else str(file)
    return [
        records.Begun(
            at=begun,
            number=1,
            who=Who(user="root", uid=0),
            plan=Plan(node="n", source="live", steps=(step,)),
            boot="b",
        ),
        records.Draining(at=begun, step=0, action=0, file=kept),
        records.Drained(at=ended, step=0, action=0, entries=4, file=kept),
    ]


def file_of(path: Path, left: int = 400_000) -> Path:
    kept = flows(*({**each, "timeout": left} for each in ROWS[:3]))
    path.write_bytes(b"".join(bytes(text) for text in save_lines.text(kept)))
    return path


def taken(left: list[int], *told: list[Record], inode: int = 7) -> list[tuple[int, int]] | None:
    rows = ({**each, "timeout": one} for each, one in zip(ROWS, left, strict=True))
    seen = table(*rows, namespace=Namespace("web", inode=inode))
    every = [one for each in told for one in drains(each)]
    found = with_drained(seen, every, TAKEN_AT, 0.0).flows
    assert found is not None
    return None if found.drained is None else found.drained.rows()


def test_what_was_drained_had_what_its_file_says(tmp_path: Path) -> None:
    """The second was heard since, the third was left two hours; the last is not in the file."""
    file = file_of(tmp_path / "drained.conntrack")
    assert taken([50, 431_990, 7_430, 50], journal(file, 10)) == [
        (399_940, 10),
        (0, 0),
        (392_560, 10),
        (0, 0),
    ]


def test_two_drains_of_one_entry_add_up(tmp_path: Path) -> None:
    early, late = file_of(tmp_path / "early"), file_of(tmp_path / "late", left=3_850)
    told = journal(late, 10), journal(early, 3_600)
    assert taken([50, 0, 0, 0], *told) == [(3_790 + 392_560, 10), (0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("ago_s", "mode", "inode"),
    [(10, "delete", 7), (10, "retime", 8), (8_000, "retime", 7), (40, "retime", 7)],
)
def test_what_a_drain_did_not_give_is_left_as_it_is(
    tmp_path: Path, ago_s: float, mode: Mode, inode: int
) -> None:
    """Removed; of another namespace; long over; with another time left than the drain's."""
    file = file_of(tmp_path / "drained.conntrack")
    assert taken([50, 50, 50, 50], journal(file, ago_s, mode=mode), inode=inode) is None


def test_a_file_that_is_gone_or_damaged_tells_nothing(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"\0" * 100)
    for file in (tmp_path / "gone", damaged, None):
        assert taken([50, 50, 50, 50], journal(file, 10)) is None


def test_a_journal_that_tells_of_no_such_step_tells_nothing(tmp_path: Path) -> None:
    begun, *_, done = journal(file_of(tmp_path / "drained.conntrack"), 10)
    assert isinstance(done, records.Drained)
    odd = records.Drained(at=done.at, step=3, action=-1, entries=4, file=done.file)
    assert list(drains([begun, odd])) == []
    assert list(drains([begun, done])) == []
    assert list(drains([done])) == []
