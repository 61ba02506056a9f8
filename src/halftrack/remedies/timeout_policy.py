"""``timeout-policy``: other timeouts for one service, the rest of the node as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import words
from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.evidence import uapi
from halftrack.plans.actions import TimeoutPolicy
from halftrack.plans.rules import STATES
from halftrack.remedies import live_words, notrack, place, rules, setting_actions, shorten_established
from halftrack.remedies.live import UNKNOWN
from halftrack.remedies.shell import comment
from halftrack.tcp.timeouts import SAFE_ESTABLISHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.diagnosis.document import Group
    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation

REMEDY: Final = "timeout-policy"
_ESTABLISHED: Final = "established"
_MOST: Final = 0.5
"""Share of a finding that one service has to hold for a policy of its own."""
_NFT_SINCE: Final = (4, 19)  # net/netfilter/nft_ct.c: timeout objects
_IPTABLES_SINCE: Final = (3, 4)  # net/netfilter/nfnetlink_cttimeout.c
_PORTS: Final = 8
"""Ports of one service before translation that get rules of their own, at most."""
_FORGOTTEN: Final = "ones like them would be forgotten"
_FAMILIES: Final = ("ip", "ip6")
_IPTABLES: Final = (("iptables", "inet", "ht4"), ("ip6tables", "inet6", "ht6"))
"""Tool, what nfct(8) calls the family, and the policy's name: the same for every service.

Three letters: the kernel tells iptables-legacy only the first four bytes of a policy's name
(``usersize`` in net/netfilter/xt_CT.c), and a longer one is lost at the next change of the table.
"""


def candidate(situation: Situation) -> Group | None:
    """The group whose service gets the policy; None where no TCP service stands out."""
    finding = situation.finding
    if not shorten_established.helps(situation) or finding.symptom == "settings" or not finding.groups:
        return None
    group = finding.groups[0]
    service = notrack.port(group)
    if service is None or service[0] != "tcp" or group.side == "client":
        return None
    same = sum(each.entries for each in finding.groups if each.service == group.service)
    return group if same >= _MOST * finding.entries else None


def _supported(situation: Situation) -> bool:
    known = place.version(situation.evidence)
    since = _NFT_SINCE if place.uses_nft(situation.evidence) else _IPTABLES_SINCE
    return known is not None and known >= since


def advise(situation: Situation) -> Advice | None:
    group = candidate(situation)
    service = notrack.port(group) if group else None
    if group is None or service is None or not _supported(situation):
        return None
    return propose(situation, {"service": f"tcp/{service[1]}", "established": SAFE_ESTABLISHED})


def propose(situation: Situation, arguments: Mapping[str, str | int]) -> Advice:
    """The same for whoever asks for it. ``arguments``: ``service``, and seconds by state; ``address`` too."""
    service = str(arguments["service"])
    number = int(service.rpartition("/")[2])
    seconds = int(arguments.get(_ESTABLISHED, 0))
    live = situation.live.silent(seconds, service) if situation.live and seconds else UNKNOWN
    why = [
        "for connections made from now on: those that exist keep the node's timeouts",
        "the service's other timeouts are those of today; later changes of the sysctls pass it by",
    ]
    if live.entries:
        why.append(
            f"{live.entries:,} open connections of this service are silent for more than"
            f" {words.duration(seconds)}: {live_words.become(live) if live.by_rules else _FORGOTTEN}"
        )
    if not place.is_host(situation.table.namespace, situation.evidence):
        why.append("the rules go with the network namespace: whatever makes it has to load them again")
    return Advice(
        remedy=REMEDY,
        kind="cure",
        title=_title(service, arguments),
        arguments=dict(arguments),
        effect=Effect(entries_freed=0, settles_at=_settles_at(situation, service, seconds)),
        risk=Risk(
            level=shorten_established.level(live, situation) if live.entries else "low",
            why=tuple(why),
            live_flows_affected=live.at_stake if seconds else 0,
            live_flows=live.flows,
        ),
        commands=commands(situation, number, seconds) if seconds else (),
    )


def _title(service: str, arguments: Mapping[str, str | int]) -> str:
    times = {state: words.duration(int(arguments[state])) for state in STATES if state in arguments}
    address = f" of {arguments['address']}" if "address" in arguments else ""
    if list(times) == [_ESTABLISHED]:
        return f"established timeout of {times[_ESTABLISHED]} for {service}{address} only"
    told = ", ".join(f"{state} {time}" for state, time in times.items())
    return f"timeouts for {service}{address} only: {told}"


def share(situation: Situation, service: str) -> float:
    """Of the finding's entries, those of a service."""
    rows = situation.rows
    if rows is None or not rows.height:
        return 0.0
    return rows.count(pl.col("service") == service) / rows.height


