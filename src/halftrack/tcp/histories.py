"""The ways in which a TCP entry can have come to be what it is, found by the tracker itself.

All that two ends may ordinarily say to each other is played through the tracker, from the first packet
on, as far as it leads to entries that are not yet known. What is out of the ordinary is left out: packets
out of window, what is said again, what has no effect. So a history proves what it leads to, while an
entry to which none leads may have one of those behind it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.tcp import prospects, rules
from halftrack.tcp.prospects import Ends
from halftrack.tcp.table import ORIGINAL, REPLY
from halftrack.tcp.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.tcp.entry import Connection
    from halftrack.tcp.prospects import Packet
    from halftrack.tcp.settings import Rulebook
    from halftrack.tcp.tracker import Step

ENDS: Final = ("original", "reply")
"""Names of the ends of every entry here, by direction."""
_LEADS_ON: Final = (rules.FOLLOWED, rules.LIBERAL, rules.RST_INEXACT, rules.OPENED, rules.PICKED_UP)
_SAID: Final = (
    prospects.SYN,
    prospects.SYN_ACK,
    prospects.ACK,
    prospects.DATA,
    prospects.FIN,
    prospects.RST,
    *prospects.CROSSING,
)
_ONCE: Final = (
    prospects.SYN,
    prospects.SYN_ACK,
    prospects.DATA,
    prospects.FIN,
    prospects.DATA_CROSSING,
    prospects.FIN_CROSSING,
)
"""What an end has no more to say of that has said FIN."""
_SHOWN: Final = uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED

Said = tuple[tuple[int, str], ...]
"""Packets in their order: direction and kind."""


@dataclass(frozen=True, slots=True)
class History:
    """``packets``: of all that lead to the like of this entry, the fewest. All came at the moment 0.

    ``ends``: where those are then. ``odd``: one of the packets was let pass without being followed, or both
    ends asked at once.
    """

    packets: Said
    entry: Connection
    ends: Ends
    odd: bool = False

    @property
    def given_s(self) -> float:
        """Seconds that its last packet left it."""
        return self.entry.deadline

    @property
    def picked_up(self) -> bool:
        return self.packets[0][1] != prospects.SYN


def explore(
    book: Rulebook,
    options: tuple[bytes, bytes] = (b"", b""),
    *,
    counted: int = 0,
    odd: bool = False,
) -> list[History]:
    """All histories by what they lead to, the shortest first, odd ones last and only if wanted.

    ``options``: of either SYN. ``counted``: packets of one side up to which entries are told apart by how
    many there were; of those that are not, the history with the fewest packets stands for all.
    """
    known: dict[tuple[int, ...], History] = {}
    found: list[History] = []
    waiting: deque[History] = deque()

    def keep(histories: Iterator[History]) -> None:
        for history in histories:
            if history.odd and not odd:
                continue
            if known.setdefault(_likeness(history, counted), history) is history:
                found.append(history)
                waiting.append(history)

    keep(_begun(book, options[ORIGINAL]))
    while waiting:
        keep(_continued(waiting.popleft(), book, options))
    return sorted(found, key=lambda history: history.odd)


def after(
    book: Rulebook, entry: Connection, direction: int, packet: Packet
) -> tuple[Step, Connection | None]:
    """What one more packet, at the moment 0, does to an entry between ``ENDS``, which stays as it is.

    The entry that is there afterwards: None where there is none.
    """
    tracker = Tracker(book.profile, book.settings)
    tracker.adopt(entry.twin())
    ends = ENDS if direction == ORIGINAL else ENDS[::-1]
    step = tracker.tcp(0.0, *ends, packet.segment)
    return step, tracker.connection(*ENDS)


def _begun(book: Rulebook, options: bytes) -> Iterator[History]:
    for kind in prospects.OPENING:
        tracker = Tracker(book.profile, book.settings)
        packet = prospects.first(kind, options if kind == prospects.SYN else b"")
        tracker.tcp(0.0, *ENDS, packet.segment)
        entry = tracker.connection(*ENDS)
        if entry is not None:
            yield History(((ORIGINAL, kind),), entry, Ends().after(ORIGINAL, packet))


def _continued(history: History, book: Rulebook, options: tuple[bytes, bytes]) -> Iterator[History]:
    """With one more packet; each offers another window, so that none repeats the one before."""
    window = prospects.WINDOW + len(history.packets)
    before = history.entry.status
    for direction in (ORIGINAL, REPLY):
        for kind in _SAID:
            if _is_silent(history.packets, direction, kind):
                continue
            packet = prospects.following(
                history.entry, direction, kind, options[direction], window, ends=history.ends
            )
            step, entry = after(book, history.entry, direction, packet)
            followed = step.event in _LEADS_ON
            if entry is None or step.event == rules.REOPENED or not (followed or entry.status != before):
                continue
            odd = history.odd or not followed or (direction, kind) == (REPLY, prospects.SYN)
            ends = history.ends.after(direction, packet) if followed else history.ends
            yield History((*history.packets, (direction, kind)), entry, ends, odd)


def _is_silent(packets: Said, direction: int, kind: str) -> bool:
    """Whether an end that has said this much does not say that any more."""
    if (direction, prospects.RST) in packets:
        return True
    return kind in _ONCE and _has_closed(packets, direction)


def _has_closed(packets: Said, direction: int) -> bool:
    return (direction, prospects.FIN) in packets or (direction, prospects.FIN_CROSSING) in packets


def _likeness(history: History, counted: int) -> tuple[int, ...]:
    """What tells entries apart, as far as it matters for what comes next."""
    entry, ends = history.entry, history.ends
    original, reply = entry.original, entry.reply
    return (
        history.odd,
        *(_has_closed(history.packets, direction) for direction in (ORIGINAL, REPLY)),
        entry.state,
        entry.status & _SHOWN,
        original.flags,
        reply.flags,
        original.td_scale,
        reply.td_scale,
        bool(original.td_maxwin),
        bool(reply.td_maxwin),
        ends.sent[ORIGINAL] > original.td_end,
        ends.sent[REPLY] > reply.td_end,
        ends.sent[ORIGINAL] > ends.acked[REPLY],
        ends.sent[REPLY] > ends.acked[ORIGINAL],
        entry.last_index,
        entry.last_dir,
        entry.last_flags,
        min(entry.packets_original, counted),
        min(entry.packets_reply, counted),
        not entry.last_win,
        int(entry.deadline),
    )
