"""What is kept of a table to compare it with a later one: some 40 bytes an entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.diagnosis.since import names
from halftrack.diagnosis.since.names import Names
from halftrack.diagnosis.symptoms import ENTRY_SYMPTOMS
from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.since.document import Identity
    from halftrack.diagnosis.view import View
    from halftrack.evidence.flows import FlowTable

NUMBERS: Final = {symptom.slug: number for number, symptom in enumerate(ENTRY_SYMPTOMS, start=1)}
"""Of the symptoms, as ``Known.case`` has them; 0: none."""
_NS: Final = 1_000_000_000
_NEAR_S: Final = 5
"""Text rounds to seconds, a dump takes some."""
TAKEN_S: Final = 90
"""What is collected takes up to a minute, of which the time that it carries is the begin."""
_ZONE_S: Final = 900
_FARTHEST_S: Final = 14 * 3_600
"""Start times in text name no time zone: two may differ by any that there is."""
_KEPT: Final = uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
"""Bits that an entry never loses (nf_conntrack_core.c only sets them)."""


@dataclass(frozen=True, slots=True)
class Known:
    """One table's entries in their order; -1 where a number is not known.

    ``whole``: no entry is missing that was there. ``left_s``, ``age_s``: seconds. ``case``: see ``NUMBERS``.
    """

    names: Names
    whole: bool
    text: bool
    l4proto: npt.NDArray[np.uint8]
    state: npt.NDArray[np.int16]
    status: npt.NDArray[np.uint32]
    left_s: npt.NDArray[np.int32]
    id: npt.NDArray[np.int64]
    start_s: npt.NDArray[np.int64]
    age_s: npt.NDArray[np.int64]
    case: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, view: View, flows: FlowTable, cases: Sequence[Case], *, whole: bool) -> Known:
        """``flows``: those of the view's table; ``cases``: all that were found in it."""
        frame = flows.frame
        case = np.zeros(frame.height, np.uint8)
        for each in cases:
            case[each.rows.mask.to_numpy()] = NUMBERS[each.symptom]
        start = frame["start_ns"].fill_null(-_NS) // _NS
        return cls(
            names=Names.of(flows),
            whole=whole,
            text=view.evidence.source == "dump",
            l4proto=frame["l4proto"].fill_null(0).to_numpy(),
            state=_numbers(frame["state"]).astype(np.int16),
            status=frame["status"].fill_null(0).to_numpy(),
            left_s=np.clip(_numbers(frame["timeout"]), -1, np.iinfo(np.int32).max).astype(np.int32),
            id=_numbers(frame["id"]),
            start_s=start.to_numpy(),
            age_s=_numbers(view.flows["age_s"]),
            case=case,
        )

    @property
    def height(self) -> int:
        return self.case.size


@dataclass(frozen=True, slots=True)
class Same:
    """Entries of two moments that have the same tuples: rows of both, and which of them were used again."""

    then: npt.NDArray[np.intp]
    now: npt.NDArray[np.intp]
    reused: npt.NDArray[np.bool_]
    unproven: npt.NDArray[np.bool_]
    identity: Identity

    @property
    def stayed(self) -> npt.NDArray[np.bool_]:
        return ~self.reused


def same(then: Known, now: Known, seconds: int | None) -> Same:
    """``seconds`` between both; None where nobody knows.

    An id alone proves nothing, for the next entry in the same memory has the same one; another id does.
    """
    pairs = names.pairs(then.names, now.names)
    old, new = _Side(then, pairs.then), _Side(now, pairs.now)
    reused = _lost_bits(then, old, new) | _went_back(old, new)
    stamped, by_start = _started_otherwise(old, new, seconds)
    numbered = (old.id >= 0) & (new.id >= 0)
    reused |= by_start | (numbered & (old.id != new.id))
    outlived = np.zeros(reused.size, np.bool_)
    if seconds is not None:
        outlived = ~reused & ~stamped & (old.left_s >= 0) & (old.left_s < seconds - TAKEN_S)
    identity: Identity = "start" if _most(stamped) else "id" if _most(numbered) else "tuple"
    return Same(pairs.then, pairs.now, reused, outlived, identity)


class _Side:
    """Columns of some rows."""

    def __init__(self, known: Known, rows: npt.NDArray[np.intp]) -> None:
        self.text = known.text
        self.l4proto, self.state, self.status = known.l4proto[rows], known.state[rows], known.status[rows]
        self.left_s, self.id = known.left_s[rows], known.id[rows]
        self.start_s, self.age_s = known.start_s[rows], known.age_s[rows]


def _lost_bits(then: Known, old: _Side, new: _Side) -> npt.NDArray[np.bool_]:
    """A source that shows none of these bits at all says nothing."""
    shown = np.uint32(0)
    for bit in (uapi.IPS_SEEN_REPLY, uapi.IPS_ASSURED):
        if np.any(new.status & np.uint32(bit)) and np.any(then.status & np.uint32(bit)):
            shown |= np.uint32(bit)
    lost: npt.NDArray[np.bool_] = (old.status & ~new.status & shown & np.uint32(_KEPT)) != 0
    return lost


def _went_back(old: _Side, new: _Side) -> npt.NDArray[np.bool_]:
    """A connection that was closing is open: SYN after TIME_WAIT makes a new entry.

    From FIN_WAIT to CLOSE states lead to no earlier one but by a new connection.
    Source: nf_conntrack_proto_tcp.c, tcp_packet.
    """
    opened = (new.state >= uapi.TCP_CONNTRACK_SYN_SENT) & (new.state <= uapi.TCP_CONNTRACK_ESTABLISHED)
    closing = (old.state >= uapi.TCP_CONNTRACK_FIN_WAIT) & (old.state <= uapi.TCP_CONNTRACK_CLOSE)
    begun = (new.state == uapi.TCP_CONNTRACK_SYN_SENT) & (old.state == uapi.TCP_CONNTRACK_ESTABLISHED)
    back: npt.NDArray[np.bool_] = (old.l4proto == uapi.IPPROTO_TCP) & ((closing & opened) | begun)
    return back


def _started_otherwise(
    old: _Side, new: _Side, seconds: int | None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Of which entries it is known whether they are the same connection, and which are another one."""
    both = (old.start_s >= 0) & (new.start_s >= 0)
    apart = np.abs(old.start_s - new.start_s)
    near = 0  # the kernel notes it once (nf_conntrack_timestamp.h)
    if old.text or new.text:
        off = apart % _ZONE_S
        apart = np.where(apart <= _FARTHEST_S, np.minimum(off, _ZONE_S - off), apart)
        near = _NEAR_S
    told, other = both.copy(), both & (apart > near)
    if seconds is not None:
        aged = ~both & (new.age_s >= 0)
        told |= aged & ((old.age_s >= 0) | (new.age_s < seconds - TAKEN_S))
        other |= aged & (new.age_s < seconds - TAKEN_S)
        older = np.abs(new.age_s - old.age_s - seconds) > TAKEN_S
        other |= aged & (old.age_s >= 0) & older
    return told, other


def _most(which: npt.NDArray[np.bool_]) -> bool:
    return bool(which.size) and 2 * int(np.count_nonzero(which)) > which.size


def _numbers(column: pl.Series) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = column.cast(pl.Int64).fill_null(-1).to_numpy()
    return numbers
