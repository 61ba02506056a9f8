"""How a TCP entry can have come to be: every way in is tried, and what rules one out is said.

A handshake and a pick-up are the histories that the tracker itself finds (``tcp.histories``); each
thing that the table tells of the entry leaves some of them, in this order: state and status, TCP flags,
counters, the time that is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.explained.document import ENDS, Origin, Packet, Way
from halftrack.evidence import uapi
from halftrack.tcp import histories
from halftrack.tcp.entry import Connection
from halftrack.tcp.histories import ENDS as NAMES
from halftrack.tcp.histories import History
from halftrack.tcp.prospects import remembered
from halftrack.tcp.table import SYN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.explained.seen import Seen
    from halftrack.tcp.settings import Rulebook

_MARKS: Final = uapi.IP_CT_TCP_FLAG_SACK_PERM | uapi.IP_CT_TCP_FLAG_BE_LIBERAL
_FEW: Final = 2
"""Packets of one side up to which their number tells how an entry came."""
_CALLED: Final[dict[Way, str]] = {"handshake": "a handshake", "pick-up": "a pick-up"}


def explore(seen: Seen, book: Rulebook) -> list[History]:
    """All histories; those out of the ordinary only if no plain one leads to the like of this entry."""
    counted = _FEW if seen.packets else 0
    found = histories.explore(book, seen.options, counted=counted)
    if any(seen.stands(history.entry) and seen.bears(history.entry) for history in found):
        return found
    return histories.explore(book, seen.options, counted=counted, odd=True)


def judge(seen: Seen, found: Sequence[History]) -> tuple[tuple[Origin, ...], list[History]]:
    """The ways in, and the histories that this entry may have; never none of either."""
    judged: list[Origin] = []
    left: list[History] = []
    lasting: list[History] = []
    for called in _CALLED:
        origin, fitting, too_short = _by_packets(seen, called, found)
        judged.append(origin)
        left += fitting
        lasting += too_short
    possible, why = _injected(seen, left, lasting)
    judged.append(Origin(origin="injected", possible=possible, why=why))
    # What was put in remembers no numbers, so that the same packets may mean something else to it.
    told_apart = not left or (possible and seen.flags is not None and not _has_spoken(seen))
    mine = left or lasting
    return tuple(judged), [*mine, *([put_in(seen)] if told_apart else [])]


def way(history: History) -> Way:
    """By which way it leads into the table."""
    if not history.packets:
        return "injected"
    return "pick-up" if history.picked_up else "handshake"


def put_in(seen: Seen) -> History:
    """As a tool leaves an entry that it puts in: with state, status and flags, and no numbers."""
    entry = Connection(*NAMES, 0.0, None)
    entry.state = seen.state or 0
    entry.status |= seen.status
    entry.original.flags, entry.reply.flags = seen.flags or (_MARKS, _MARKS)
    entry.original.td_scale, entry.reply.td_scale = seen.scales or (0, 0)
    entry.last_index = SYN  # nothing was written there, and a SYN's number is 0
    entry.deadline = float(seen.left_s or 0)
    return History((), entry, remembered(entry))


def _has_spoken(seen: Seen) -> bool:
    """Whether a packet was followed since it was put in, if it was."""
    return any(flags & uapi.IP_CT_TCP_FLAG_MAXACK_SET for flags in seen.flags or ())


def _by_packets(
    seen: Seen, origin: Way, found: Sequence[History]
) -> tuple[Origin, list[History], list[History]]:
    """Whether it can have come this way; by which histories it can, and by which but for the time it has."""
    called = _CALLED[origin]

    def ruled_out(why: str) -> Origin:
        return Origin(origin=origin, possible=False, why=why)

    near = [history for history in found if way(history) == origin and seen.stands(history.entry)]
    if not near:
        return ruled_out(f"no ordinary packets lead from {called} to {stands(seen)}"), [], []
    if seen.flags is not None and not _bears_marks(seen, origin):
        return ruled_out(f"its TCP flags ({_flags(seen)}) are not those of {called}"), [], []
    exact = [history for history in near if seen.bears(history.entry) and seen.counted(history.entry)]
    if not exact and seen.flags is None:
        return ruled_out(f"{called} takes more than the {_counts(seen)} that it has seen"), [], []
    # Of flags that only packets out of the ordinary leave, the marks still tell the way.
    like = exact or near
    in_time = [history for history in like if seen.left_s is None or seen.left_s <= history.given_s]
    if not in_time:
        most = max(int(history.given_s) for history in like)
        why = f"after {called} it would have at most {most:,} s left, and has {seen.left_s:,} s"
        return ruled_out(why), [], like
    why = _for(seen, called) if exact else f"its TCP flags ({_flags(seen)}) bear the marks of {called}"
    example = told(in_time[0]) if exact else None
    return Origin(origin=origin, possible=True, why=why, history=example), in_time, []


def _bears_marks(seen: Seen, origin: Way) -> bool:
    """A pick-up sets both ends to be liberal, and nothing else that packets do sets either."""
    if origin == "pick-up":
        return seen.liberal
    return not any(flags & uapi.IP_CT_TCP_FLAG_BE_LIBERAL for flags in seen.flags or ())


def _for(seen: Seen, called: str) -> str:
    if seen.flags is not None:
        return f"its state and its TCP flags ({_flags(seen)}) are those of {called}"
    if seen.packets is not None:
        return f"its state and the {_counts(seen)} can come of {called}"
    return f"its state can come of {called}"


def _injected(seen: Seen, left: Sequence[History], lasting: Sequence[History]) -> tuple[bool, str]:
    if lasting:
        return True, (
            "a tool has put it in or given it its time; or it was given under other settings, or by a"
            " timeout policy of a rule"
        )
    if not left:
        return True, "no ordinary packets lead to it: a tool has put it in, or some were out of window"
    if seen.liberal:
        return True, "tools that put entries in leave the marks of a pick-up on them"
    if seen.flags is None:
        return True, "nothing here tells what a tool has put in from what packets made"
    return False, "tools that put entries in leave the marks of a pick-up on them: it has none"


def stands(seen: Seen) -> str:
    """``ESTABLISHED, never answered``."""
    names = uapi.TCP_STATES
    state = seen.state or 0
    name = names[state] if state < len(names) else str(state)
    said = "assured" if seen.assured else "answered" if seen.answered else "never answered"
    return f"{name}, {said}"


def _flags(seen: Seen) -> str:
    original, reply = seen.flags or (0, 0)
    scales = seen.scales or (0, 0)
    scaled = f"window scales {scales[0]}/{scales[1]}" if any(scales) else "no window scale"
    return f"{original:#04x}/{reply:#04x}, {scaled}"


def _counts(seen: Seen) -> str:
    there, back = seen.packets or (0, 0)
    return f"{words.count(there, 'packet')} and {words.count(back, 'answer')}"


def told(history: History) -> tuple[Packet, ...] | None:
    """A history as the document has it; None for what no packet made."""
    return tuple(Packet(by=ENDS[direction], kind=kind) for direction, kind in history.packets) or None
