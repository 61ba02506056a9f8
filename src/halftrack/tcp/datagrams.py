"""Protocols without connections: what begins an exchange, and how long its entry lives on after a packet.

Sources: ``nf_conntrack_proto_udp.c``, ``nf_conntrack_proto_gre.c``, ``nf_conntrack_proto_icmp.c``,
``nf_conntrack_proto_icmpv6.c``, ``nf_conntrack_proto_generic.c`` in ``net/netfilter``. SCTP and, before
6.18, DCCP have state machines of their own, which are not modelled.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.tcp import rules

if TYPE_CHECKING:
    from halftrack.tcp.entry import Exchange
    from halftrack.tcp.settings import Rulebook, Settings

_ANSWERS: Final = MappingProxyType(
    {
        uapi.IPPROTO_ICMP: ((8, 0), (13, 14), (15, 16), (17, 18)),
        uapi.IPPROTO_ICMPV6: ((128, 129), (139, 140)),
    }
)
"""Types of requests with those of their answers."""
REQUESTS: Final = MappingProxyType(
    {protocol: frozenset(request for request, _ in pairs) for protocol, pairs in _ANSWERS.items()}
)
"""Types that begin an entry; nothing else of ICMP does."""
COUNTERPARTS: Final = MappingProxyType(
    {
        protocol: {**dict(pairs), **{answer: request for request, answer in pairs}}
        for protocol, pairs in _ANSWERS.items()
    }
)
ICMPV6_UNTRACKED: Final = frozenset((130, 131, 132, 133, 134, 135, 136, 143))
"""Neighbours and listeners talking (``noct_valid_new``)."""
WITH_RULES: Final = frozenset(
    (uapi.IPPROTO_TCP, uapi.IPPROTO_SCTP, uapi.IPPROTO_DCCP, uapi.IPPROTO_ICMP, uapi.IPPROTO_ICMPV6)
)
_UDP: Final = (uapi.IPPROTO_UDP, uapi.IPPROTO_UDPLITE)
STREAM_AFTER_S: Final = 2.0
"""How long an exchange of UDP has to last until it is a stream, where that is asked (``udp_waits``)."""


def prolong(entry: Exchange, book: Rulebook, now: float) -> tuple[int, str]:
    """Give an entry its time after one more packet: seconds, and the rule that chose them.

    An exchange that has become a stream is assured.
    """
    protocol = entry.key[0]
    timeout, rule = _single(entry, book.settings), rules.SINGLE
    waits = book.profile.udp_waits and protocol in _UDP and now <= entry.created + STREAM_AFTER_S
    if (
        entry.status & uapi.IPS_SEEN_REPLY
        and not waits
        and (protocol in _UDP or protocol == uapi.IPPROTO_GRE)
    ):
        timeout, rule = _stream(entry, book.settings), rules.STREAM
        entry.status |= uapi.IPS_ASSURED
    entry.deadline = now + timeout
    return timeout, rule


def _single(entry: Exchange, settings: Settings) -> int:
    if entry.policy is not None:
        return entry.policy.single
    protocol = entry.key[0]
    if protocol in _UDP:
        return settings.udp
    if protocol == uapi.IPPROTO_GRE:
        return settings.gre
    if protocol == uapi.IPPROTO_ICMP:
        return settings.icmp
    return settings.icmpv6 if protocol == uapi.IPPROTO_ICMPV6 else settings.generic


def _stream(entry: Exchange, settings: Settings) -> int:
    if entry.policy is not None:
        return entry.policy.stream
    return settings.gre_stream if entry.key[0] == uapi.IPPROTO_GRE else settings.udp_stream
