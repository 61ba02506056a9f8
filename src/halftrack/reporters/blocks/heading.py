"""Line 1, the verdict, and line 2: when, which kernel, where from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.reporters.phrases.heading import circumstances, word

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page


def verdict(diagnosis: Diagnosis, page: Page) -> list[str]:
    return page.wrap(f"{diagnosis.node}: {diagnosis.verdict}", f"{word(diagnosis)}  ")


def heading(diagnosis: Diagnosis, page: Page) -> list[str]:
    label = " " * len(f"{word(diagnosis)}  ")
    return [*verdict(diagnosis, page), *page.wrap(circumstances(diagnosis), label)]
