"""Behind -v: every finding with all its groups, its timeline, its causes weighed, its remedies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.reporters.blocks import remedies, timeline
from halftrack.reporters.blocks.finding import brief, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.document import Began, Cause, Diagnosis, EnabledBy, Finding, Peer, Reason
    from halftrack.reporters.layout import Page

_ALL = 1000
_BASES = {
    "tcp-flags": "TCP flags and window scales tell",
    "unanswered": "inferred: never answered, so no handshake passed; this source has no TCP flags",
    None: "this source has no TCP flags",
}


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
            lines += page.wrap(f"{let_in_by(enabled)}: {enabled.why}", "   Let in by ", " " * 5)
        if shown.causes:
            lines += page.wrap("Each cause is judged by itself, 0 to 1: two can both be true.", "   ")
        for cause in shown.causes:
            lines += _cause(cause, page)
        lines += remedies.every(shown.remedies, page)
        yield lines


def _began(began: Began | None, page: Page) -> list[str]:
    return [] if began is None else page.wrap(begun(began), "   Began: ", " " * 5)


def begun(began: Began) -> str:
    """How the entries came to be, and on what that rests."""
    counts = (
        (began.picked_up, "picked up in mid-stream"),
        (began.handshake, "by a handshake that was seen"),
        (began.injected, "injected by a program"),
        (began.unknown, "not known"),
    )
    told = ", ".join(f"{number:,} {what}" for number, what in counts if number)
    return f"{told} ({_BASES[began.basis]})"


def _top_peers(shown: Finding, page: Page) -> list[str]:
    lines = []
    for group in shown.groups[:3]:
        if len(group.top_peers) > 1:
            peers = ", ".join(peer_text(peer) for peer in group.top_peers)
            lines += page.wrap(
                f"{peers}", f"   Peers of {page.clean(group.address or 'it')}: "[: page.width // 2], " " * 5
            )
    return lines


def peer_text(peer: Peer) -> str:
    """``198.51.100.7 (shop/web:http) 900``."""
    name = f" ({peer.service_name})" if peer.service_name else ""
    return f"{peer.address}{name} {peer.entries:,}"


def _cause(cause: Cause, page: Page) -> list[str]:
    lines = page.wrap(f"{cause.cause} {cause.confidence:.2f}", "   Cause ")
    for label, reasons in (("for", cause.for_), ("against", cause.against)):
        for reason in reasons:
            lines += page.wrap(f"{reason_text(reason)} [{reason.source}]", f"     {label:<8}", " " * 13)
    for missing in cause.missing:
        lines += page.wrap(missing, "     missing ", " " * 13)
    return lines


def let_in_by(enabled: EnabledBy) -> str:
    """The setting and its value."""
    return f"{enabled.setting} = {'not known' if enabled.value is None else enabled.value}"


def reason_text(reason: Reason) -> str:
    """What speaks for or against a cause, without where it was read."""
    value = (
        f": {reason.value:,}"
        if isinstance(reason.value, int)
        else ""
        if reason.value is None
        else f": {reason.value}"
    )
    return f"{reason.what}{value}"
