"""The same for protocols without connections: UDP, GRE, ICMP, and those that the kernel knows no rules of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.explained import outcomes
from halftrack.diagnosis.explained.document import ENDS, Afterwards, Outcome, Packet, Prospect
from halftrack.evidence import uapi
from halftrack.tcp import datagrams, rules
from halftrack.tcp.entry import Exchange
from halftrack.tcp.histories import ENDS as NAMES
from halftrack.tcp.table import ORIGINAL, REPLY
from halftrack.tcp.tracker import Tracker

if TYPE_CHECKING:
    from halftrack.diagnosis.explained.seen import Seen
    from halftrack.tcp.settings import Rulebook
    from halftrack.tcp.tracker import Step

_ICMP: Final = ("request", "answer")
_LONG_AGO_S: Final = -3_600.0


def is_modelled(seen: Seen) -> bool:
    """Whether the rules of this protocol are known here."""
    if seen.l4proto in uapi.ICMP_PROTOCOLS:
        return seen.kinds is not None and seen.kinds[ORIGINAL] in datagrams.REQUESTS[seen.l4proto]
    return seen.l4proto not in datagrams.WITH_RULES


def upcoming(book: Rulebook, seen: Seen) -> tuple[tuple[Prospect, ...], tuple[Packet, ...]]:
    """What one more packet of either end would do, and those that carry the entry on."""
    next_ones, awaited = [], []
    for direction in (ORIGINAL, REPLY):
        packet = Packet(by=ENDS[direction], kind=_kind(seen, direction))
        different: dict[Outcome, None] = {}
        for created in _beginnings(seen):
            entry = _entry(seen, created)
            before = entry.status
            tracker = Tracker(book.profile, book.settings)
            tracker.adopt(entry)
            step = _send(tracker, seen, direction)
            different.setdefault(outcomes.outcome(step, entry, state=None))
            if entry.status != before and packet not in awaited:
                awaited.append(packet)
        next_ones.append(Prospect(packet=packet, outcomes=tuple(different)))
    return tuple(next_ones), tuple(awaited)


def after(book: Rulebook, seen: Seen) -> tuple[Afterwards, ...]:
    """What the first packet does once the entry is gone; of ICMP also an answer without a request."""
    found = []
    icmp = seen.l4proto in uapi.ICMP_PROTOCOLS
    for direction in (ORIGINAL, REPLY) if icmp else (ORIGINAL,):
        tracker = Tracker(book.profile, book.settings)
        step = _send(tracker, seen, direction)
        entry = None if step.event == rules.NOT_AN_OPENING else next(iter(tracker))
        told = outcomes.outcome(step, entry, state=None)
        found.append(Afterwards(kind=_kind(seen, direction), outcome=told))
    return tuple(found)


def _kind(seen: Seen, direction: int) -> str:
    return _ICMP[direction] if seen.l4proto in uapi.ICMP_PROTOCOLS else "packet"


def _beginnings(seen: Seen) -> tuple[float, ...]:
    """When it can have begun, as far as that matters: an exchange that is young is no stream yet."""
    age = seen.age_s if seen.age_s is not None else seen.idle_s
    if age is not None and age > datagrams.STREAM_AFTER_S:
        return (_LONG_AGO_S,)
    return (_LONG_AGO_S, 0.0)


def _entry(seen: Seen, created: float) -> Exchange:
    entry = Exchange(_key(seen, ORIGINAL), _key(seen, REPLY), created, None)
    entry.status |= seen.status
    entry.deadline = float(max(seen.left_s or 0, 1))
    return entry


def _key(seen: Seen, direction: int) -> tuple[object, ...]:
    ends = NAMES if direction == ORIGINAL else NAMES[::-1]
    if seen.l4proto not in uapi.ICMP_PROTOCOLS:
        return (seen.l4proto, *ends)
    return (seen.l4proto, *ends, _type(seen, direction), None)


def _type(seen: Seen, direction: int) -> int:
    assert seen.kinds is not None  # noqa: S101  # is_modelled asks first
    request = seen.kinds[ORIGINAL]
    return request if direction == ORIGINAL else datagrams.COUNTERPARTS[seen.l4proto][request]


def _send(tracker: Tracker, seen: Seen, direction: int) -> Step:
    ends = NAMES if direction == ORIGINAL else NAMES[::-1]
    if seen.l4proto in uapi.ICMP_PROTOCOLS:
        return tracker.icmp(0.0, *ends, _type(seen, direction), l4proto=seen.l4proto)
    return tracker.datagram(0.0, seen.l4proto, *ends)
