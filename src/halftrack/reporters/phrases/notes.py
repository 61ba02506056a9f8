"""What a mailed-in table leaves open: assumptions, masks, unreadable lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence.sysctls import LEGACY_PREFIX, PREFIX

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis

_PREFIXES: Final = (PREFIX, "net.netfilter.", LEGACY_PREFIX)
STAND_INS: Final = "Addresses are stand-ins: equal ones are equal, but real networks cannot be told."


def assumed(diagnosis: Diagnosis) -> list[str]:
    """What is not in the file and was taken to be so, by short names."""
    parts = []
    for name, value in diagnosis.input.assumed.items():
        short = next((name.removeprefix(each) for each in _PREFIXES if name.startswith(each)), name)
        parts.append(f"{short} ~{value}")
    return parts


def remarks(diagnosis: Diagnosis) -> list[str]:
    """Warnings about what was read, a sentence each."""
    given = diagnosis.input
    return [*([STAND_INS] if given.masked == "substituted" else []), *given.notes]


def cut(diagnosis: Diagnosis) -> str | None:
    """That the table is not whole, where it is not."""
    given = diagnosis.input
    if not given.truncated and given.visible >= 1:
        return None
    seen = "" if given.visible >= 1 else f" {words.percent(given.visible)} of it is seen;"
    return f"The table is cut short:{seen} counts are at least."


def unreadable(diagnosis: Diagnosis) -> str | None:
    """How many lines are no entries, and nothing else that is understood; None where there is none."""
    given = diagnosis.input
    if not given.unreadable:
        return None
    return f"{given.unreadable:,} of {words.count(given.lines, 'line')} could not be read."
