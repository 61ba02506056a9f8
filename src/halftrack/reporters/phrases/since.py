"""What happened since an earlier moment: of a table, of findings, of settings and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence.sysctls import PREFIX
from halftrack.reporters import figures

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.diagnosis.since.document import (
        Since,
        SinceFinding,
        SinceMoment,
        SinceRules,
        SinceSetting,
        SinceTable,
    )

_NAMES: Final = {"drop": "dropped", "early_drop": "thrown out early", "insert_failed": "insertions failed"}
_ORDER: Final = ("new", "greater", "gone", "smaller", "unclear", "same")


def main_table(shown: Since, diagnosis: Diagnosis) -> SinceTable | None:
    """That which the verdict speaks of, then and now."""
    return next((each for each in shown.tables if each.netns == diagnosis.focus), None)


def ordered(shown: Since) -> list[SinceFinding]:
    """What became worse first; what is the same at the end."""
    return sorted(shown.findings, key=lambda each: _ORDER.index(each.course))


def when(shown: Since) -> str:
    """Since when: the first moment, and how long ago it was."""
    first = shown.moments[0]
    at = (
        ""
        if first.taken_at is None
        else f"{figures.moment(first.taken_at, shown.moments[-1].taken_at)} UTC, "
    )
    told = " by what their entries have left" if shown.order == "entries" else ""
    ago = "" if shown.seconds is None else f", {words.duration(shown.seconds)} before{told}"
    return f"{at}{first.name}{ago}"


def entries(of: SinceTable | None, shown: Since) -> str:
    """How many there were and are, and what became of which; empty where that is not known."""
    if of is None or of.before is None or of.now is None:
        return ""
    text = f"Entries {of.before:,} -> {of.now:,}"
    if of.per_minute:
        text += f" ({signed(of.per_minute)})"
    told = fates(of)
    text += f": {told}." if told else "."
    if of.stuck_before is not None and of.stuck_now is not None and (of.stuck_before or of.stuck_now):
        text += f" Stuck {of.stuck_before:,} -> {of.stuck_now:,}."
    return text + doubts(of, shown)


def fates(of: SinceTable | SinceMoment) -> str:
    """``31 new, 16 stayed, 45 left``; empty where the entries of one moment were not read."""
    if of.new is None or of.stayed is None or of.left is None:
        return ""
    unseen = getattr(of, "unseen_before", 0) or getattr(of, "unseen_now", 0)
    least = "at least " if unseen else ""
    return f"{least}{of.new:,} new, {of.stayed:,} stayed, {of.left:,} left"


def doubts(of: SinceTable, shown: Since) -> str:
    """What makes the counts inexact."""
    told = []
    if of.unseen_now:
        told.append(f"{of.unseen_now:,} of then may be there and not be seen")
    if of.unseen_before:
        told.append(f"{of.unseen_before:,} of now may have been there and not been seen")
    if of.reused:
        told.append(f"{words.count(of.reused, 'tuple')} used again by another connection")
    if of.unproven:
        told.append(f"{of.unproven:,} of those that stayed may be another connection of the same tuple")
    if not told or not shown.moments:
        return ""
    return f" {words.capital('; '.join(told))}."


def counted(counters: dict[str, int]) -> str:
    """How far the kernel's counters rose that say that something is wrong."""
    parts = [f"{name} {counters[key]:,}" for key, name in _NAMES.items() if key in counters]
    return f"In between: {', '.join(parts)}."


def finding(of: SinceFinding) -> str:
    """``one-sided/web-1/tcp/80 214,318 -> 128: 100 new, …``; a condition has no entries of its own."""
    text = of.id if of.stayed is None else f"{of.id} {of.before:,} -> {of.now:,}"
    counts = (
        (of.new, "new"),
        (of.joined, "became so"),
        (of.stayed, "stayed"),
        (of.released, "no longer so"),
        (of.left, "left"),
        (of.unseen_now + of.unseen_before, "not seen at the other moment"),
    )
    told = ", ".join(f"{number:,} {what}" for number, what in counts if number)
    if told:
        text += f": {told}"
    if of.per_minute:
        text += f"; {figures.rate(of.per_minute)} came"
    return text


def setting(of: SinceSetting) -> str:
    """``nf_conntrack_tcp_timeout_established 432000 -> 7440``."""
    return f"{of.setting.removeprefix(PREFIX)} {of.before} -> {of.now}"


def signed(per_minute: float) -> str:
    """``+33/min``."""
    return f"{'+' if per_minute > 0 else '-'}{figures.rate(abs(per_minute))}"


def moment(of: SinceMoment) -> str:
    """One of several: how many entries there were then, how many of them stuck, and what became of which."""
    at = "" if of.taken_at is None else f"{figures.moment(of.taken_at)} UTC, "
    entries = "not known" if of.entries is None else f"{of.entries:,}"
    stuck = "" if of.stuck is None else f", stuck {of.stuck:,}"
    return f"{at}{of.name}: {entries}{stuck}{_in_brackets(fates(of))}"


def table(of: SinceTable) -> str:
    """``web-1: 30 -> 40 (20 new, 20 stayed, 10 left)``."""
    before, now = ("not there" if each is None else f"{each:,}" for each in (of.before, of.now))
    return f"{of.netns}: {before} -> {now}{_in_brackets(fates(of))}"


def _in_brackets(told: str) -> str:
    return f" ({told})" if told else ""


def rules(of: SinceRules) -> str:
    """``rules of web-1: 1 new, 0 gone``."""
    new, gone = len(of.new) + of.more_new, len(of.gone) + of.more_gone
    return f"rules of {of.netns}: {new} new, {gone} gone"


def rule_lines(of: SinceRules) -> list[str]:
    """Each rule as it stands, behind ``+`` if it is new, behind ``-`` if it is gone."""
    return [f"+ {text}" for text in of.new] + [f"- {text}" for text in of.gone]
