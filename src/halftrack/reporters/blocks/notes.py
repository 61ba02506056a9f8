"""What a mailed-in table leaves open: assumptions, masks, unreadable lines, what to ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page

_PREFIXES: Final = ("net.netfilter.nf_conntrack_", "net.netfilter.", "net.ipv4.netfilter.ip_conntrack_")
_MASKS: Final = {
    "visible": "taken as written: two masked addresses may be one, or one may be two.",
    "substituted": "stand-ins: equal ones are equal, but real networks cannot be told.",
}


def notes(diagnosis: Diagnosis, page: Page) -> list[str]:
    return [
        *_assumed(diagnosis, page),
        *_masks(diagnosis, page),
        *_unreadable(diagnosis, page),
        *_ask_for(diagnosis, page),
    ]


def _assumed(diagnosis: Diagnosis, page: Page) -> list[str]:
    if not diagnosis.input.assumed:
        return []
    parts = []
    for name, value in diagnosis.input.assumed.items():
        short = next((name.removeprefix(each) for each in _PREFIXES if name.startswith(each)), name)
        parts.append(f"{short} ~{value}")
    return page.wrap(", ".join(parts), "ASSUMED ")


def _masks(diagnosis: Diagnosis, page: Page) -> list[str]:
    lines = []
    given = diagnosis.input
    if given.masked != "none":
        lines += page.wrap(_MASKS[given.masked], "MASKS   ")
    for note in given.notes:
        lines += page.wrap(note, "        ! " if lines else "NOTE    ! ", " " * 10)
    if given.truncated:
        seen = "" if given.visible >= 1 else f" {words.percent(given.visible)} of it is seen;"
        lines += page.wrap(f"the table is cut short:{seen} counts are at least.", "NOTE    ")
    return lines


def _unreadable(diagnosis: Diagnosis, page: Page) -> list[str]:
    given = diagnosis.input
    if not given.unreadable:
        return []
    text = f"{given.unreadable:,} of {words.count(given.lines, 'line')} could not be read."
    lines = page.wrap(text, "UNREADABLE ", " " * 8)
    for example in given.first_unreadable[: 10 if page.verbose else 2]:
        lines += page.wrap(example, " " * 8, " " * 10)
    return lines


def _ask_for(diagnosis: Diagnosis, page: Page) -> list[str]:
    """The one line to type on the node that gives the rest."""
    if diagnosis.source == "live":
        return []
    asked = [gap for gap in diagnosis.gaps if gap.needs]
    if not asked:
        return []
    commands = dict.fromkeys(command for gap in asked for command in gap.needs)
    settles = ", ".join(dict.fromkeys(gap.what for gap in asked))
    return page.wrap(f"{'; '.join(commands)}   (settles {settles})", "ASK FOR ")
