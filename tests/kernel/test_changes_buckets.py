"""Buckets are one number of the whole node, and are never made fewer without having been seen."""

from __future__ import annotations

from pathlib import Path

from halftrack.changes import making, persisting
from halftrack.changes.writes import buckets
from halftrack.plans.actions import SetBuckets


def test_a_plan_that_could_not_see_them_makes_them_no_fewer() -> None:
    """Nothing is written here: the writes are only made ready."""
    now = int(Path(buckets.PARAMETER).read_text("ascii"))
    assert making.writes(SetBuckets(after=now // 2)) == []
    assert making.writes(SetBuckets(after=now)) == []
    (more,) = making.writes(SetBuckets(after=2 * now))
    assert isinstance(more, buckets.BucketsWrite)
    assert (more.before, more.after) == (now, 2 * now)


def test_what_boot_sets_is_no_less_than_what_is_there() -> None:
    now = int(Path(buckets.PARAMETER).read_text("ascii"))
    assert persisting.buckets_at_boot(now // 2) == now
    assert persisting.buckets_at_boot(2 * now) == 2 * now
