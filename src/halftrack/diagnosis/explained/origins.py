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
from halftrack.tcp.entry import Connection
from halftrack.tcp.histories import ENDS as NAMES
from halftrack.tcp.histories import History
from halftrack.tcp.table import SYN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.explained.seen import Seen

_MARKS: Final = uapi.IP_CT_TCP_FLAG_SACK_PERM | uapi.IP_CT_TCP_FLAG_BE_LIBERAL
_CALLED: Final[dict[Way, str]] = {"handshake": "a handshake", "pick-up": "a pick-up"}


def judge(seen: Seen, found: Sequence[History]) -> tuple[tuple[Origin, ...], list[History]]:
    """The ways in, and the histories that this entry may have; never none of either."""
    judged: list[Origin] = []
    left: list[History] = []
    for origin in _CALLED:
        mine = [history for history in found if way(history) == origin]
        why, fitting = _fitting(seen, origin, mine)
        left += fitting
        example = told(fitting[0]) if fitting else None
        judged.append(Origin(origin=origin, possible=bool(fitting), why=why, history=example))
    lasting = [] if left else _plain([history for history in found if _fits_but_for_time(seen, history)])
    possible, why = _injected(seen, left, lasting)
    judged.append(Origin(origin="injected", possible=possible, why=why))
    # What was put in remembers no numbers, so that the same packets may mean something else to it.
    told_apart = not left or (possible and seen.flags is not None and not _has_spoken(seen))
    return tuple(judged), [*left, *lasting, *([put_in(seen)] if told_apart else [])]


def way(history: History) -> Way:
    """By which way it leads into the table."""
    if not history.packets:
        return "injected"
    return "pick-up" if history.picked_up else "handshake"


def _plain(histories: list[History]) -> list[History]:
    """Without odd ones, unless there are only such."""
    return [history for history in histories if not history.odd] or histories


def _fits_but_for_time(seen: Seen, history: History) -> bool:
    return seen.stands(history.entry) and seen.bears(history.entry) and seen.counted(history.entry)


def put_in(seen: Seen) -> History:
    """As a tool leaves an entry that it puts in: with state, status and flags, and no numbers."""
    entry = Connection(*NAMES, 0.0, None)
    entry.state = seen.state or 0
    entry.status |= seen.status
    entry.original.flags, entry.reply.flags = seen.flags or (_MARKS, _MARKS)
    entry.original.td_scale, entry.reply.td_scale = seen.scales or (0, 0)
    entry.last_index = SYN  # nothing was written there, and a SYN's number is 0
    entry.deadline = float(seen.left_s or 0)
    return History((), entry)


def _has_spoken(seen: Seen) -> bool:
    """Whether a packet was followed since it was put in, if it was."""
    return any(flags & uapi.IP_CT_TCP_FLAG_MAXACK_SET for flags in seen.flags or ())


def _fitting(seen: Seen, origin: Way, found: list[History]) -> tuple[str, list[History]]:
    """Why it can, or cannot, have come by these histories, and those by which it can."""
    called = _CALLED[origin]
    standing = [history for history in found if seen.stands(history.entry)]
    if not standing:
        return f"by these rules no packets lead from {called} to {stands(seen)}", []
    bearing = [history for history in standing if seen.bears(history.entry)]
    if not bearing:
        return f"its TCP flags ({_flags(seen)}) are not those of {called}", []
    counted = [history for history in bearing if seen.counted(history.entry)]
    if not counted:
        return f"{called} takes more than the {_counts(seen)} that it has seen", []
    in_time = [history for history in counted if seen.left_s is None or seen.left_s <= history.given_s]
    if not in_time:
        most = max(int(history.given_s) for history in counted)
        return f"after {called} it would have at most {most:,} s left, and has {seen.left_s:,} s", []
    return _for(seen, called), _plain(in_time)


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
    names = uapi.STATE_NAMES[uapi.IPPROTO_TCP]
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
