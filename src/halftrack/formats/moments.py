"""Moments in text: the start times of entries and lines of date(1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from halftrack.formats.digits import Flags, Numbers

_DATE: Final = re.compile(r"\w{3} (\w{3}) +(\d{1,2}) (\d{1,2}):(\d\d):(\d\d) (\S{1,8}) (\d{4})", re.ASCII)
_UTC: Final = ("UTC", "GMT")
_UPTIME: Final = re.compile(
    r".{0,20}\bup +(?:(?P<days>\d{1,6}) days?, +)?"
    r"(?:(?P<hours>\d{1,2}):(?P<minutes>\d\d)|(?P<alone>\d{1,2}) min),.*"
    r"|(?P<seconds>\d{1,12}\.\d{1,2}) \d{1,15}\.\d{1,2}",
    re.ASCII,
)
_QUARTER_S: Final = 900
"""All zones differ by whole quarters of an hour."""
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
    if _DATE.fullmatch(text):
        moment, zone = _dated(text)
        return moment if zone in _UTC else None
    return instant(text.replace(",", "."))


def dated(text: str) -> bool:
    """Whether it is a line of ``date`` as it prints by default, in whatever zone."""
    return _dated(text)[0] is not None


def _dated(text: str) -> tuple[datetime | None, str]:
    """What the clock on the wall showed, by a line of ``date``, as if that were UTC; and the zone's name."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None, ""
    name, *numbers, zone, last = match.groups()
    day, hour, minute, second, year = map(int, (*numbers, last))
    if name not in MONTHS or not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None, zone
    try:
        return datetime(year, MONTHS.index(name) + 1, day, hour, minute, second, tzinfo=UTC), zone
    except ValueError:
        return None, zone


def offset_of(texts: Iterable[str]) -> timedelta | None:
    """How far local time is ahead of UTC, by lines of ``date`` of about one moment.

    One of them in UTC and one in local time tell; all of them in UTC make that the local time.
    """
    dated = [(moment, zone) for moment, zone in map(_dated, texts) if moment is not None]
    in_utc = [moment for moment, zone in dated if zone in _UTC]
    local = [moment for moment, zone in dated if zone not in _UTC]
    if not in_utc:
        return None
    if not local:
        return timedelta()
    quarters = round((local[0] - in_utc[0]).total_seconds() / _QUARTER_S)
    return timedelta(seconds=quarters * _QUARTER_S)


def up_s(text: str) -> float | None:
    """Seconds since the boot, by ``/proc/uptime`` or by what ``uptime`` prints."""
    found = _UPTIME.fullmatch(text.strip())
    if found is None:
        return None
    if found["seconds"]:
        return float(found["seconds"])
    days, hours, minutes = (int(found[name] or 0) for name in ("days", "hours", "minutes"))
    return days * 86_400.0 + hours * 3_600 + (minutes or int(found["alone"] or 0)) * 60


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
