"""Numbers and durations as they stand in sentences, and durations as somebody types them."""

from __future__ import annotations

import re
from typing import Final

_TYPED: Final = re.compile(r"(?:[0-9]{1,12}[smhdw])+|[0-9]{1,12}", re.ASCII)
_PART: Final = re.compile(r"([0-9]+)([smhdw]?)", re.ASCII)
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def count(number: int, singular: str, plural: str | None = None) -> str:
    """``1 entry``, ``2,000 entries``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def entries(number: int) -> str:
    return count(number, "entry", "entries")


def capital(text: str) -> str:
    """As it stands at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


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


def pace(number: float) -> str:
    """``1,230``, ``33``, ``2.5``, ``0.12``: as exact as a pace can be told."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


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


def seconds(text: str) -> int | None:
    """Of ``90``, ``90s``, ``10m``, ``1h30m``, ``1d``, ``2w``; None for what is no duration."""
    told = text.lower()
    if not _TYPED.fullmatch(told):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(told))
