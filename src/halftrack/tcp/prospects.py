"""Packets that an end of a connection may send next, each with numbers that make it what it is called.

A kind is a packet as an operator would name it; its numbers follow from what the entry remembers of the
two ends. Where an end was not seen yet, whatever it says is believed, and its numbers are made up.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from halftrack.evidence import uapi
from halftrack.tcp.segments import Segment
from halftrack.tcp.table import TH_ACK, TH_FIN, TH_PUSH, TH_RST, TH_SYN

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection, Side

SYN: Final = "syn"
SYN_ACK: Final = "syn-ack"
ACK: Final = "ack"
DATA: Final = "data"
FIN: Final = "fin"
RST: Final = "rst"
RST_NEAR: Final = "rst-near"
RST_FAR: Final = "rst-far"
RST_OLD: Final = "rst-old"
DATA_FAR: Final = "data-far"

KINDS: Final = MappingProxyType(
    {
        SYN: "SYN",
        SYN_ACK: "SYN-ACK",
        ACK: "ACK",
        DATA: "data",
        FIN: "FIN",
        RST: "RST at the number that is expected",
        RST_NEAR: "RST elsewhere in the window",
        RST_FAR: "RST beyond the window",
        RST_OLD: "RST of an older number",
        DATA_FAR: "data beyond the window",
    }
)
"""Slug to what it is. But for those whose name says otherwise, all fit in with what was said before."""
ODD: Final = (RST_NEAR, RST_FAR, RST_OLD, DATA_FAR)
"""Those whose names say otherwise."""
ACK_CROSSING: Final = "ack-crossing"
DATA_CROSSING: Final = "data-crossing"
FIN_CROSSING: Final = "fin-crossing"
CROSSING: Final = MappingProxyType(
    {
        ACK_CROSSING: "ACK of what came earlier",
        DATA_CROSSING: "data that crosses the other's",
        FIN_CROSSING: "FIN that crosses the other's data",
    }
)
"""Kinds of what was sent before the other end's last was heard, so that it acknowledges less."""
OPENING: Final = (SYN, SYN_ACK, ACK, DATA, FIN, RST)
"""Kinds that differ where nothing was said before."""

_FLAGS: Final = MappingProxyType(
    {
        SYN: TH_SYN,
        SYN_ACK: TH_SYN | TH_ACK,
        ACK: TH_ACK,
        DATA: TH_PUSH | TH_ACK,
        FIN: TH_FIN | TH_ACK,
        DATA_FAR: TH_PUSH | TH_ACK,
        **dict.fromkeys((RST, RST_NEAR, RST_FAR, RST_OLD), TH_RST | TH_ACK),
        ACK_CROSSING: TH_ACK,
        DATA_CROSSING: TH_PUSH | TH_ACK,
        FIN_CROSSING: TH_FIN | TH_ACK,
    }
)
_RSTS: Final = (RST, RST_NEAR, RST_FAR, RST_OLD)
_MASK: Final = 0xFFFF_FFFF
UNSEEN: Final = (3_000_000, 5_000_000)
"""Where the numbers of an end begin that was not seen: the original side's, the reply side's."""
_AWAY: Final = 200_000
"""How far from any window what is out of it is."""
_ANEW: Final = 10_000_000
"""How far the numbers of a new connection are from those of the one before."""
_LENGTHS: Final = MappingProxyType(dict.fromkeys((DATA, DATA_FAR, DATA_CROSSING), 100))
WINDOW: Final = 8_000


class Packet(NamedTuple):
    """A TCP header's fields, and how long its data is."""

    flags: int
    seq: int
    ack: int
    window: int
    length: int
    options: bytes

    @property
    def segment(self) -> Segment:
        return Segment(self.flags, self.seq, self.ack, self.window, self.length, options=self.options)


