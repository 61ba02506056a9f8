"""What becomes of a service's packets if they are not tracked any more, and whether they are translated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from halftrack.rulesets import comparing
from halftrack.rulesets.packets import ACK, BEGINS, ESTABLISHED, SYN, UNTRACKED, Packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.rulesets.alone import Walks
    from halftrack.rulesets.comparing import Difference
    from halftrack.rulesets.packets import Standing

_TCP: Final = 6


@dataclass(frozen=True, slots=True)
class Service:
    """``address``: 128 bits, IPv4 mapped; None: not known. ``here``: it is the namespace's own."""

    family: Literal["ip", "ip6"]
    protocol: int
    port: int
    address: int | None = None
    here: bool | None = None

    @property
    def towards(self) -> Packet:
        """A packet in the middle of a connection from somebody elsewhere, no matter who."""
        far = False if self.here is not None else None
        return Packet(
            family=self.family,
            protocol=self.protocol,
            daddr=self.address,
            dport=self.port,
            flags=ACK,
            from_here=far,
            to_here=self.here,
            unmarked=True,
        )

    def packets(self) -> Iterator[tuple[Packet, Standing]]:
        """The packets of a connection, and how they stand today."""
        if self.protocol == _TCP:
            yield self.towards.with_flags(SYN), BEGINS
            yield self.towards.with_flags(SYN | ACK).back(), ESTABLISHED
        else:
            yield self.towards, BEGINS
        yield self.towards, ESTABLISHED
        yield self.towards.back(), ESTABLISHED


def untracked(walks: Walks, service: Service) -> tuple[Difference, ...]:
    """Where its packets may fare otherwise once they are not tracked: by base chain, the worst of each."""
    found: dict[tuple[str, str], Difference] = {}
    for packet, standing in service.packets():
        for each in comparing.differences(walks, packet, standing, UNTRACKED):
            if each.fate == "translated":
                continue  # asked for by itself
            key = (each.base.table, each.base.chain)
            if key not in found or (each.certain and not found[key].certain):
                found[key] = each
    return tuple(found.values())
