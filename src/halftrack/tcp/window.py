"""Whether a segment fits into what the two sides have sent and offered, and what it changes of that.

Source: ``tcp_in_window`` in ``net/netfilter/nf_conntrack_proto_tcp.c``, after Guido van Rooij, "Real
Stateful TCP Packet Filtering in IP Filter". Four bounds: a segment begins no further on than its sender
may send and ends no further back than one window behind what it has sent; it acknowledges nothing that
was not sent, and nothing much older than what was. Comparisons are modulo 2**32: ``(a - b) & _SIGN`` says
that a comes before b.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import (
    IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED,
    IP_CT_TCP_FLAG_MAXACK_SET,
    IP_CT_TCP_FLAG_SACK_PERM,
    IP_CT_TCP_FLAG_WINDOW_SCALE,
    TCP_CONNTRACK_SYN_RECV,
    TCP_CONNTRACK_SYN_SENT,
)
from halftrack.tcp import rules
from halftrack.tcp.options import highest_sack, opening
from halftrack.tcp.table import ACK, REPLY, TH_ACK, TH_RST, TH_SYN

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection, Side
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.segments import Segment

_SIGN: Final = 0x8000_0000
MASK: Final = 0xFFFF_FFFF
MAXACKWINCONST: Final = 66_000
"""How far behind an acknowledgement may be, if no larger window was offered."""


def judge(  # noqa: C901, PLR0911, PLR0912, PLR0915  # the bounds, in the order in which the kernel meets them
    entry: Connection, profile: Profile, direction: int, segment: Segment
) -> str:
    """``rules.IN_WINDOW`` once the windows were moved, else the rule that the segment breaks."""
    if direction:
        sender, receiver = entry.reply, entry.original
    else:
        sender, receiver = entry.original, entry.reply
    flags, seq, end, ack = segment.flags, segment.seq, segment.end, segment.ack
    sack = ack
    if segment.options and receiver.flags & IP_CT_TCP_FLAG_SACK_PERM:
        sack = highest_sack(segment.options, ack)

    if not sender.td_maxwin:
        if flags & TH_SYN:
            _begin(profile, direction, sender, receiver, segment)
            if not flags & TH_ACK:
                return rules.IN_WINDOW
        else:
            _continue(profile, sender, receiver, segment, sack)
    elif (sender.td_end - end) & _SIGN and _restarts(profile, entry.state, direction, flags):
        if profile.reopens_by_syn:
            _begin(profile, direction, sender, receiver, segment)
            if direction == REPLY and not flags & TH_ACK:
                return rules.IN_WINDOW
        else:
            _restart(sender, segment)

    if not flags & TH_ACK or (ack == 0 and flags & TH_RST):
        ack = sack = receiver.td_end
    if flags & TH_RST:
        if seq == 0 and entry.state == TCP_CONNTRACK_SYN_SENT:
            seq = end = sender.td_end
    elif profile.empty_fits and seq == end:
        seq = end = sender.td_end

    oldest_ack = receiver.td_end - max(MAXACKWINCONST, sender.td_maxwin)
    in_receive_window = (sender.td_end - receiver.td_maxwin - 1 - end) & _SIGN
    if profile.one_way and not receiver.td_maxwin:
        in_receive_window = _SIGN
    ack_not_old = (oldest_ack - 1 - sack) & _SIGN
    ack_seen = (sack - receiver.td_end - 1) & _SIGN
    if not (seq - sender.td_maxend - 1) & _SIGN:
        little = (end - sender.td_maxend + 1) & MASK <= receiver.td_maxwin
        if not (profile.tolerant and little and in_receive_window and ack_not_old and ack_seen):
            return rules.SEQ_TOO_HIGH
        sender.td_end = end
        sender.flags |= IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED
        return rules.SEQ_EXCEEDS
    if not ack_seen:
        return rules.ACK_TOO_HIGH
    if not in_receive_window:
        return rules.SEQ_TOO_LOW
    if not ack_not_old:
        return rules.ACK_TOO_LOW
    window = segment.window if flags & TH_SYN else segment.window << sender.td_scale
    offered = (window + sack - ack) & MASK
    if sender.td_maxwin < offered:  # noqa: PLR1730  # max() is a call for every packet
        sender.td_maxwin = offered
    _acknowledge(profile, sender, receiver, end, ack if flags & TH_ACK else None)
    if (receiver.td_maxend - 1 - sack - window) & _SIGN:
        receiver.td_maxend = (sack + (window or 1)) & MASK
    if ack == receiver.td_end:
        receiver.flags &= ~IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED
    if segment.event == ACK:
        _count(entry, direction, segment, ack, segment.window if profile.raw_window else window)
    return rules.IN_WINDOW


def _restarts(profile: Profile, state: int, direction: int, flags: int) -> bool:
    """Whether a side that is further on than before may begin again: its SYN may have been lost."""
    if profile.reopens_by_syn:
        return bool(flags & TH_SYN) and state in (TCP_CONNTRACK_SYN_SENT, TCP_CONNTRACK_SYN_RECV)
    return state == (TCP_CONNTRACK_SYN_RECV if direction else TCP_CONNTRACK_SYN_SENT)


def _begin(profile: Profile, direction: int, sender: Side, receiver: Side, segment: Segment) -> None:
    """A side's SYN. Windows are scaled only where both sides said so."""
    _restart(sender, segment)
    scaled = sender.flags & receiver.flags & IP_CT_TCP_FLAG_WINDOW_SCALE
    if not scaled and (direction == REPLY or not profile.scale_by_answer):
        sender.td_scale = receiver.td_scale = 0