def _settles_at(situation: Situation, service: str, seconds: int) -> int | None:
    """The service's entries once each lives so long, and the others of the finding as they are."""
    part = share(situation, service)
    whole = situation.settles_at(seconds) if part and seconds else None
    return None if whole is None else round(part * whole + (1 - part) * situation.finding.entries)


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:
    """The rule of this service, which comes back at boot where it is the node's own."""
    told = dict(advice.arguments)
    number = int(str(told.pop("service")).rpartition("/")[2])
    address = told.pop("address", None)
    rule = TimeoutPolicy(
        port=number,
        timeouts={state: int(seconds) for state, seconds in told.items()},
        address=None if address is None else str(address),
        published=tuple(sorted(_ports(situation, number) - {number})),
    )
    return setting_actions.rules(rule, situation, lasting=True)


def commands(situation: Situation, number: int, seconds: int) -> tuple[str, ...]:
    """Both families, both directions: a connection may be picked up from either end.

    iptables sees the port before translation: the published ones, and those that clients are seen to use.
    """
    name = rules.slug("timeout", "tcp", str(number))
    if place.uses_nft(situation.evidence):
        return tuple(_nft(situation, name, number, seconds))
    return tuple(_iptables(situation, name, sorted(_ports(situation, number)), seconds))


def _ports(situation: Situation, number: int) -> set[int]:
    """The service's port, and those under which it is reached before translation."""
    groups = situation.finding.groups
    if not groups:
        return {number}
    group = groups[0]
    owner = notrack.owner_of(situation.evidence.owners, group)
    published = (
        {p.host_port for p in owner.ports if (p.protocol, p.port) == ("tcp", number)} if owner else set()
    )
    return {number, *published, *_asked_as(situation, group, number)}


def _asked_as(situation: Situation, group: Group, number: int) -> set[int]:
    """Ports under which clients reach the service through translation; none where they are many."""
    if situation.view is None:
        return set()
    rows = situation.view.flows.lazy().filter(
        (pl.col("service") == group.service)
        & (pl.col("l4proto") == uapi.IPPROTO_TCP)
        & (pl.col("reply_sport") == number)
        & (pl.col("orig_dport") != pl.col("reply_sport"))
    )
    ports = rows.select(pl.col("orig_dport").unique()).collect().to_series().to_list()
    return set(ports) if len(ports) <= _PORTS else set()


def _nft(situation: Situation, name: str, number: int, seconds: int) -> list[str]:
    objects = "".join(
        f"  ct timeout {name}_{ip} {{\n    protocol tcp;\n    l3proto {ip};\n"
        f"    policy = {{ established : {seconds} }};\n  }}\n"
        for ip in _FAMILIES
    )
    lines = tuple(
        f'meta nfproto ipv{6 if ip == "ip6" else 4} tcp {end} {number} ct timeout set "{name}_{ip}"'
        for ip in _FAMILIES
        for end in ("dport", "sport")
    )
    # Before an entry is confirmed at the end of input or postrouting, behind destination NAT.
    chains = [rules.Chain(f"{name}_{hook}", hook, "filter", lines) for hook in ("input", "postrouting")]
    return rules.nft(name, objects, chains, situation, expand=False)


def _iptables(situation: Situation, name: str, numbers: list[int], seconds: int) -> list[str]:
    """``numbers``: the service's port and those it is published as; raw comes before translation."""
    lines = [comment("needs nfct: Debian's package nfct, Red Hat's conntrack-tools")]
    for tool, family, policy in _IPTABLES:
        lines.append(
            f"nfct get timeout {policy} >/dev/null 2>&1 || "
            f"nfct add timeout {policy} {family} tcp established {seconds}"
        )
        lines += [
            rules.iptables_rule(tool, "raw", f"{chain} -p tcp --{end} {number} -j CT --timeout {policy}")
            for chain in ("PREROUTING", "OUTPUT")
            for number in numbers
            for end in ("dport", "sport")
        ]
    return rules.iptables(name, lines, situation, expand=False)
