"""When a timeline begins and ends, as every screen tells it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from halftrack.diagnosis.document import Timeline
from halftrack.reporters.phrases.timeline import ends
from unit.sick import SICK_OLD

START = datetime(2026, 11, 23, 3, 12, 5, tzinfo=UTC)


def told(span_s: int, *, taken_after: timedelta = timedelta(minutes=5)) -> tuple[str, str]:
    shown = Timeline(clock="timeout", bucket_s=1, start=START, entries=(1,) * span_s)
    return ends(shown, span_s, msgspec.structs.replace(SICK_OLD, taken_at=START + taken_after))


def test_what_fits_one_minute_is_told_to_the_second() -> None:
    assert told(20) == ("Mon 23 03:12:05", "Mon 23 03:12:25")


def test_longer_ones_are_told_to_the_minute() -> None:
    assert told(80) == ("Mon 23 03:12", "Mon 23 03:13")


def test_long_ago_the_day_is_all_that_is_told() -> None:
    assert told(20, taken_after=timedelta(days=400)) == ("23 Nov 2026", "23 Nov 2026")
