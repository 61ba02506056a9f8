"""The one sentence of line 1, such that a tired person can repeat it on the phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import services, words
from halftrack.diagnosis.standing import CRITICAL_WITHIN, FULL, fills_within, standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.document import Finding, Group, TableSummary
    from halftrack.evidence.values import Evidence

_OWN: Final = frozenset({"host", "self"})
_STUCK: Final = frozenset({"one-sided", "orphaned"})
_LOOKS: Final = {
    "one-sided": "seen in one direction",
    "orphaned": "without a socket",
    "idle-established": "silent for hours",
    "half-open": "half open",
    "half-closed": "half closed",
    "unreplied-udp": "UDP without an answer",
    "stale-nat": "translated for addresses that are gone",
}


def sentence(
    evidence: Evidence,
    summaries: Sequence[TableSummary],
    findings: Sequence[Finding],
    lasting: Mapping[str, int],
) -> str:
    """Without severity word and node.

    ``findings``: worst first. ``lasting``: by namespace, how many entries are stuck for long, so that
    a few of them are not passed over in silence.
    """
    if not summaries:
        return "no connection table could be read."
    focus = _focus(evidence, summaries, findings)
    if focus.entries is None and not focus.read:
        for gap in evidence.gaps:
            if gap.netns == focus.netns and not gap.needs:
                return f"{gap.why}."
    about = [
        finding
        for finding in findings
        if finding.severity != "info" and finding.groups and finding.groups[0].netns == focus.netns
    ]
    text = f"{_where(evidence, focus)}{_state(evidence, focus, about, lasting.get(focus.netns, 0))}"
    if not focus.read:
        tail = "entries not seen" if not _worried(findings) else "Whose they are: not seen"
        return f"{text}; {tail}." if tail[0].islower() else f"{text}. {tail}."
    return f"{text}."


def _worried(findings: Sequence[Finding]) -> bool:
    return any(finding.severity != "info" for finding in findings)


def _focus(
    evidence: Evidence, summaries: Sequence[TableSummary], findings: Sequence[Finding]
) -> TableSummary:
    """The table that the sentence is about: the one with the worst finding, else the node's own.

    Where the node's own was not asked for, the largest of those that were.
    """
    by_name = {each.netns: each for each in summaries}
    for finding in findings:
        if finding.severity == "info":
            break
        netns = finding.groups[0].netns if finding.groups else finding.id.partition("/")[2]
        if netns in by_name:
            return by_name[netns]
    looked_at = [table for table in evidence.tables if not table.skipped] or list(evidence.tables)
    for table in looked_at:
        if table.netns in _OWN:
            return by_name[table.netns]
    return by_name[max(looked_at, key=lambda table: table.count or 0).netns]


def _where(evidence: Evidence, focus: TableSummary) -> str:
    name = focus.owner.name if focus.owner else focus.netns
    if evidence.in_container and focus.netns == "self":
        who = f"container {focus.owner.name}" if focus.owner else "this container"
        return f"this is the table of {who}, not the node's: "
    if evidence.source == "live" and focus.netns not in _OWN:
        return f"in {name}: "
    return ""


def _state(evidence: Evidence, focus: TableSummary, about: Sequence[Finding], lasting: int) -> str:
    stand = standing(focus, focus.entries or 0, evidence.taken_at)
    full = stand.fullness
    if full is not None and full >= FULL:
        dropped = f", {focus.dropped:,} dropped in {focus.counters_over_s} s" if focus.dropped else ""
        head = f"connection table {'full' if full >= 1 else 'nearly full'}{dropped}"
        return f"{head}; {_stuck(focus, about)}" if about else head
    if fills_within(focus.forecast, stand, CRITICAL_WITHIN) and focus.forecast and focus.forecast.full_at:
        at = focus.forecast.full_at
        wave = ", with the next wave" if focus.forecast.shape == "steps" else ""
        head = f"full at about {at:%a %d %b %H:%M} UTC{wave}"
        return f"{head}; {_stuck(focus, about)}" if about else head
    head = _count(focus, full)
    if focus.read and about:
        head += f", {_stuck_of_count(focus, about)}"
    elif focus.read:
        head += f", {lasting:,} stuck (too few to matter yet)" if lasting else ", nothing stuck"
    return head + _dropped(focus)


def _count(focus: TableSummary, full: float | None) -> str:
    if focus.entries is None:
        return "number of entries unknown"
    if full is None or focus.limit is None:
        return words.entries(focus.entries) + (" (no limit)" if focus.unlimited else "")
    return f"{focus.entries:,} of {focus.limit:,} entries ({words.percent(full)})"


def _dropped(focus: TableSummary) -> str:
    if focus.dropped is None:
        return ""
    if focus.dropped == 0:
        return ", nothing dropped"
    return f", {focus.dropped:,} dropped in {focus.counters_over_s} s"


def _stuck(focus: TableSummary, about: Sequence[Finding]) -> str:
    """``82 % of it is stuck, mostly web-1's``."""
    entries = sum(finding.entries for finding in about)
    share = entries / max(focus.entries or entries, 1)
    part = "all" if share >= 1 else words.percent(share)
    return f"{part} of it is {_look(about)}{_mostly(about)}"


def _stuck_of_count(focus: TableSummary, about: Sequence[Finding]) -> str:
    """``all 3 stuck: web traffic seen in one direction``, ``66 % half closed, mostly shop's``."""
    entries = sum(finding.entries for finding in about)
    total = focus.entries or entries
    if entries >= total and len(about) == 1:
        group = about[0].groups[0]
        traffic = services.common_name(group.service) or group.service
        look = _LOOKS[about[0].symptom]
        what = f"{traffic} traffic {look}" if traffic else look
        return f"all {entries:,} stuck: {what}" if entries > 1 else f"and it is stuck: {what}"
    return f"{words.percent(min(entries / max(total, 1), 1.0))} {_look(about)}{_mostly(about)}"


def _look(about: Sequence[Finding]) -> str:
    symptoms = {finding.symptom for finding in about}
    return _LOOKS[symptoms.pop()] if len(symptoms) == 1 and not symptoms & _STUCK else "stuck"


def _mostly(about: Sequence[Finding]) -> str:
    """Whose, where more than half of it is one owner's or one address'."""
    totals: dict[str, int] = {}
    for finding in about:
        for group in finding.groups:
            who = _who(group)
            if who:
                totals[who] = totals.get(who, 0) + group.entries
    entries = sum(finding.entries for finding in about)
    if not totals:
        return ""
    who = max(totals, key=lambda name: totals[name])
    if totals[who] * 2 <= entries:
        return ""
    return f", {'all' if totals[who] == entries else 'mostly'} {who}'s"


def _who(group: Group) -> str | None:
    return group.owner.name if group.owner else group.address
