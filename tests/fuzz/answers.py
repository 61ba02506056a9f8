"""What the doctor says of evidence that somebody damaged, in every form that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halftrack.diagnosis import examine
from halftrack.remedies import advise
from halftrack.reporters import html, json, terminal, ticket

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence


def answered(evidence: Evidence) -> None:
    """Examined, advised, and told as a document, a screen, a reply and a page: none of them breaks."""
    judged = examine(evidence)
    found = advise(judged.diagnosis, evidence, judged.cases)

    assert msgspec.json.decode(json.pretty(found))["schema"].startswith("halftrack.diagnosis/")
    for text in (
        terminal.render(found),
        terminal.render(found, width=40, verbose=True, sources=True),
        ticket.render(found),
    ):
        assert text.isascii()
        assert text.replace("\n", "").isprintable()
    assert html.render(found).startswith("<!DOCTYPE html>")
