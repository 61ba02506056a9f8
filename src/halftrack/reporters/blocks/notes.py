"""What a mailed-in table leaves open: assumptions, masks, unreadable lines, what to ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.reporters.phrases import notes as phrases
from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page


def notes(diagnosis: Diagnosis, page: Page) -> list[str]:
    return [
        *_assumed(diagnosis, page),
        *_masks(diagnosis, page),
        *_unreadable(diagnosis, page),
        *_ask_for(diagnosis, page),
    ]


def _assumed(diagnosis: Diagnosis, page: Page) -> list[str]:
    told = phrases.assumed(diagnosis)
    return page.wrap(", ".join(told), "ASSUMED ") if told else []


def _masks(diagnosis: Diagnosis, page: Page) -> list[str]:
    lines: list[str] = []
    label = "NOTE" if diagnosis.input.masked == "none" else "MASKS"
    for note in phrases.remarks(diagnosis):
        lines += page.wrap(note, f"{label:<8}" if not lines else " " * 8, " " * 8)
    told = phrases.cut(diagnosis)
    return lines + (page.wrap(told, "NOTE    ") if told else [])


def _unreadable(diagnosis: Diagnosis, page: Page) -> list[str]:
    told = phrases.unreadable(diagnosis)
    if told is None:
        return []
    lines = page.wrap(told, "UNREADABLE ", " " * 8)
    for example in diagnosis.input.first_unreadable[: 10 if page.verbose else 2]:
        lines += page.wrap(example, " " * 8, " " * 10)
    return lines


def _ask_for(diagnosis: Diagnosis, page: Page) -> list[str]:
    """The one line to type on the node that gives the rest."""
    if diagnosis.source == "sos":
        return _next(diagnosis, page)
    if diagnosis.of_node:
        return []
    asked = [gap for gap in diagnosis.gaps if gap.needs]
    if not asked:
        return []
    needed = dict.fromkeys(command for gap in asked for command in gap.needs)
    commands = [one for one in needed if not any(one.startswith(f"{other}.") for other in needed)]
    settles = ", ".join(dict.fromkeys(gap.what for gap in asked))
    return page.wrap(f"{'; '.join(commands)}   (settles {settles})", "ASK FOR ")


def _next(diagnosis: Diagnosis, page: Page) -> list[str]:
    """Of a report, whose sender is asked for one thing, and the reply that says so."""
    if diagnosis.ask is None:
        return []
    settles = f"   (settles {', '.join(diagnosis.ask.settles)})" if diagnosis.ask.settles else ""
    lines = page.wrap(f"{diagnosis.ask.command}{settles}", "ASK FOR ")
    if page.again is not None:
        lines += shell_lines(f"{page.again} --format ticket  # the reply to who sent it", page, " " * 8)
    return lines
