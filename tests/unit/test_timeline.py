"""When entries were last heard, as counts per bucket."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis.timeline import BEFORE_BOOT, MAX_BUCKETS, heard, made, timeline
from halftrack.evidence.values import Input
from unit.caserows import FIVE_DAYS, TAKEN_AT, marked, one_sided, rows, spread_evenly, view

if TYPE_CHECKING:
    import polars as pl

    from halftrack.diagnosis.view import View


def test_every_entry_is_counted_where_it_was_last_heard() -> None:
    """One entry an hour for a day: nothing is lost, and the oldest lies in the first bucket."""
    idle = [hour * 3600 for hour in range(24)]
    frame = one_sided(24, idle_s=idle)
    drawn = timeline(marked(frame), view(frame))
    assert drawn is not None
    assert (drawn.clock, drawn.bucket_s, sum(drawn.entries)) == ("timeout", 1800, 24)
    assert drawn.start is not None
    assert drawn.start <= TAKEN_AT - timedelta(hours=23) < drawn.start + timedelta(seconds=1800)
    assert drawn.entries[0] == 1
    assert drawn.entries[-1] == 1


def test_buckets_begin_at_round_times() -> None:
    frame = one_sided(50, idle_s=spread_evenly(50, 390_000))
    drawn = timeline(marked(frame), view(frame))
    assert drawn is not None
    assert drawn.start is not None
    assert drawn.bucket_s == 10_800
    assert drawn.start.timestamp() % drawn.bucket_s == 0
    end = drawn.start + timedelta(seconds=drawn.bucket_s * len(drawn.entries))
    assert TAKEN_AT < end <= TAKEN_AT + timedelta(seconds=drawn.bucket_s)


def test_an_undated_dump_ends_the_last_bucket() -> None:
    """Without a date there is no begin, and ages count back from the end."""
    frame = one_sided(3, idle_s=[68_688, 68_910, 69_092])
    drawn = timeline(marked(frame), view(frame, taken_at=None))
    assert drawn is not None
    assert drawn.start is None
    assert sum(drawn.entries) == 3
    first = next(index for index, count in enumerate(drawn.entries) if count)
    oldest = (len(drawn.entries) - first) * drawn.bucket_s
    assert oldest - drawn.bucket_s < 69_092 <= oldest
    assert any("no date" in doubt for doubt in drawn.caveats)


def test_stamps_are_preferred_where_all_have_one() -> None:
    frame = one_sided(10, idle_s=[0] * 10, age_s=range(0, 1000, 100))
    drawn = timeline(marked(frame), view(frame))
    assert drawn is not None
    assert drawn.clock == "timestamp"
    assert drawn == made(marked(frame), view(frame))


def test_a_partly_stamped_table_is_told_on_the_timeout_clock() -> None:
    """Stamps switched on an hour ago say nothing about the older entries."""
    frame = one_sided(3, idle_s=[0, 10, 20_000], age_s=[5, 15, None])
    drawn = timeline(marked(frame), view(frame))
    assert drawn is not None
    assert drawn.clock == "timeout"
    assert sum(drawn.entries) == 3


def test_without_any_clock_there_is_no_timeline() -> None:
    frame = one_sided(5, idle_s=None)
    assert timeline(marked(frame), view(frame)) is None
    assert timeline(marked(frame.clear()), view(frame)) is None


def test_entries_without_a_clock_are_told() -> None:
    frame = one_sided(3, idle_s=[10, None, None], timeout=[100, FIVE_DAYS + 5, None])
    drawn = timeline(marked(frame), view(frame))
    assert drawn is not None
    assert sum(drawn.entries) == 1
    assert any(doubt.startswith("2 of 3 entries") for doubt in drawn.caveats)


def test_a_few_strays_do_not_blur_the_rest() -> None:
    """One entry of five days must not squeeze an hour of leak into one bucket."""
    idle = [*spread_evenly(1000, 3600), 430_000]
    frame = one_sided(1001, idle_s=idle)
    drawn = timeline(marked(frame), view(frame))
    assert drawn is not None
    assert drawn.bucket_s == 300
    assert sum(drawn.entries) == 1000
    assert any(doubt.startswith("1 of 1,001 entries") for doubt in drawn.caveats)


def test_a_clamping_kernel_shows_five_minutes() -> None:
    frame = one_sided(30, idle_s=range(0, 300, 10), timeout=range(300, 0, -10))
    drawn = heard(marked(frame), view(frame))
    assert drawn is not None
    assert any("last 300 s only" in doubt for doubt in drawn.caveats)


def test_a_cut_dump_says_so() -> None:
    frame = rows(9, idle_s=spread_evenly(9, 20_000))
    drawn = timeline(marked(frame), view(frame, read=Input(truncated=True)))
    assert drawn is not None
    assert any("cut short" in doubt for doubt in drawn.caveats)


@pytest.mark.parametrize("taken_at", [None, TAKEN_AT, datetime(1970, 1, 1, tzinfo=UTC)])
@settings(deadline=None)  # the first example pays for warming up
@given(idle=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30))
def test_any_clock_gives_a_bounded_timeline(taken_at: datetime | None, idle: list[int]) -> None:
    """Numbers from a damaged file neither overflow nor make more buckets than can be drawn."""
    frame = one_sided(len(idle), idle_s=idle, timeout=[0] * len(idle))
    drawn = timeline(marked(frame), view(frame, taken_at=taken_at))
    if drawn is not None:
        assert len(drawn.entries) <= MAX_BUCKETS
        assert 0 < sum(drawn.entries) <= len(idle)


def test_what_seems_older_than_the_last_boot_is_doubted() -> None:
    frame = rows(50, idle_s=spread_evenly(50, 90_000))
    seen = view(frame)
    young = dataclasses.replace(seen, evidence=dataclasses.replace(seen.evidence, up_s=3_600))
    old = dataclasses.replace(seen, evidence=dataclasses.replace(seen.evidence, up_s=100_000))

    assert BEFORE_BOOT in drawn_caveats(frame, young)
    assert BEFORE_BOOT not in drawn_caveats(frame, old)


def drawn_caveats(frame: pl.DataFrame, seen: View) -> tuple[str, ...]:
    drawn = timeline(marked(frame), seen)
    assert drawn is not None
    return drawn.caveats
