"""Behind -v: every finding with all its groups, its timeline, its causes weighed, its remedies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.reporters.blocks import remedies, timeline
from halftrack.reporters.blocks.finding import brief, finding
from halftrack.reporters.phrases import finding as told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.document import Began, Cause, Diagnosis, Finding
    from halftrack.reporters.layout import Page

_ALL = 1000


def findings(diagnosis: Diagnosis, page: Page) -> Iterator[list[str]]:
    """A block for each."""
    for number, shown in enumerate(diagnosis.findings, 1):
        lines = brief(number, shown, diagnosis, page)
        if shown.groups:
            lines += finding(number, shown, diagnosis, page, groups=_ALL, explained=_ALL, line=False)
            lines += _top_peers(shown, page)
        else:
            lines += page.wrap(shown.explanation, "   ") if shown.explanation else []
        lines += _began(shown.began, page)
        if shown.forecast is not None and shown.groups:
            lines += page.wrap(shown.forecast.basis, "   Pace: ")
        lines += timeline.chart(shown, diagnosis, page)
        for enabled in shown.enabled_by:
            lines += page.wrap(f"{told.let_in_by(enabled)}: {enabled.why}", "   Let in by ", " " * 5)
        if shown.causes:
            lines += page.wrap(told.WEIGHED, "   ")
        for cause in shown.causes:
            lines += _cause(cause, page)
        lines += remedies.every(shown.remedies, page)
        yield lines


def _began(began: Began | None, page: Page) -> list[str]:
    return [] if began is None else page.wrap(told.begun(began), "   Began: ", " " * 5)


def _top_peers(shown: Finding, page: Page) -> list[str]:
    lines = []
    for group in shown.groups[:3]:
        if len(group.top_peers) > 1:
            peers = ", ".join(told.peer(peer) for peer in group.top_peers)
            lines += page.wrap(
                peers, f"   Peers of {page.clean(group.address or 'it')}: "[: page.width // 2], " " * 5
            )
    return lines


def _cause(cause: Cause, page: Page) -> list[str]:
    lines = page.wrap(told.cause(cause), "   Cause ")
    for label, reasons in (("for", cause.for_), ("against", cause.against)):
        for reason in reasons:
            lines += page.wrap(f"{told.reason(reason)} [{reason.source}]", f"     {label:<8}", " " * 13)
    for missing in cause.missing:
        lines += page.wrap(missing, "     missing ", " " * 13)
    return lines
