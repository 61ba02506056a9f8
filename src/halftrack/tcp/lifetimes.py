"""How long an entry may live on after a packet, and the rule that says so; the first that applies.

Source: the end of ``nf_conntrack_tcp_packet`` in ``net/netfilter/nf_conntrack_proto_tcp.c``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.evidence.uapi import (
    IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED,
    TCP_CONNTRACK_CLOSE,
    TCP_CONNTRACK_ESTABLISHED,
)
from halftrack.tcp import rules
from halftrack.tcp.table import RETRANS, RST, UNACK

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.settings import Slots


def choose(
    entry: Connection, profile: Profile, timeouts: Slots, max_retrans: int, event: int
) -> tuple[int, str]:
    """Seconds and rule, by what the entry is now."""
    timeout = timeouts[entry.state]
    if entry.retrans >= max_retrans and timeout > timeouts[RETRANS]:
        return timeouts[RETRANS], rules.RETRANSMITTED
    if event == RST:
        if profile.rst_closes_timer:
            return timeouts[TCP_CONNTRACK_CLOSE], rules.RESET
        if (
            profile.rst_unacknowledged
            and entry.state == TCP_CONNTRACK_ESTABLISHED
            and timeout > timeouts[UNACK]
        ):
            return timeouts[UNACK], rules.UNACKNOWLEDGED
    if (entry.original.flags | entry.reply.flags) & IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED and timeout > timeouts[
        UNACK
    ]:
        return timeouts[UNACK], rules.UNACKNOWLEDGED
    if entry.last_win == 0 and profile.zero_window and timeout > timeouts[RETRANS]:
        return timeouts[RETRANS], rules.ZERO_WINDOW
    return timeout, rules.BY_STATE


def clamp(timeouts: Slots, timeout: int, rule: str) -> tuple[int, str]:
    """What is established without a reply lives no longer than data without an acknowledgement."""
    if timeout > timeouts[UNACK]:
        return timeouts[UNACK], rules.ONE_SIDED
    return timeout, rule


def unacknowledged(timeouts: Slots) -> int:
    """Seconds for what nobody has acknowledged."""
    return timeouts[UNACK]
