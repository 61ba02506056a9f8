"""A packet as far as it is known, and what the tracker says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Hook

FIN: Final = 0x01
SYN: Final = 0x02
ACK: Final = 0x10
_RST_URG: Final = 0x24
SURE_FLAGS: Final = FIN | SYN | ACK | _RST_URG
"""Those that are known of a packet; PSH is not."""


@dataclass(frozen=True, slots=True)
class Packet:
    """None: not known, or any. Addresses are numbers of 128 bits, IPv4 mapped.

    ``flags``: of TCP, of those that are sure. ``from_here``, ``to_here``: whether its source or
    destination is an address of the namespace itself. ``unmarked``: its entry has no mark and no label.
    """

    family: Literal["ip", "ip6"]
    protocol: int
    saddr: int | None = None
    daddr: int | None = None
    sport: int | None = None
    dport: int | None = None
    flags: int = ACK
    from_here: bool | None = None
    to_here: bool | None = None
    unmarked: bool = False

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """The hooks that it passes, or may pass."""
        if self.from_here and self.to_here:
            return ("output", "postrouting", "prerouting", "input")
        if self.from_here:
            return ("output", "postrouting")
        if self.to_here:
            return ("prerouting", "input")
        if self.from_here is False and self.to_here is False:
            return ("prerouting", "forward", "postrouting")
        return ("prerouting", "input", "forward", "output", "postrouting")

    def with_flags(self, flags: int) -> Packet:
        return replace(self, flags=flags)

    def back(self) -> Packet:
        """A packet the other way."""
        return replace(
            self,
            saddr=self.daddr,
            daddr=self.saddr,
            sport=self.dport,
            dport=self.sport,
            from_here=self.to_here,
            to_here=self.from_here,
        )

    @property
    def by_loopback(self) -> bool | None:
        """Whether it goes by ``lo``: from one of our addresses to another."""
        if self.from_here is None or self.to_here is None:
            return None
        return self.from_here and self.to_here


@dataclass(frozen=True, slots=True)
class Standing:
    """What ``ct state`` says of a packet. ``begins``: it makes an entry, so that nat chains are asked."""

    state: Literal["new", "established", "invalid", "untracked"]
    begins: bool = False


ESTABLISHED: Final = Standing("established")
UNANSWERED: Final = Standing("new")
"""Of an entry that never saw a reply, in its own direction: nf_conntrack_core.c, resolve_normal_ct."""
BEGINS: Final = Standing("new", begins=True)
INVALID: Final = Standing("invalid")
UNTRACKED: Final = Standing("untracked")
