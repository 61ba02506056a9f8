"""Numbers and durations as they stand in sentences."""

from __future__ import annotations


def count(number: int, singular: str, plural: str | None = None) -> str:
    """``1 entry``, ``2,000 entries``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def entries(number: int) -> str:
    return count(number, "entry", "entries")


def percent(share: float) -> str:
    """A share 0..1 as a whole per cent; what is neither nothing nor all never reads 0 or 100."""
    if share < 0:
        return "0 %"
    whole = round(share * 100)
    if whole == 0 and share > 0:
        return "under 1 %"
    if whole == 100 and share < 1:
        return "99 %"
    return f"{whole} %"


def duration(seconds: int) -> str:
    """``5 days``, ``4 d 4 h``, ``2 h 4 min``, ``5 min``, ``45 s``: at most two units, rounded down."""
    days, rest = divmod(max(seconds, 0), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else count(days, "day")
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {secs} s" if secs else f"{minutes} min"
    return f"{secs} s"