def _restart(sender: Side, segment: Segment) -> None:
    sender.td_end = sender.td_maxend = segment.end
    sender.td_maxwin = segment.window or 1
    announce(sender, segment.options)


def announce(side: Side, options: bytes) -> None:
    """Take over the options of a SYN; one without any changes nothing."""
    if options:
        side.forget_options()
        side.td_scale, flags = opening(options)
        side.flags |= flags


def _continue(profile: Profile, sender: Side, receiver: Side, segment: Segment, sack: int) -> None:
    """A side's first segment in mid-stream: what it says is believed."""
    sender.td_end = segment.end
    sender.td_maxwin = (segment.window << sender.td_scale if profile.learns_peer else segment.window) or 1
    sender.td_maxend = (segment.end + sender.td_maxwin) & MASK
    if not profile.learns_peer:
        return
    if not receiver.td_maxwin:
        receiver.td_end = receiver.td_maxend = sack
    elif profile.keepalive and sack == (receiver.td_end + 1) & MASK:
        receiver.td_end = sack


def _acknowledge(profile: Profile, sender: Side, receiver: Side, end: int, ack: int | None) -> None:
    """Note how far the sender has sent and, where it acknowledges anything, acknowledged."""
    if (sender.td_end - end) & _SIGN:
        sender.td_end = end
        if profile.unacknowledged:
            sender.flags |= IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED
    if ack is not None and profile.unacknowledged:
        if not sender.flags & IP_CT_TCP_FLAG_MAXACK_SET:
            sender.td_maxack = ack
            sender.flags |= IP_CT_TCP_FLAG_MAXACK_SET
        elif (sender.td_maxack - ack) & _SIGN:
            sender.td_maxack = ack
    if (receiver.td_maxwin or not profile.learns_peer) and (sender.td_maxend - end) & _SIGN:
        receiver.td_maxwin = (receiver.td_maxwin + end - sender.td_maxend) & MASK


def _count(entry: Connection, direction: int, segment: Segment, ack: int, window: int) -> None:
    """Count how often the same bare segment came: in eight bits, remembering a window in sixteen."""
    if (
        entry.last_seq == segment.seq
        and entry.last_ack == ack
        and entry.last_end == segment.end
        and entry.last_win == window
        and entry.last_dir == direction
    ):
        entry.retrans = (entry.retrans + 1) & 0xFF
    else:
        entry.last_dir = direction
        entry.last_seq = segment.seq
        entry.last_ack = ack
        entry.last_end = segment.end
        entry.last_win = window & 0xFFFF
        entry.retrans = 0
