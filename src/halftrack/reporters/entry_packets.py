"""What each packet would do to an explained entry, in two columns: packets, and what they come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from halftrack.tcp import prospects, rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.explained.document import Explained, Outcome, Packet
    from halftrack.reporters.layout import Page

_WIDE: Final = 26
KINDS: Final = {
    **prospects.KINDS,
    prospects.RST: "exact RST",
    prospects.RST_NEAR: "other RST in window",
    prospects.RST_FAR: "RST beyond window",
    prospects.RST_OLD: "older RST",
    prospects.DATA_FAR: "data beyond window",
    "packet": "any packet",
    "request": "request",
    "answer": "answer",
}
"""As short as a column is narrow."""
_PLAIN: Final = {**KINDS, **prospects.CROSSING, prospects.RST: "RST"}
"""Where nothing is expected, or where one is told that has come."""
_RSTS: Final = (prospects.RST, prospects.RST_NEAR, prospects.RST_FAR, prospects.RST_OLD)
_WAYS: Final = {"handshake": "handshake", "pick-up": "picked up", "injected": "put in"}
_ORDINARY: Final = (rules.FOLLOWED, rules.CONTINUED, rules.OPENED, rules.BY_STATE, rules.SINGLE, None)
"""Events and rules that need no words."""

Ends = dict[str, str]
"""Names of the ends by ``orig`` and ``reply``."""


@dataclass(frozen=True, slots=True)
class _Before:
    """What the entry is now; ``state`` None: it is not there, or its protocol has no states."""

    state: str | None = None
    seen_reply: bool = False
    assured: bool = False
    there: bool = False


def upcoming(explained: Explained, ends: Ends, page: Page) -> list[str]:
    """A block for either end."""
    entry = explained.entry or {}
    status = entry["status"]
    before = _Before(entry["state"], "seen-reply" in status, "assured" in status, there=True)
    lines = []
    for by in ("orig", "reply"):
        mine = [one for one in explained.next if one.packet.by == by]
        if mine:
            lines += ["", *page.wrap(f"Next, from {ends[by]}:")]
        told = [(one.packet.kind, _outcomes(one.outcomes, before, ends)) for one in mine]
        lines += _columns(told, KINDS, page)
    return lines


def afterwards(explained: Explained, page: Page) -> list[str]:
    if not explained.afterwards:
        return []
    told = [(one.kind, _outcome(one.outcome, _Before())) for one in explained.afterwards]
    return ["", *page.wrap("Once it is gone, from either end:"), *_columns(told, _PLAIN, page)]


def history(packets: Sequence[Packet], ends: Ends) -> str:
    """``SYN of A, SYN-ACK of B``; an end that goes on is not named again."""
    parts, before = [], None
    for packet in packets:
        kind = _PLAIN[packet.kind]
        parts.append(kind if packet.by == before else f"{kind} of {ends[packet.by]}")
        before = packet.by
    return ", ".join(parts)


def _columns(told: Sequence[tuple[str, str]], named: dict[str, str], page: Page) -> list[str]:
    """Kinds that come to the same in one row, in the order of the first of them."""
    together: dict[str, list[str]] = {}
    for kind, outcome in told:
        together.setdefault(outcome, []).append(kind)
    lines = []
    for outcome, kinds in together.items():
        left = _narrow(", ".join(_short(kinds, named)))
        right = [line.strip() for line in page.wrap(outcome, " " * _WIDE)]
        for kind, rest in zip_longest(left, right, fillvalue=""):
            lines.append(f"  {kind}".ljust(_WIDE) + rest)
    return lines


def _short(kinds: Sequence[str], named: dict[str, str]) -> list[str]:
    if set(_RSTS) <= set(kinds):
        return [*(named[kind] for kind in kinds if kind not in _RSTS), "any RST"]
    return [named[kind] for kind in kinds]


def _narrow(text: str) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) > _WIDE - 4 and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = joined
    return lines


def _outcomes(outcomes: Sequence[Outcome], before: _Before, ends: Ends) -> str:
    if len(outcomes) == 1:
        return _outcome(outcomes[0], before)
    return "; or ".join(
        f"[{label}] {_outcome(one, before)}"
        for one, label in zip(outcomes, _labels(outcomes, ends), strict=True)
    )


def _labels(outcomes: Sequence[Outcome], ends: Ends) -> list[str]:
    """What tells outcomes apart: how the entry came and, where that does not, what came last, or all."""
    ways = Counter(way for one in outcomes for way in one.origins)
    last = [one.history[-1:] for one in outcomes if one.history]
    shown = -1 if len(set(last)) == len(outcomes) else 0
    labels = []
    for one in outcomes:
        label = ", ".join(_WAYS[way] for way in one.origins)
        if one.history and any(ways[way] > 1 for way in one.origins):
            label += f": {history(one.history[shown:], ends)}"
        labels.append(label)
    return labels


def _outcome(outcome: Outcome, before: _Before) -> str:
    """``ESTABLISHED, now assured, 300 s (ct established): why``."""
    seen = f" (ct {outcome.verdict})"
    if outcome.gone:
        came_to = "removed" if before.there else "no entry"
    else:
        parts = [outcome.state] if outcome.state else []
        if outcome.assured != before.assured or outcome.seen_reply != before.seen_reply:
            parts.append(_status(outcome))
        if outcome.timeout_s is not None:
            parts.append(f"{outcome.timeout_s:,} s")
        elif outcome.state == before.state and len(parts) == bool(outcome.state):
            parts = ["no change"]
        came_to = ", ".join(parts)
    reasons = [rules.EVENTS[outcome.event]] if outcome.event not in _ORDINARY else []
    if outcome.rule not in _ORDINARY and not outcome.gone:
        reasons.append(rules.TIMEOUTS[outcome.rule or ""])
    return f"{came_to}{seen}" + (f": {'; '.join(reasons)}" if reasons else "")


def _status(outcome: Outcome) -> str:
    if outcome.assured:
        return "now assured"
    return "now answered" if outcome.seen_reply else "not answered"
