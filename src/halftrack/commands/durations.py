"""Durations as options take them: ``90``, ``90s``, ``10m``, ``2h``, ``1d``."""

from __future__ import annotations

import re
from typing import Final

from halftrack.diagnosis import words
from halftrack.errors import UsageError

_DURATION: Final = re.compile(r"([0-9]{1,7})(s|m|h|d)?", re.ASCII)
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MOST: Final = 5 * 86_400


def seconds(option: str, text: str, most: int = _MOST) -> int:
    """Seconds of an option's value. Raises UsageError that shows how to write it."""
    found = _DURATION.fullmatch(text)
    number = int(found[1]) * _UNITS[found[2] or "s"] if found else 0
    if not 0 < number <= most:
        raise UsageError(
            f"{option} {text!a}: write a duration of 1 s to {words.duration(most)}, e.g. {option} 10m"
        )
    return number
