"""Packet-filter rules of a plan, as text that nft and iptables-restore take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.evidence.rulesets import IPTABLES
from halftrack.plans import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.plans.actions import AcceptIn, TimeoutPolicy, Untracked
    from halftrack.plans.words import Spelling

_RAW: Final = -300
_FILTER: Final = 0
_NFT_NAMES: Final = {"unacknowledged": "unack"}
_NFCT_NAMES: Final = {"unack": "unacknowledged"}
STATES: Final = (
    "syn_sent",
    "syn_recv",
    "established",
    "fin_wait",
    "close_wait",
    "last_ack",
    "time_wait",
    "close",
    "syn_sent2",
    "retrans",
    "unack",
    "unacknowledged",
)
"""Of TCP, by the names of nft and nfct(8), which differ in the last."""
_LONGEST_S: Final = (1 << 31) - 1
_NAME: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")
"""Of a table or chain, in a line that somebody is to type."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Rules for ``iptables-restore -n``: ``text``, and by table and chain where ours is jumped to from."""

    tool: str
    chain: str
    text: str
    jumps: tuple[tuple[str, str], ...]

    @property
    def jump_lines(self) -> str:
        return "\n".join(" ".join(jump) for jump in self.jumps)


def _timeouts(policy: TimeoutPolicy, names: dict[str, str]) -> list[tuple[str, int]]:
    """State and seconds, by the names that a tool has for some. Raises ValueError for an unknown state."""
    chosen = []
    for state, seconds in policy.timeouts.items():
        name = state.lower()
        if name not in STATES or not 0 < seconds <= _LONGEST_S:
            raise ValueError(f"{state!r} of {seconds} s is no timeout of TCP")
        chosen.append((names.get(name, name), seconds))
    return chosen


def nfct_timeouts(policy: TimeoutPolicy) -> dict[str, int]:
    """State to seconds, by the names of nfct(8) and of libnetfilter_cttimeout."""
    return dict(_timeouts(policy, _NFCT_NAMES))


def nfct_words(policy: TimeoutPolicy) -> str:
    """``established 7440``, as ``nfct add timeout`` takes them."""
    return " ".join(f"{state} {seconds}" for state, seconds in nfct_timeouts(policy).items())


def _chain(name: str, hook: str, priority: int, rules: list[str]) -> str:
    inner = "".join(f"    {rule}\n" for rule in rules)
    return (
        f"  chain {name} {{\n    type filter hook {hook} priority {priority}; policy accept;\n{inner}  }}\n"
    )


def nft_untracked(rule: Untracked, name: str, spelling: Spelling) -> tuple[str, list[str], list[str]]:
    """Ruleset, names of its chains, names of its timeouts (none)."""
    service = f"{words.protocol(rule.protocol)} {{end}} {words.port(rule.port)}"
    address = spelling.bare(rule.address)
    lines = [
        f"{rule.family} daddr {address} {service.format(end='dport')} notrack",
        f"{rule.family} saddr {address} {service.format(end='sport')} notrack",
    ]
    hooks = ("prerouting", "output")
    chains = "".join(_chain(f"{name}_{hook}", hook, _RAW, lines) for hook in hooks)
    return f"table inet halftrack {{\n{chains}}}", [f"{name}_{hook}" for hook in hooks], []


def accepting(rule: Untracked) -> tuple[str, ...]:
    if unknown := set(rule.accept) - {"INPUT", "OUTPUT", "FORWARD"}:
        raise ValueError(f"{min(unknown)!r} is not a chain that packets pass by themselves")
    return tuple(dict.fromkeys(rule.accept))


def to_accept(rule: Untracked, spelling: Spelling) -> str:
    """What the node's own chains have to let pass, as its owner types it, or in words; empty for nothing.

    An accept in a table of ours cannot do that: a packet has to be accepted by every base chain.
    """
    if rule.by_hand:
        return "; ".join(lines_by_hand(rule, spelling))
    if not rule.accept:
        return ""
    chains = ", ".join(accepting(rule)).lower()
    service = f"{words.protocol(rule.protocol)} port {words.port(rule.port)} of {spelling.bare(rule.address)}"
    return f"accept {service}, both directions and without ct state, in your own {chains} chains"


def lines_by_hand(rule: Untracked, spelling: Spelling) -> tuple[str, ...]:
    """What the owners of other chains type before. Raises ValueError where a plan names what is none."""
    return tuple(line for each in rule.by_hand for line in _accepted(rule, each, spelling))


