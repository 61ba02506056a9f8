"""Whether a namespace's rules ask for connection tracking, of either family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from halftrack.evidence.uapi import AF_INET6

XTABLES: Final = frozenset(
    {
        *("conntrack", "state", "helper", "connmark", "connlimit", "connlabel", "connbytes", "cluster"),
        *("CT", "CONNMARK", "CONNSECMARK", "REDIRECT", "NETMAP", "MASQUERADE", "SNAT", "DNAT", "SYNPROXY"),
        "CLUSTERIP",
    }
)
"""Matches and targets of iptables that ask for tracking: those that call nf_ct_netns_get (xt_*.c)."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """``ipv4``, ``ipv6``: something that asks for it, in a few printable words; None where nothing was found.

    ``unread``: half a sentence for each part of the rules that could not be looked at.
    """

    ipv4: str | None = None
    ipv6: str | None = None
    unread: tuple[str, ...] = ()

    def asked(self, family: int) -> bool | None:
        """Whether packets of AF_INET or AF_INET6 are to be tracked; None where that cannot be told."""
        if (self.ipv6 if family == AF_INET6 else self.ipv4) is not None:
            return True
        return None if self.unread else False
