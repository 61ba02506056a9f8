"""What a mailed-in table leaves open: assumptions, masks, unreadable lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence.sysctls import LEGACY_PREFIX, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.document import Diagnosis

_PREFIXES: Final = (PREFIX, "net.netfilter.", LEGACY_PREFIX)
STAND_INS: Final = "Addresses are stand-ins: equal ones are equal, but real networks cannot be told."

_STAND_IN: Final = re.compile(
    r"\bmaskedx*-\d{1,7}\b|(?<![\w.])2(?:4\d|5[0-4])(?:\.\d{1,3}){3}|\b3fff:|:3fff:|\bf2:ff:ff:", re.ASCII
)
"""A name, an address or a MAC address that ``masking.kinds`` gives and nobody has."""
_PUT_BACK: Final = (
    "Commands here name stand-ins: put back what they stand for before one is run, with"
    " halftrack unmask and the map."
)


def put_back(diagnosis: Diagnosis, typed: Iterable[str]) -> str | None:
    """What has to be done before these commands or lines of them mean the node; None where nothing has."""
    substituted = diagnosis.input.masked == "substituted"
    return _PUT_BACK if substituted and any(map(_STAND_IN.search, typed)) else None


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
