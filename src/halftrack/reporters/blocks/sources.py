"""SOURCES: which file and line gave which number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.reporters.places import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.document import Diagnosis, Finding
    from halftrack.reporters.layout import Page


def sources(diagnosis: Diagnosis, page: Page) -> list[str]:
    """The findings first, then each value; empty where it was not asked for."""
    if not page.sources:
        return []
    lines = ["SOURCES: where each number was read"]
    for number, found in enumerate(diagnosis.findings, 1):
        lines += _of_finding(number, found, page)
    several = len({each.netns for each in diagnosis.sources if each.netns}) > 1
    for each in diagnosis.sources:
        where = f"{each.netns}: " if several and each.netns else ""
        value = f"{each.value:,}" if isinstance(each.value, int) else each.value
        lines += page.wrap(f"{where}{each.what} = {value}: {places(each.at)}", "   ", " " * 5)
    if len(lines) == 1:
        lines += page.wrap("not kept with this source.", "   ")
    return lines


def _of_finding(number: int, found: Finding, page: Page) -> Iterator[str]:
    if found.at:
        line = "line" if len(found.first_lines) == 1 else "lines"
        first = f", the first in {line} {', '.join(map(str, found.first_lines))}" if found.first_lines else ""
        yield from page.wrap(f"{places(found.at)}{first}", f" {number} {found.symptom}: ", " " * 5)
    for cause in found.causes:
        for reason in (*cause.for_, *cause.against):
            if reason.at and reason.at != found.at:
                yield from page.wrap(f"{cause.cause}: {reason.what}: {places(reason.at)}", "   ", " " * 5)
