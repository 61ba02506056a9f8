"""Durations as options take them: ``90``, ``90s``, ``10m``, ``2h``, ``1d``."""

from __future__ import annotations

from typing import Final

from halftrack.diagnosis import words
from halftrack.errors import UsageError

_MOST: Final = 5 * 86_400
_LISTENING: Final = 86_400


def seconds(option: str, text: str, most: int = _MOST, *, example: str = "10m") -> int:
    """Seconds of an option's value. Raises UsageError that shows how to write it."""
    number = words.seconds(text) or 0
    if not 0 < number <= most:
        raise UsageError(
            f"{option} {text!a}: write a duration of 1 s to {words.duration(most)}, e.g. {option} {example}"
        )
    return number


def listening(text: str) -> int:
    """Seconds of ``--listen``. Raises UsageError likewise."""
    return seconds("--listen", text, _LISTENING)
