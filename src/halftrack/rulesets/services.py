"""What becomes of a service's packets if they are not tracked any more, and whether they are translated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from halftrack.evidence import addresses
from halftrack.rulesets import comparing
from halftrack.rulesets.comparing import Difference, Quote
from halftrack.rulesets.packets import ACK, BEGINS, ESTABLISHED, SYN, UNTRACKED, Packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.rulesets.alone import Walks
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

    def packets(self) -> Iterator[_Sent]:
        """The packets of a connection, no matter with whom, and how they stand today.

        Of a service of our own also those of a client here.
        """
        loopback = self.address is not None and addresses.is_loopback(self.address)
        for from_here in self._clients(loopback=loopback):
            towards = Packet(
                family=self.family,
                protocol=self.protocol,
                daddr=self.address,
                dport=self.port,
                from_here=from_here,
                to_here=self.here,
                unmarked=True,
            )
            opens = towards.with_flags(SYN) if self.protocol == _TCP else towards
            yield _Sent(opens, BEGINS, back=False)
            if self.protocol == _TCP:
                yield _Sent(towards.with_flags(SYN | ACK).back(), ESTABLISHED, back=True)
            yield _Sent(towards, ESTABLISHED, back=False)
            yield _Sent(towards.back(), ESTABLISHED, back=True)

    def _clients(self, *, loopback: bool) -> tuple[bool | None, ...]:
        """Whether they are here."""
        if self.here is None:
            return (None,)
        if loopback:
            return (True,)
        return (False, True) if self.here else (False,)


class _Sent(NamedTuple):
    packet: Packet
    standing: Standing
    back: bool


@dataclass(frozen=True, slots=True)
class Needed:
    """A base chain in which packets of a service have to be let pass before they are not tracked any more.

    ``towards``, ``back``: which of its two directions. ``why``: what would become of them else.
    """

    base: Quote
    why: Difference
    towards: bool = False
    back: bool = False


def needed(walks: Walks, service: Service) -> tuple[Needed, ...]:
    """All of them; nothing where its packets surely fare the same without tracking, translation aside.

    One of no table stands for rules that could not be read.
    """
    found: dict[tuple[str, str, str], Needed] = {}
    for packet, standing, back in service.packets():
        for each in comparing.differences(walks, packet, standing, UNTRACKED):
            if each.fate in {"untranslated", "let-pass"}:
                continue  # see ``translation`` and ``let_in``
            key = (each.base.flavour, each.base.table, each.base.chain)
            before = found.get(key, Needed(each.base, each))
            why = each if each.certain and not before.why.certain else before.why
            found[key] = Needed(each.base, why, before.towards or not back, before.back or back)
    return tuple(found.values())


def let_in(walks: Walks, service: Service) -> tuple[Difference, ...]:
    """Where packets are let pass without tracking that a rule takes today: of each rule the first."""
    found: dict[Quote, Difference] = {}
    for packet, standing, _ in service.packets():
        for each in comparing.differences(walks, packet, standing, UNTRACKED):
            if each.fate == "let-pass":
                found.setdefault(each.parted, each)
    return tuple(found.values())


def translation(walks: Walks, service: Service) -> Difference | None:
    """The rule that translates new connections from elsewhere, or may; None where surely none does.

    Of IPVS the service itself.
    """
    for one in walks.rules.services:
        if one.address is None or (one.protocol, one.port) == (service.protocol, service.port):
            exact = one.address is not None and service.address in {None, one.address}
            if exact or one.address is None:
                by = Quote("", "", None, None, f"IPVS: {one.text}", "")
                return Difference("untranslated", certain=exact, by=by, parted=by, base=by)
    opens = next(service.packets())
    found = [
        each
        for each in comparing.differences(walks, opens.packet, opens.standing, UNTRACKED)
        if each.fate == "untranslated"
    ]
    return min(found, key=lambda each: not each.certain, default=None)
