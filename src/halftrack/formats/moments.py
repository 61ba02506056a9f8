"""Moments in text: the start times of entries and lines of date(1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.formats.digits import Flags, Numbers

_DATE: Final = re.compile(r"\w{3} (\w{3}) +(\d+) (\d+):(\d+):(\d+) (?:UTC|GMT) (\d{4})")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EARLIEST_YEAR, LATEST_YEAR = 1970, 2241
_NS: Final = 1_000_000_000


def nanoseconds_of(
    year: Numbers, month: int, day: Numbers, clock: tuple[Numbers, Numbers, Numbers]
) -> tuple[npt.NDArray[np.int64], Flags]:
    """Times of day in UTC as nanoseconds since 1970, and which of them exist.

    ``clock``: hours, minutes, seconds.
    """
    hour, minute, second = clock
    possible = (year >= 1970) & (year < 2262) & (day >= 1) & (day <= 31)
    possible &= (hour < 24) & (minute < 60) & (second <= 60)
    years, days, hours, minutes, seconds = (
        np.where(possible, part, low).astype(np.int64)
        for part, low in ((year, 1970), (day, 1), (hour, 0), (minute, 0), (second, 0))
    )
    months = (years - 1970) * 12 + (month - 1)
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    after = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    possible &= first + days - 1 < after
    seconds += (first + days - 1) * 86_400 + hours * 3600 + minutes * 60
    return np.where(possible, seconds, 0) * _NS, possible


def moment_of(text: str) -> datetime | None:
    """A line of ``date``, ``date -Is`` or RFC 3339 as UTC; None where it names no zone for sure."""
    text = text.strip()
    if match := _DATE.fullmatch(text):
        name, *numbers = match.groups()
        day, hour, minute, second, year = map(int, numbers)
        if name not in MONTHS:
            return None
        if not EARLIEST_YEAR <= year <= LATEST_YEAR:
            return None
        try:
            return datetime(year, MONTHS.index(name) + 1, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return None
    return instant(text.replace(",", "."))


def instant(text: str) -> datetime | None:
    """An ISO 8601 time with its offset as UTC; None for any other text and for years that no node saw."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST_YEAR <= moment.year <= LATEST_YEAR else None
