"""Whether a RST is believed.

Source: the case of TCP_CONNTRACK_CLOSE in ``nf_conntrack_tcp_packet``
(``net/netfilter/nf_conntrack_proto_tcp.c``). Anybody may forge a RST, so only one at exactly the number
that its receiver expects ends an established connection (RFC 5961); any other that could be right makes
a genuine far end answer, and that answer decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import (
    IP_CT_TCP_FLAG_MAXACK_SET,
    IPS_ASSURED,
    IPS_SEEN_REPLY,
    TCP_CONNTRACK_ESTABLISHED,
    TCP_CONNTRACK_SYN_SENT,
)
from halftrack.tcp.table import ACK, CLOSING, REPLY, SYN

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.segments import Segment
    from halftrack.tcp.settings import Rulebook

EXACT: Final = 0
"""Closes, if it is in window."""
INEXACT: Final = 1
"""The state stays."""
UNSEEN: Final = 2
"""Windows are not looked at. May come with INEXACT."""
STALE: Final = 4
"""Invalid."""


def judge(  # noqa: PLR0911  # the kernel's rules in the kernel's order
    entry: Connection, book: Rulebook, direction: int, segment: Segment
) -> int:
    """EXACT, STALE, or what of INEXACT and UNSEEN applies."""
    profile, seq = book.profile, segment.seq
    if profile.closing_takes_rst and entry.state in CLOSING:
        return UNSEEN
    found = EXACT
    receiver = entry.original if direction else entry.reply
    # After a SYN that was let pass, what the receiver has acknowledged may be of an older connection.
    if receiver.flags & IP_CT_TCP_FLAG_MAXACK_SET and not (
        profile.closing_takes_rst and entry.last_index == SYN
    ):
        established = entry.state == TCP_CONNTRACK_ESTABLISHED and entry.status & IPS_ASSURED
        if profile.closing_takes_rst and seq == 0 and not established:
            return EXACT
        if (seq - receiver.td_maxack) & 0x8000_0000 and not (
            profile.closing_takes_rst and book.settings.ignore_invalid_rst
        ):
            return STALE
        if profile.exact_rst:
            if not established or seq == receiver.td_maxack:
                return EXACT
            if entry.last_index == ACK and entry.last_dir == direction and seq == entry.last_end:
                return EXACT
            found = INEXACT
    if _answers_ignored(entry, profile, direction, segment.ack) or _answers_challenge(entry, profile, seq):
        return found | UNSEEN
    return found


def _answers_ignored(entry: Connection, profile: Profile, direction: int, ack: int) -> bool:
    """The answer to a SYN, or to an ACK in a connection half open, that was let pass before."""
    if ack != entry.last_end:
        return False
    if entry.last_index == SYN:
        from_other = entry.last_dir != direction or not profile.rst_from_other
        return from_other and bool(entry.status & IPS_SEEN_REPLY)
    return entry.last_index == ACK and not entry.status & IPS_ASSURED


def _answers_challenge(entry: Connection, profile: Profile, seq: int) -> bool:
    return (
        profile.rst_of_challenge
        and entry.state == TCP_CONNTRACK_SYN_SENT
        and entry.last_index == ACK
        and entry.last_dir == REPLY
        and seq == entry.last_ack
    )
