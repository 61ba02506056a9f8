"""How much of a ruleset is read at most, and the texts that are quoted from it."""

from __future__ import annotations

from typing import Final

from halftrack.evidence.printable import escaped

MOST_BYTES: Final = 64 << 20
MOST_RULES: Final = 300_000
"""After maps are taken apart. Some 100 MB."""
_LONGEST_QUOTED: Final = 300


class Unreadable(Exception):
    """What was given is no ruleset, or too much of one; the message says which."""


def check(text: str) -> None:
    if len(text) > MOST_BYTES:
        raise Unreadable(f"more than {MOST_BYTES >> 20} MiB of rules are not read")


def check_number(rules: int) -> None:
    if rules > MOST_RULES:
        raise Unreadable(f"more than {MOST_RULES:,} rules are not read")


def quoted(text: str) -> str:
    """One printable line of a rule, cut where it is very long."""
    return escaped(" ".join(text[: 4 * _LONGEST_QUOTED].split()), _LONGEST_QUOTED)
