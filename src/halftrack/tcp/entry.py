"""One entry of the tracker: what it remembers of a flow between two packets.

Fields under the names of ``struct nf_conn``, ``struct ip_ct_tcp`` and ``struct ip_ct_tcp_state``
(``include/linux/netfilter/nf_conntrack_tcp.h``). Sequence numbers and windows are unsigned 32-bit.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.tcp.table import NONE

if TYPE_CHECKING:
    from collections.abc import Hashable

    from halftrack.tcp.settings import Policy

EXP_CHALLENGE_ACK: Final = 0x40
SIMULTANEOUS_OPEN: Final = 0x80
"""Both live in ``last_flags`` beside the options of an ignored SYN."""


class Entry:
    """A flow of any protocol.

    ``source``, ``target``: the ends of its first packet. ``created``, ``deadline``: seconds of the
    packets' clock; at ``deadline`` it is gone. ``packets_*``: those that were accounted. ``serial``: how
    many entries its table had been given with it; 0: it is in none.
    """

    __slots__ = (
        "created",
        "deadline",
        "packets_original",
        "packets_reply",
        "policy",
        "serial",
        "source",
        "status",
        "target",
    )

    def __init__(self, source: Hashable, target: Hashable, now: float, policy: Policy | None) -> None:
        self.source = source
        self.target = target
        self.created = now
        self.deadline = now
        self.policy = policy
        self.serial = 0
        self.status = uapi.IPS_CONFIRMED
        self.packets_original = 0
        self.packets_reply = 0


class Exchange(Entry):
    """An entry of a protocol without connections.

    ``key``: the tuple of its first packet, protocol and source first; ``reply_key``: of what answers it.
    """

    __slots__ = ("key", "reply_key")

    def __init__(
        self,
        key: tuple[Hashable, ...],
        reply_key: tuple[Hashable, ...],
        now: float,
        policy: Policy | None,
    ) -> None:
        super().__init__(key[1], reply_key[1], now, policy)
        self.key = key
        self.reply_key = reply_key


class Side:
    """What one side of a connection has sent and may send.

    ``td_end``: behind the last byte seen. ``td_maxend``: as far as the other side lets it send.
    ``td_maxwin``: the largest window that it has offered; 0: nothing seen. ``td_maxack``: the furthest
    that it has acknowledged. ``loose``: for how many more segments windows are not enforced (2.6.18).
    """

    __slots__ = ("flags", "loose", "td_end", "td_maxack", "td_maxend", "td_maxwin", "td_scale")

    def __init__(self) -> None:
        self.flags = 0
        self.loose = 0
        self.forget()

    def forget(self) -> None:
        """Back to where nothing was seen; that it is liberal is kept."""
        self.td_end = 0
        self.td_maxend = 0
        self.td_maxwin = 0
        self.td_maxack = 0
        self.forget_options()

    def forget_options(self) -> None:
        """As if it had announced none. The kernel keeps all flags but one together with them."""
        self.td_scale = 0
        self.flags &= uapi.IP_CT_TCP_FLAG_BE_LIBERAL


class Connection(Entry):
    """A TCP entry. What is named ``last_*`` is of the last packet that was accepted or ignored."""

    __slots__ = (
        "last_ack",
        "last_dir",
        "last_end",
        "last_flags",
        "last_index",
        "last_seq",
        "last_win",
        "last_wscale",
        "original",
        "reply",
        "retrans",
        "state",
    )

    def __init__(self, source: Hashable, target: Hashable, now: float, policy: Policy | None) -> None:
        super().__init__(source, target, now, policy)
        self.state = uapi.TCP_CONNTRACK_NONE
        self.original = Side()
        self.reply = Side()
        self.last_dir = 0
        self.last_index = NONE
        self.retrans = 0
        self.last_seq = 0
        self.last_ack = 0
        self.last_end = 0
        self.last_win = 0
        self.last_wscale = 0
        self.last_flags = 0

    def twin(self) -> Connection:
        """Another one that has come to the same."""
        made = copy.copy(self)
        made.original, made.reply = copy.copy(self.original), copy.copy(self.reply)
        return made
