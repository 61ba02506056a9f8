"""The tracker of 2.6.18 and 2.6.24 where it is unlike all later ones.

Source: ``ip_conntrack_proto_tcp.c`` of 2.6.18-028stab056. Windows are not enforced for the first
``tcp_loose`` packets of either side of a connection that was picked up; a SYN opens a closed entry anew
if its side began to close or if it is further on; and where an answer shows that an ignored SYN was
right, the entry is removed and the answer dropped, so that the client asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import (
    IP_CT_TCP_FLAG_CLOSE_INIT,
    IP_CT_TCP_FLAG_SACK_PERM,
    IP_CT_TCP_FLAG_WINDOW_SCALE,
    TCP_CONNTRACK_SYN_RECV,
    TCP_CONNTRACK_SYN_SENT,
)
from halftrack.tcp import rules
from halftrack.tcp.options import highest_sack, opening
from halftrack.tcp.table import ACK, TH_ACK, TH_PUSH, TH_RST, TH_SYN, TH_URG

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection, Side
    from halftrack.tcp.segments import Segment

_SIGN: Final = 0x8000_0000
_MASK: Final = 0xFFFF_FFFF
_MAXACKWINCONST: Final = 66_000
_JUDGED: Final = 0x3F
_ILLEGAL: Final = frozenset((TH_SYN | TH_URG, TH_SYN | TH_URG | TH_PUSH, TH_RST | TH_PUSH))


def is_illegal(flags: int) -> bool:
    """Flags that only this tracker refuses (``tcp_valid_flags``): it judges PSH as well."""
    return flags & _JUDGED in _ILLEGAL


def pick_up(entry: Connection, loose: int) -> None:
    """What is different in an entry's beginning; ``loose``: ``tcp_loose`` where it is picked up, else 0."""
    entry.reply.td_maxwin = 1
    entry.original.loose = entry.reply.loose = loose
    if loose:
        entry.original.flags = entry.reply.flags = IP_CT_TCP_FLAG_SACK_PERM


def may_reopen(entry: Connection, direction: int, seq: int) -> bool:
    """Whether a SYN opens a closed entry anew. One that does not is invalid, not ignored."""
    side = entry.reply if direction else entry.original
    return bool(side.flags & IP_CT_TCP_FLAG_CLOSE_INIT or (side.td_end - seq) & _SIGN)


def judge(entry: Connection, direction: int, segment: Segment) -> str:  # noqa: C901  # the kernel's order
    """``rules.IN_WINDOW`` once the windows were moved, else the rule that the segment breaks."""
    sender, receiver = (entry.reply, entry.original) if direction else (entry.original, entry.reply)
    flags, seq, end, ack = segment.flags, segment.seq, segment.end, segment.ack
    sack = ack
    if segment.options and receiver.flags & IP_CT_TCP_FLAG_SACK_PERM:
        sack = highest_sack(segment.options, ack)
    if not sender.td_end:
        _begin(sender, receiver, segment)
    elif (sender.td_end - end) & _SIGN and entry.state == (
        TCP_CONNTRACK_SYN_RECV if direction else TCP_CONNTRACK_SYN_SENT
    ):
        _restart(sender, segment)
    if not flags & TH_ACK or (ack == 0 and flags & TH_RST):
        ack = sack = receiver.td_end
    if seq == end and (not flags & TH_RST or (seq == 0 and entry.state == TCP_CONNTRACK_SYN_SENT)):
        seq = end = sender.td_end
    if not (sender.loose or receiver.loose):
        if not (seq - sender.td_maxend - 1) & _SIGN:
            return rules.SEQ_TOO_HIGH
        if not (sack - receiver.td_end - 1) & _SIGN:
            return rules.ACK_TOO_HIGH
        if not (sender.td_end - receiver.td_maxwin - 1 - end) & _SIGN:
            return rules.SEQ_TOO_LOW
        if not (receiver.td_end - max(_MAXACKWINCONST, sender.td_maxwin) - ack) & _SIGN:
            return rules.ACK_TOO_LOW
    window = segment.window if flags & TH_SYN else segment.window << sender.td_scale
    _move(sender, receiver, end, window, (ack, sack))
    if segment.event == ACK:
        _count(entry, direction, segment, ack)
    if sender.loose:
        sender.loose -= 1
    return rules.IN_WINDOW


def _begin(sender: Side, receiver: Side, segment: Segment) -> None:
    if segment.flags & TH_SYN and segment.flags & TH_ACK:
        _restart(sender, segment)
        if not sender.flags & receiver.flags & IP_CT_TCP_FLAG_WINDOW_SCALE:
            sender.td_scale = receiver.td_scale = 0
    else:
        sender.td_end = segment.end
        sender.td_maxwin = segment.window or 1
        sender.td_maxend = (segment.end + sender.td_maxwin) & _MASK


def _restart(sender: Side, segment: Segment) -> None:
    sender.td_end = sender.td_maxend = segment.end
    sender.td_maxwin = segment.window or 1
    if segment.options:
        sender.td_scale, sender.flags = opening(segment.options)


def _move(sender: Side, receiver: Side, end: int, window: int, acked: tuple[int, int]) -> None:
    ack, sack = acked
    sender.td_maxwin = max(sender.td_maxwin, (window + sack - ack) & _MASK)
    if (sender.td_end - end) & _SIGN:
        sender.td_end = end
    if (sender.td_maxend - end) & _SIGN:
        receiver.td_maxwin = (receiver.td_maxwin + end - sender.td_maxend) & _MASK
    if (receiver.td_maxend - 1 - sack - window) & _SIGN:
        receiver.td_maxend = (sack + (window or 1)) & _MASK


def _count(entry: Connection, direction: int, segment: Segment, ack: int) -> None:
    """Count the same bare segment, whatever window it offers."""
    if (
        entry.last_dir == direction
        and entry.last_seq == segment.seq
        and entry.last_ack == ack
        and entry.last_end == segment.end
    ):
        entry.retrans = (entry.retrans + 1) & 0xFF
    else:
        entry.last_dir = direction
        entry.last_seq = segment.seq
        entry.last_ack = ack
        entry.last_end = segment.end
        entry.retrans = 0
