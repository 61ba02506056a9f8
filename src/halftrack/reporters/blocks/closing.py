"""The last line: what was read, whether that is all, how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.reporters.phrases import reading

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page


def closing(diagnosis: Diagnosis, page: Page, *, label: str = "Read: ") -> list[str]:
    # The duration's blank is glued to its unit, so that the last line always ends in both.
    told = "\x00".join(reading.read(diagnosis).rsplit(" ", 1))
    return [line.replace("\\x00", " ") for line in page.wrap(told, label)]