class Ends(NamedTuple):
    """Where the two ends of a connection are, by direction, whatever the tracker remembers of it.

    ``sent``: behind the last byte of each. ``acked``: as far as each has acknowledged the other's.
    """

    sent: tuple[int, int] = UNSEEN
    acked: tuple[int, int] = UNSEEN[::-1]

    def after(self, direction: int, packet: Packet) -> Ends:
        """Once an end has sent one more packet."""
        sent, acked = list(self.sent), list(self.acked)
        sent[direction] = max(sent[direction], packet.segment.end)
        if packet.flags & TH_ACK:
            acked[direction] = max(acked[direction], packet.ack)
        if packet.flags & TH_SYN:  # the least that the other end acknowledges at all
            acked[1 - direction] = max(acked[1 - direction], packet.segment.end)
        return Ends((sent[0], sent[1]), (acked[0], acked[1]))


def remembered(entry: Connection) -> Ends:
    """Where the ends are if they are where the tracker believes them to be."""
    sides = (entry.original, entry.reply)
    sent = (_next(*sides, 0), _next(*sides[::-1], 1))
    acked = [
        side.td_maxack if side.flags & uapi.IP_CT_TCP_FLAG_MAXACK_SET else other
        for side, other in zip(sides, sent[::-1], strict=True)
    ]
    return Ends(sent, (acked[0], acked[1]))


def first(kind: str, options: bytes = b"") -> Packet:
    """A packet of ``OPENING`` of which no connection is known. ``options``: of a SYN."""
    flags = _FLAGS[kind]
    ack = UNSEEN[1] if flags & TH_ACK else 0
    return Packet(flags, UNSEEN[0], ack, WINDOW, _LENGTHS.get(kind, 0), options)


def following(
    entry: Connection,
    direction: int,
    kind: str,
    options: bytes = b"",
    window: int = WINDOW,
    *,
    ends: Ends | None = None,
) -> Packet:
    """A packet of ``KINDS`` or ``CROSSING`` that the end ``direction`` sends next.

    ``direction``: table.ORIGINAL or table.REPLY. ``options``: of a SYN or SYN-ACK. ``window``: another one
    than that of the packet before, where the packet is to be no repetition of it. ``ends``: where they are;
    by default ``remembered``.
    """
    sender, receiver = (entry.reply, entry.original) if direction else (entry.original, entry.reply)
    where = remembered(entry) if ends is None else ends
    here, there = where.sent[direction], where.sent[1 - direction]
    flags = _FLAGS[kind]
    seq = here
    if kind in _RSTS:
        seq = _of_rst(entry, kind, sender, receiver, here)
    elif flags & TH_SYN:
        if entry.state not in uapi.TCP_OPENING:
            seq = here + _ANEW
        elif sender.td_maxwin:
            seq = here - 1
    elif kind == DATA_FAR:
        seq = _beyond(sender, receiver, here)
    ack = there if flags & TH_ACK else 0
    if kind in CROSSING:
        ack = where.acked[direction]
    said = options if flags & TH_SYN else b""
    return Packet(flags, seq & _MASK, ack & _MASK, window, _LENGTHS.get(kind, 0), said)


def _next(side: Side, other: Side, direction: int) -> int:
    """What a side sends next: behind what was seen of it, or else what the other one acknowledged."""
    if side.td_maxwin:
        return side.td_end
    if other.flags & uapi.IP_CT_TCP_FLAG_MAXACK_SET and other.td_maxack:
        return other.td_maxack
    return UNSEEN[direction]


def _beyond(sender: Side, receiver: Side, here: int) -> int:
    """Further on than even what exceeds the offered window a little."""
    return (sender.td_maxend if sender.td_maxwin else here) + receiver.td_maxwin + _AWAY


def _of_rst(entry: Connection, kind: str, sender: Side, receiver: Side, here: int) -> int:
    if kind == RST_FAR:
        return _beyond(sender, receiver, here)
    known = bool(receiver.flags & uapi.IP_CT_TCP_FLAG_MAXACK_SET)
    expected = receiver.td_maxack if known else here
    if kind == RST_OLD:
        return expected - receiver.td_maxwin - _AWAY
    if kind == RST_NEAR:
        return expected + 1
    # A port that is closed refuses a SYN from a stack that has no number yet.
    refuses = entry.state == uapi.TCP_CONNTRACK_SYN_SENT and not sender.td_maxwin
    return 0 if refuses else expected
