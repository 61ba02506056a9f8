"""What the rules of a namespace say to a service that goes untracked: may it, and what it needs first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from halftrack.evidence import addresses, uapi
from halftrack.plans.actions import AcceptIn
from halftrack.remedies import place
from halftrack.rulesets import comparing, entries, services
from halftrack.rulesets.entries import own_addresses

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.remedies.situation import Situation
    from halftrack.rulesets.comparing import Difference
    from halftrack.rulesets.services import Needed, Service

_PROTOCOLS: Final = {"tcp": uapi.IPPROTO_TCP, "udp": uapi.IPPROTO_UDP, "sctp": uapi.IPPROTO_SCTP}
_OURS: Final = ("INPUT", "OUTPUT", "FORWARD")
_FIREWALLD: Final = "firewalld"


@dataclass(frozen=True, slots=True)
class LetPass:
    """``accept``: chains of iptables in which a rule of ours does it; ``by_hand``: those of others.

    ``why``: a sentence for each, with the rule that would take its packets.
    """

    accept: tuple[str, ...] = ()
    by_hand: tuple[AcceptIn, ...] = ()
    why: tuple[str, ...] = ()


def service(
    situation: Situation, family: Literal["ip", "ip6"], address: str, protocol: str, port: int
) -> Service:
    """As rules see it; of one whose address is masked, only the family is known."""
    try:
        hi, lo = addresses.parse(address)
    except ValueError:
        return services.Service(family, _PROTOCOLS[protocol], port)
    number, local = hi << 64 | lo, own_addresses(situation.table)
    here = None if local is None else number in local or addresses.is_loopback(number)
    return services.Service(family, _PROTOCOLS[protocol], port, number, here)


def translated(situation: Situation, wanted: Service) -> Difference | None:
    """The rule that translates its new connections, or may; None where none does, or nobody read them."""
    if situation.rules is None:
        return None
    return services.translation(comparing.prepared(situation.rules), wanted)


def let_pass(situation: Situation, wanted: Service) -> LetPass | None:
    """What has to be accepted before; None where that cannot be told."""
    rules = situation.rules
    if rules is None or rules.unread:
        return None
    accept: list[str] = []
    by_hand: list[AcceptIn] = []
    why: list[str] = []
    for each in services.needed(comparing.prepared(rules), wanted):
        why.append(f"untracked, {entries.words(each.why, which='its packets')}")
        chain = each.base.chain
        if _is_ours(situation, rules, each, wanted.family):
            accept.append(chain)
        else:
            by_hand.append(_there(situation, each, wanted.family))
    why += [
        f"untracked, its packets pass by a rule that may take them today: {passed.parted.words}"
        for passed in services.let_in(comparing.prepared(rules), wanted)
    ]
    return LetPass(tuple(dict.fromkeys(accept)), tuple(by_hand), tuple(dict.fromkeys(why)))


def _is_ours(situation: Situation, rules: Ruleset, each: Needed, family: str) -> bool:
    """Whether a rule of ours can do it: in a chain of iptables, of the table and flavour that it writes."""
    if place.uses_nft(situation.evidence):
        return False
    legacy = any(table.flavour == "iptables-legacy" and table.family == family for table in rules.tables)
    ours = ("iptables-legacy" if legacy else "iptables-nft", f"{family} filter")
    return each.base.chain in _OURS and (each.base.flavour, each.base.table) == ours


def _there(situation: Situation, each: Needed, family: Literal["ip", "ip6"]) -> AcceptIn:
    kind, _, table = each.base.table.partition(" ")
    of_iptables = each.base.flavour.startswith("iptables")
    iptables: Literal["iptables", "ip6tables"] = "ip6tables" if family == "ip6" else "iptables"
    tool: Literal["nft", "iptables", "ip6tables", "firewalld"] = iptables if of_iptables else "nft"
    if table == _FIREWALLD and _FIREWALLD in situation.evidence.firewall.managers:
        tool = "firewalld"
    return AcceptIn(
        tool=tool,
        family="ip" if kind == "ip" else "ip6" if kind == "ip6" else "inet",
        table=table,
        chain=each.base.chain,
        towards=each.towards,
        back=each.back,
    )