def _accepted(rule: Untracked, there: AcceptIn, spelling: Spelling) -> Iterator[str]:
    """Raises ValueError where a name is none."""
    if not all(_NAME.fullmatch(name) for name in (there.table, there.chain)):
        raise ValueError(f"{there.table!a} {there.chain!a} is not a chain")
    address, port = spelling.bare(rule.address), words.port(rule.port)
    protocol = words.protocol(rule.protocol)
    for wanted, end, letter, port_of in (
        (there.towards, "daddr", "-d", "dport"),
        (there.back, "saddr", "-s", "sport"),
    ):
        if not wanted:
            continue
        if there.tool == "nft":
            where = f"{there.family} {there.table} {there.chain}"
            yield f"nft insert rule {where} {rule.family} {end} {address} {protocol} {port_of} {port} accept"
        elif there.tool == "firewalld":
            yield f"in firewalld, accept {protocol} {port_of} {port}, {end} {address}, in {there.chain}"
        else:
            table = "" if there.table == "filter" else f"-t {there.table} "
            yield (
                f"{there.tool} {table}-I {there.chain} -p {protocol} {letter} {address} "
                f"--{port_of} {port} -j ACCEPT"
            )


def nft_policy(rule: TimeoutPolicy, name: str, spelling: Spelling) -> tuple[str, list[str], list[str]]:
    """Ruleset, names of its chains, names of its timeouts.

    The chains stand behind destination NAT and before the entry is confirmed.
    """
    times = ", ".join(f"{state} : {seconds}" for state, seconds in _timeouts(rule, _NFT_NAMES))
    families = policy_families(rule)
    objects = "".join(
        f"  ct timeout {name}_{family} {{\n    protocol tcp;\n    l3proto {family};\n"
        f"    policy = {{ {times} }};\n  }}\n"
        for family in families
    )
    lines = [
        f"meta nfproto ipv{6 if family == 'ip6' else 4} {_end(rule, family, end, spelling)}tcp {end}"
        f' {words.port(rule.port)} ct timeout set "{name}_{family}"'
        for family in families
        for end in ("dport", "sport")
    ]
    hooks = ("input", "postrouting")
    chains = "".join(_chain(f"{name}_{hook}", hook, _FILTER, lines) for hook in hooks)
    text = f"table inet halftrack {{\n{objects}{chains}}}"
    return text, [f"{name}_{hook}" for hook in hooks], [f"{name}_{family}" for family in families]


def _end(rule: TimeoutPolicy, family: str, end: str, spelling: Spelling) -> str:
    if rule.address is None:
        return ""
    side = "daddr" if end == "dport" else "saddr"
    return f"{family} {side} {spelling.bare(rule.address)} "


def policy_families(rule: TimeoutPolicy) -> tuple[str, ...]:
    """``ip``, ``ip6`` or both: the family of the address, where there is one."""
    if rule.address is None:
        return ("ip", "ip6")
    return ("ip6",) if ":" in rule.address else ("ip",)


def iptables_untracked(rule: Untracked, chain: str, spelling: Spelling) -> Restored:
    """What lets the packets pass is loaded first, so that none is lost between the two tables."""
    service = words.protocol(rule.protocol)
    address, port = spelling.bare(rule.address), words.port(rule.port)
    towards = f"-p {service} -d {address} --dport {port}"
    back = f"-p {service} -s {address} --sport {port}"
    hooks = accepting(rule)
    text, jumps = [], []
    if hooks:
        matches = [f"-A {chain} {match} -j ACCEPT" for match in (towards, back)]
        text += _restore("filter", chain, matches, hooks)
        jumps += [("filter", hook) for hook in hooks]
    matches = [f"-A {chain} {match} -j CT --notrack" for match in (towards, back)]
    text += _restore("raw", chain, matches, ("PREROUTING", "OUTPUT"))
    jumps += [("raw", "PREROUTING"), ("raw", "OUTPUT")]
    return Restored(IPTABLES[rule.family], chain, "\n".join(text), tuple(jumps))


def iptables_policy(
    rule: TimeoutPolicy, family: str, chain: str, policy: str, spelling: Spelling
) -> Restored:
    """For a policy of this name; by the ports before translation as well as after it."""
    ends = (("-d", "--dport"), ("-s", "--sport"))
    matches = [
        f"-A {chain} -p tcp {_at(rule, side, spelling)}{end} {words.port(port)} -j CT --timeout {policy}"
        for port in sorted({rule.port, *rule.published})
        for side, end in ends
    ]
    hooks = ("PREROUTING", "OUTPUT")
    text = "\n".join(_restore("raw", chain, matches, hooks))
    return Restored(IPTABLES[family], chain, text, tuple(("raw", hook) for hook in hooks))


def _at(rule: TimeoutPolicy, side: str, spelling: Spelling) -> str:
    return "" if rule.address is None or rule.published else f"{side} {spelling.bare(rule.address)} "


def _restore(table: str, chain: str, matches: list[str], hooks: tuple[str, ...]) -> list[str]:
    jumps = [f"-I {hook} -j {chain}" for hook in hooks]
    return [f"*{table}", f":{chain} - [0:0]", *matches, *jumps, "COMMIT"]
