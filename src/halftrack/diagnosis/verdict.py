"""The one sentence of line 1, such that a tired person can repeat it on the phone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import services, words
from halftrack.diagnosis.standing import CRITICAL_WITHIN, FULL, fills_within, standing
from halftrack.evidence.values import OWN, SELF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import Finding, Group, TableSummary
    from halftrack.evidence.values import Evidence, Table

_STUCK: Final = frozenset({"one-sided", "orphaned"})
_MUCH: Final = 0.1
"""Share of the entries from which short-lived ones are worth a word."""
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
    focus: TableSummary | None,
    findings: Sequence[Finding],
) -> str:
    """Without severity word and node.

    ``focus``: the table it is about. ``findings``: worst first.
    """
    if focus is None:
        return "no connection table could be read."
    if focus.entries is None and not focus.read:
        for gap in evidence.gaps:
            if gap.netns == focus.netns and not gap.needs:
                return f"{gap.why}."
    about = [
        finding
        for finding in findings
        if finding.severity != "info" and finding.groups and finding.netns == focus.netns
    ]
    entries = [finding for finding in about if finding.symptom in _LOOKS]
    text = f"{_where(evidence, focus)}{_state(evidence, focus, entries)}"
    for finding in about:
        if finding.symptom == "forgotten":
            text += f"; {words.count(finding.entries, 'connected socket')} without an entry"
    if not focus.read:
        tail = "entries not seen" if not _worried(findings) else "Whose they are: not seen"
        return f"{text}; {tail}." if tail[0].islower() else f"{text}. {tail}."
    return f"{text}."


def _worried(findings: Sequence[Finding]) -> bool:
    return any(finding.severity != "info" for finding in findings)


def focus(
    evidence: Evidence, summaries: Sequence[TableSummary], findings: Sequence[Finding]
) -> TableSummary | None:
    """The table that the diagnosis is about: the one with the worst finding, else the main one.

    ``findings``: worst first.
    """
    if not summaries:
        return None
    by_name = {each.netns: each for each in summaries}
    for finding in findings:
        if finding.severity == "info":
            break
        if finding.netns in by_name:
            return by_name[finding.netns]
    main = main_table(evidence)
    return None if main is None else by_name[main.netns]


def main_table(evidence: Evidence) -> Table | None:
    """Of the tables that were looked into, the node's own, or else the largest; None where there is none."""
    looked_into = [table for table in evidence.tables if not table.skipped] or evidence.tables
    own = (table for table in looked_into if table.netns in OWN)
    return next(own, None) or max(looked_into, key=lambda table: table.count or 0, default=None)


def _where(evidence: Evidence, focus: TableSummary) -> str:
    name = focus.owner.name if focus.owner else focus.netns
    if evidence.in_container and focus.netns == SELF:
        who = f"container {focus.owner.name}" if focus.owner else "this container"
        return f"this is the table of {who}, not the node's: "
    if (evidence.of_node or len(evidence.tables) > 1) and focus.netns not in OWN:
        return f"in {name}: "
    return ""


def _state(evidence: Evidence, focus: TableSummary, about: Sequence[Finding]) -> str:
    stand = standing(focus, focus.entries or 0, evidence.taken_at)
    full = stand.fullness
    if full is not None and full >= FULL:
        head = f"connection table {'full' if full >= 1 else 'nearly full'}"
        if focus.dropped or (focus.dropped is None and focus.logged):
            head += _dropped(focus)
        return f"{head}; {_of_it(focus, about)}" if about else head
    if fills_within(focus.forecast, stand, CRITICAL_WITHIN) and focus.forecast and focus.forecast.full_at:
        at = focus.forecast.full_at
        wave = ", with the next wave" if focus.forecast.shape == "steps" else ""
        head = f"full at about {at:%a %d %b %H:%M} UTC{wave}"
        return f"{head}; {_of_it(focus, about)}" if about else head
    head = _count(focus, full)
    if focus.read and about:
        head += f", {_of_count(focus, about)}"
    elif focus.read:
        head += _little(focus)
    return head + _dropped(focus)


def _count(focus: TableSummary, full: float | None) -> str:
    if focus.entries is None:
        return "number of entries unknown"
    if full is None or focus.limit is None:
        return words.entries(focus.entries) + (" (no limit)" if focus.unlimited else "")
    return f"{focus.entries:,} of {focus.limit:,} entries ({words.percent(full)})"


def _dropped(focus: TableSummary) -> str:
    if focus.dropped is None:
        return ", table full in the log" if focus.logged else ""
    if focus.dropped == 0:
        return ", nothing dropped"
    return f", {focus.dropped:,} dropped in {focus.counters_over_s} s"


def _little(focus: TableSummary) -> str:
    """Where no finding of entries is serious: that nothing is stuck, or how little."""
    if focus.stuck:
        return f", {focus.stuck:,} stuck (too few to matter yet)"
    if focus.one_sided and focus.one_sided >= _MUCH * (focus.entries or 0):
        return f", {focus.one_sided:,} one-sided for minutes at most, nothing stuck"
    return ", nothing stuck"


def _of_it(focus: TableSummary, about: Sequence[Finding]) -> str:
    """``82 % of it is stuck, mostly web-1's``."""
    total = focus.entries or sum(finding.entries for finding in about)
    first, *others = _parts(focus, about)
    text = f"{_share(first.entries, total)} of it is {first.look}"
    text += "".join(f", {_share(part.entries, total)} {part.look}" for part in others)
    return f"{text}{_mostly(about)}"


def _of_count(focus: TableSummary, about: Sequence[Finding]) -> str:
    """``all 3 stuck: web traffic seen in one direction``, ``66 % half closed, mostly shop's``."""
    total = focus.entries or sum(finding.entries for finding in about)
    parts = _parts(focus, about)
    if len(about) == 1 and parts[0].entries >= total:
        return _all(parts[0], about[0])
    told = ", ".join(f"{_share(part.entries, total, whole='100 %')} {part.look}" for part in parts)
    return f"{told}{_mostly(about)}"


def _all(part: _Part, finding: Finding) -> str:
    service = finding.groups[0].service
    traffic = services.common_name(service) or service
    if part.look != "stuck":
        return f"all {part.entries:,} {part.look}" + (f": {traffic} traffic" if traffic else "")
    look = _LOOKS[finding.symptom]
    what = f"{traffic} traffic {look}" if traffic else look
    return f"all {part.entries:,} stuck: {what}" if part.entries > 1 else f"and it is stuck: {what}"


def _share(entries: int, total: int, whole: str = "all") -> str:
    share = entries / max(total, 1)
    return whole if share >= 1 else words.percent(share)


@dataclass(frozen=True, slots=True)
class _Part:
    """Entries of one look."""

    look: str
    entries: int


def _parts(focus: TableSummary, about: Sequence[Finding]) -> list[_Part]:
    """The two largest parts: what is stuck for certain, and what shows each of the other symptoms.

    One-sided entries that live for minutes only are not stuck.
    """
    stuck = focus.stuck if focus.stuck and any(finding.symptom in _STUCK for finding in about) else 0
    looks = {"stuck": stuck} if stuck else {}
    for finding in about:
        if not stuck or finding.symptom not in _STUCK:
            look = _LOOKS[finding.symptom]
            looks[look] = looks.get(look, 0) + finding.entries
    largest = sorted(looks, key=lambda look: -looks[look])[:2]
    return [_Part(look, looks[look]) for look in largest]


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
