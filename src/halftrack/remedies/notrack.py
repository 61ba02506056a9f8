"""``notrack``: no entries at all for one service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.diagnosis.entries import translated
from halftrack.errors import UsageError
from halftrack.evidence import uapi
from halftrack.evidence.literals import literal
from halftrack.evidence.values import KUBE_PROXY
from halftrack.plans.actions import Untracked
from halftrack.remedies import place, rules, setting_actions, untracking
from halftrack.remedies.shell import Addresses, comment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.document import Group
    from halftrack.evidence.values import Owner
    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation
    from halftrack.rulesets.services import Service

REMEDY: Final = "notrack"
_SYMPTOMS: Final = ("one-sided", "orphaned", "half-open", "unreplied-udp")
_MOST: Final = 0.5
"""Share of a finding that a service on another machine has to hold."""
_ACCEPT_FIRST: Final = (
    "its packets no longer match `ct state established`: accept both directions by port first",
)
_PUBLISHERS: Final = ("docker", "podman")


@dataclass(frozen=True, slots=True)
class _Service:
    address: str
    protocol: str
    port: int


def candidate(situation: Situation) -> Group | None:
    """The group this remedy would be for: the largest one, where we are its server.

    Of what passes through, the address is the server's too; there one has to hold most of the finding.
    """
    finding = situation.finding
    if finding.symptom not in _SYMPTOMS or not finding.groups:
        return None
    group = finding.groups[0]
    if group.side not in {"server", "forwarded"} or not group.address or port(group) is None:
        return None
    return None if group.side == "forwarded" and group.entries < _MOST * finding.entries else group


def port(group: Group) -> tuple[str, int] | None:
    """``("tcp", 80)`` of a group's service; None for one that has no port."""
    protocol, _, number = (group.service or "").partition("/")
    return (protocol, int(number)) if protocol in {"tcp", "udp", "sctp"} and number.isdecimal() else None


def refused(situation: Situation) -> str | None:
    """Why this service cannot go untracked on this node; None where nothing speaks against it."""
    group = candidate(situation)
    if group is None:
        return None
    why = _translation(situation, group.service) or _publisher(situation, group) or _by_rule(situation, group)
    return f"not notrack for {group.service}: {why}" if why else None


def advise(situation: Situation) -> Advice | None:
    group = candidate(situation)
    if group is None or situation.view is None or refused(situation):
        return None
    service, address = port(group), group.address
    if service is None or address is None:
        return None
    return _advice(situation, address, *service)


def propose(situation: Situation, arguments: Mapping[str, str | int]) -> Advice:
    """The same for whoever asks for it. ``arguments``: ``service`` and ``address``.

    Raises UsageError for one that cannot go untracked here.
    """
    told, address = str(arguments["service"]), str(arguments["address"])
    protocol, _, number = told.partition("/")
    wanted = _wanted(situation, address, protocol, int(number))
    why = _translation(situation, told) or _rule(situation, wanted, told)
    if why:
        raise UsageError(f"{told} of {address} cannot go untracked: {why}")
    return _advice(situation, address, protocol, int(number))


def _advice(situation: Situation, address: str, protocol: str, number: int) -> Advice:
    told = f"{protocol}/{number}"
    live = situation.live.of_service(told) if situation.live else None
    affected = live.entries if live else None
    wanted = _wanted(situation, address, protocol, number)
    first = untracking.let_pass(situation, wanted)
    needs = first.why if first else _ACCEPT_FIRST
    maybe = untracking.translated(situation, wanted)
    some = (
        f"new connections may be translated today, and then would not be: {maybe.by.words}" if maybe else ""
    )
    why = [
        *needs,
        *((some,) if some else ()),
        "no connection limits, marks, helpers or related ICMP errors for this service",
        "entries that exist stay until their time is over",
    ]
    return Advice(
        remedy=REMEDY,
        kind="cure",
        title=f"no tracking for {told} of {address}: no new entries for it at all",
        arguments={"service": told, "address": address},
        effect=Effect(entries_freed=0, settles_at=0),
        risk=Risk(
            level="high" if affected else "medium",
            why=tuple(why),
            live_flows_affected=affected,
            live_flows=live.flows if live else (),
        ),
        commands=commands(situation, address, protocol, number),
    )


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:
    """The rule of this service; what its packets need to be let pass comes first.

    Where that cannot be told, they are let pass in every chain that they meet.
    """
    protocol, _, number = str(advice.arguments["service"]).partition("/")
    address = str(advice.arguments["address"])
    first = untracking.let_pass(situation, _wanted(situation, address, protocol, int(number)))
    rule = Untracked(
        protocol=protocol,
        port=int(number),
        address=address,
        family=_family(situation, address),
        accept=_filter_chains(situation, address) if first is None else first.accept,
        by_hand=() if first is None else first.by_hand,
    )
    return setting_actions.rules(rule, situation, lasting=True)


def _wanted(situation: Situation, address: str, protocol: str, number: int) -> Service:
    return untracking.service(situation, _family(situation, address), address, protocol, number)


def _family(situation: Situation, address: str) -> Literal["ip", "ip6"]:
    return "ip6" if _is_v6(situation, address) else "ip"


