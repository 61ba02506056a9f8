"""What became of a sample between two looks."""

from __future__ import annotations

import polars as pl

from halftrack.changes.rehearsal.measuring import Became, compare
from unit.flowrows import flows, one_sided


def sample(**left: int) -> pl.DataFrame:
    """Entries by their client's last number, with so many seconds left."""
    return flows(
        *(one_sided(dst=f"198.51.100.{name[1:]}", left=seconds) for name, seconds in left.items())
    ).frame


def test_each_entry_counts_once_and_what_ran_out_by_itself_nowhere() -> None:
    before = sample(c1=400_000, c2=400_000, c3=400_000, c4=400_000, c5=400_000, c6=2, c7=50)
    after = sample(c2=58, c3=7_439, c4=399_995, c5=432_000, c7=44)
    meant = [before.filter(pl.col("orig_dst_lo") & 255 < 3)]
    # 1 is gone and 2 dead, both meant; 3 has less and was not; 4 went on, 5 spoke, 6 ran out, 7 went on.
    assert compare(before, after, 5.0, meant, 60) == Became(freed=2, later=1, others=1)


def test_a_step_that_is_about_no_entry_is_held_to_that() -> None:
    before = sample(c1=400_000, c2=400_000)
    assert compare(before, sample(c1=399_999, c2=399_998), 1.5, (), 0) == Became()
    assert compare(before, sample(c1=399_999), 1.5, (), 0) == Became(freed=1, later=0, others=1)


def test_nothing_before_is_nothing_afterwards() -> None:
    nothing = sample()
    assert compare(nothing, sample(c1=5), 1.0, (), 60) == Became()
    assert Became(1, 2, 3) + Became(4, 5, 6) == Became(5, 7, 9)
