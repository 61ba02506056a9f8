"""One explained entry as a page for a terminal."""

from __future__ import annotations

from datetime import UTC
from itertools import zip_longest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from halftrack.diagnosis import words
from halftrack.reporters.layout import Page
from halftrack.tcp import prospects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from halftrack.diagnosis.explained.document import Explained, Origin, Outcome, Packet

_LABEL: Final = 8
_WIDE: Final = 26
_ORIGINS: Final = {
    "handshake": "its handshake was seen",
    "pick-up": "picked up in mid-stream",
    "injected": "put in, or changed, by a tool",
}
_NOT: Final = {
    "handshake": "no handshake was seen",
    "pick-up": "not picked up",
    "injected": "not put in by a tool",
}
_KINDS: Final = {
    **prospects.KINDS,
    prospects.RST: "exact RST",
    prospects.RST_NEAR: "other RST in window",
    prospects.RST_FAR: "RST beyond it",
    prospects.RST_OLD: "older RST",
    prospects.DATA_FAR: "data beyond it",
    "packet": "any packet",
    "request": "request",
    "answer": "answer",
}
"""As short as a column is narrow; "it" is the window."""
_IN_HISTORY: Final = {prospects.RST: "RST"}
_RSTS: Final = (prospects.RST, prospects.RST_NEAR, prospects.RST_FAR, prospects.RST_OLD)

_Ends = dict[str, str]
"""Names of the ends by ``orig`` and ``reply``."""


def text(
    explained: Explained,
    *,
    width: int = 80,
    ascii: bool = True,  # noqa: A002  # what a user asks for
    color: bool = False,  # noqa: ARG001  # as every screen takes it
    verbose: bool = False,
) -> str:
    """The page; it has no colours."""
    page = Page(width=width, ascii=ascii, verbose=verbose)
    entry = explained.entry or {}
    ends = {"orig": _end(entry["orig"]), "reply": _end(entry["reply"])}
    lines = [
        *page.wrap(_heading(entry, ends)),
        "",
        *_came(explained.origins, ends, page),
        *_waits(explained.waits_for, ends, page),
        *_goes(explained, page),
        *_next(explained, ends, page),
        *_afterwards(explained, page),
        *_basis(explained, page),
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _end(tuple_: dict[str, Any]) -> str:
    address = f"[{tuple_['src']}]" if ":" in tuple_["src"] and "sport" in tuple_ else tuple_["src"]
    return f"{address}:{tuple_['sport']}" if "sport" in tuple_ else str(address)


def _heading(entry: dict[str, Any], ends: _Ends) -> str:
    status = entry["status"]
    said = "assured" if "assured" in status else "answered" if "seen-reply" in status else "never answered"
    state = f" {entry['state']}" if entry["state"] else ""
    return f"{entry['protocol']}{state}, {said}: {ends['orig']} -> {ends['reply']}"


def _came(origins: Iterable[Origin], ends: _Ends, page: Page) -> list[str]:
    lines, label = [], "Came"
    for origin in sorted(origins, key=lambda one: not one.possible):
        verdict = (_ORIGINS if origin.possible else _NOT)[origin.origin]
        lines += page.wrap(f"{verdict}: {origin.why}", label.ljust(_LABEL), " " * _LABEL)
        if origin.history:
            told = f"e.g. {_history(origin.history, ends)}"
            lines += page.wrap(told, " " * (_LABEL + 2))
        label = ""
    return lines


def _history(history: Sequence[Packet], ends: _Ends) -> str:
    """``SYN of A, SYN-ACK of B``; an end that goes on is not named again."""
    parts, before = [], None
    for packet in history:
        kind = _IN_HISTORY.get(packet.kind, _KINDS[packet.kind])
        parts.append(kind if packet.by == before else f"{kind} of {ends[packet.by]}")
        before = packet.by
    return ", ".join(parts)


def _waits(awaited: Sequence[Packet], ends: _Ends, page: Page) -> list[str]:
    if not awaited:
        return []
    said = []
    for by in ("orig", "reply"):
        kinds = [_KINDS[packet.kind] for packet in awaited if packet.by == by]
        if kinds:
            said.append(f"{_or(kinds)} of {ends[by]}")
    return page.wrap("; ".join(said), "Waits".ljust(_LABEL), " " * _LABEL)


def _goes(explained: Explained, page: Page) -> list[str]:
    if explained.left_s is None:
        return page.wrap("not known: it shows no time", "Goes".ljust(_LABEL), " " * _LABEL)
    told = f"in {explained.left_s:,} s"
    if explained.left_s >= 120:
        told += f" ({words.duration(explained.left_s)})"
    if explained.goes_at is not None:
        told += f", at {_moment(explained.goes_at)}"
    return page.wrap(f"{told}, unless a packet comes first", "Goes".ljust(_LABEL), " " * _LABEL)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _next(explained: Explained, ends: _Ends, page: Page) -> list[str]:
    lines = []
    for by in ("orig", "reply"):
        mine = [one for one in explained.next if one.packet.by == by]
        if mine:
            lines += ["", *page.wrap(f"Next, from {ends[by]}:")]
        told = [(one.packet.kind, _outcomes(one.outcomes, ends)) for one in mine]
        lines += _table(told, page)
    return lines


def _afterwards(explained: Explained, page: Page) -> list[str]:
    if not explained.afterwards:
        return []
    told = [(one.kind, _outcome(one.outcome)) for one in explained.afterwards]
    named = {**_KINDS, **_IN_HISTORY}
    return ["", *page.wrap("Once it is gone, from either end:"), *_table(told, page, named)]


def _table(
    told: Sequence[tuple[str, str]], page: Page, named: Mapping[str, str] = MappingProxyType(_KINDS)
) -> list[str]:
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


def _short(kinds: Sequence[str], named: Mapping[str, str]) -> list[str]:
    if set(_RSTS) <= set(kinds):
        kinds = [kind for kind in kinds if kind not in _RSTS]
        return [*(named[kind] for kind in kinds), "any RST"]
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


def _or(kinds: Sequence[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} or {kinds[-1]}"


def _outcomes(outcomes: Sequence[Outcome], ends: _Ends) -> str:
    if len(outcomes) == 1:
        return _outcome(outcomes[0])
    parts = []
    for one in outcomes:
        after = f" [after {_history(one.history, ends)}]" if one.history else " [as a tool put it in]"
        parts.append(_outcome(one) + after)
    return "; or ".join(parts)


def _outcome(outcome: Outcome) -> str:
    if outcome.gone:
        came_to = "no entry"
    else:
        status = "assured" if outcome.assured else "answered" if outcome.seen_reply else "not answered"
        state = f"{outcome.state}, {status}" if outcome.state else status
        time = "its time as it was" if outcome.timeout_s is None else f"{outcome.timeout_s:,} s"
        came_to = f"{state}, {time}"
    return f"{came_to}; ct state {outcome.verdict}: {outcome.why}"


def _basis(explained: Explained, page: Page) -> list[str]:
    kernel = explained.kernel or "not known"
    lines = ["", *page.wrap(f"rules of {explained.rules_of}; kernel {kernel}", "Rules   ", " " * _LABEL)]
    if explained.assumed:
        told = ", ".join(f"{name} ~{value}" for name, value in explained.assumed.items())
        lines += page.wrap(told, "ASSUMED ", " " * _LABEL)
    for note in explained.notes:
        lines += page.wrap(note, "NOTE    ", " " * _LABEL)
    return lines