def commands(situation: Situation, address: str, protocol: str, number: int) -> tuple[str, ...]:
    """Accept first, then stop tracking; both directions, at the address's own family."""
    spelled = Addresses()
    name = rules.slug(REMEDY, protocol, str(number))
    if place.uses_nft(situation.evidence):
        lines = _nft(situation, spelled, name, _Service(address, protocol, number))
    else:
        lines = _iptables(situation, spelled, name, _Service(address, protocol, number))
    return (*spelled.assignments, *lines)


def _is_v6(situation: Situation, address: str) -> bool:
    try:
        return literal(address).version == 6
    except ValueError:
        families = situation.rows.column("family").unique().to_list() if situation.rows is not None else []
        return families == [uapi.AF_INET6]


def _nft(situation: Situation, spelled: Addresses, name: str, service: _Service) -> Sequence[str]:
    ip = "ip6" if _is_v6(situation, service.address) else "ip"
    bare = spelled.spell_bare(service.address)
    towards = f"{ip} daddr {bare} {service.protocol} dport {service.port}"
    back = f"{ip} saddr {bare} {service.protocol} sport {service.port}"
    chains = [
        rules.Chain(f"{name}_{hook}", hook, "raw", (f"{towards} notrack", f"{back} notrack"))
        for hook in ("prerouting", "output")
    ]
    where = ", ".join(_filter_chains(situation, service.address)).lower()
    return [
        comment(f"first, in your own {where} chains, above any rule on ct state:"),
        comment(f"  {towards} accept"),
        comment(f"  {back} accept"),
        *rules.nft(name, "", chains, situation, expand=bool(spelled)),
    ]


def _iptables(situation: Situation, spelled: Addresses, name: str, service: _Service) -> Sequence[str]:
    tool = "ip6tables" if _is_v6(situation, service.address) else "iptables"
    one = spelled.spell(service.address)
    towards = f"-p {service.protocol} -d {one} --dport {service.port}"
    back = f"-p {service.protocol} -s {one} --sport {service.port}"
    known = place.version(situation.evidence)
    target = "NOTRACK" if known and known < (3, 0) else "CT --notrack"
    lines = [
        rules.iptables_rule(tool, "filter", f"{chain} {match} -j ACCEPT")
        for chain in _filter_chains(situation, service.address)
        for match in _matches(chain, towards, back)
    ]
    lines += [
        rules.iptables_rule(tool, "raw", f"{chain} {match} -j {target}")
        for chain in ("PREROUTING", "OUTPUT")
        for match in (towards, back)
    ]
    return rules.iptables(name, lines, situation, expand=bool(spelled))


def _matches(chain: str, towards: str, back: str) -> tuple[str, ...]:
    return {"INPUT": (towards,), "OUTPUT": (back,)}.get(chain, (towards, back))


def _filter_chains(situation: Situation, address: str) -> tuple[str, ...]:
    """The chains the service passes: its own node's, or the way through; all where not known."""
    local = situation.table.addresses
    if local is None:
        return ("INPUT", "OUTPUT", "FORWARD")
    return ("INPUT", "OUTPUT") if any(a.address == address for a in local) else ("FORWARD",)


def _translation(situation: Situation, service: str | None) -> str | None:
    if situation.view is None:
        return None
    same = situation.view.flows.lazy().filter(pl.col("service") == service)
    nat, helped = (
        same.select(translated().sum().alias("nat"), pl.col("helper").is_not_null().sum().alias("helped"))
        .collect()
        .row(0)
    )
    if nat:
        return f"{nat:,} of its connections are translated (NAT), and translation would stop"
    return f"{helped} of its connections need a tracking helper" if helped else None


def _by_rule(situation: Situation, group: Group) -> str | None:
    service = port(group)
    if service is None or group.address is None:
        return None
    return _rule(situation, _wanted(situation, group.address, *service), group.service)


def _rule(situation: Situation, wanted: Service, service: str | None) -> str | None:
    """A rule that translates it; one that merely may does not count where its connections show none."""
    found = untracking.translated(situation, wanted)
    if found is None:
        return None
    if found.certain:
        return f"its connections are translated, and would not be any more: {found.by.words}"
    seen = situation.live.of_service(service).entries if situation.live and service else None
    return None if seen else f"its connections may be translated, and would not be any more: {found.by.words}"


def _publisher(situation: Situation, group: Group) -> str | None:
    evidence = situation.evidence
    managers = evidence.firewall.managers
    if KUBE_PROXY in managers:
        return "kube-proxy translates addresses of services on this node"
    owner = owner_of(evidence.owners, group)
    service = port(group)
    if owner is None or service is None:
        return None
    if any(p.protocol == service[0] and service[1] in {p.port, p.host_port} for p in owner.ports):
        return f"{owner.runtime} publishes this port of {owner.name} by translation"
    if owner.runtime in _PUBLISHERS and place.is_host(situation.table.namespace, evidence):
        return f"{owner.runtime} translates addresses of {owner.name}"
    return None


def owner_of(owners: Sequence[Owner], group: Group) -> Owner | None:
    """The evidence's owner of a group, with its published ports."""
    if group.owner is None:
        return None
    return next((o for o in owners if (o.runtime, o.id) == (group.owner.runtime, group.owner.id)), None)
