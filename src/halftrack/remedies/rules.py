"""Packet-filter rules of our own: where they stand, how they are loaded, how they come back.

On the node itself the rules of each remedy are one file in ``/etc/halftrack/rules.d``; one unit
loads them all. For nft they live in the table ``inet halftrack``, replaced as a whole in one
transaction; nobody else's ruleset is edited, as none has a drop-in directory that every
distribution reads. In another network namespace rules go with the namespace, so they are loaded
directly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.plans import lasting
from halftrack.plans.lasting import RULES, RULES_OF_EACH, UNIT
from halftrack.remedies import place
from halftrack.remedies.shell import comment, word, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.remedies.situation import Situation

TABLE: Final = "inet halftrack"


@dataclass(frozen=True, slots=True)
class Chain:
    """A base chain of the table ``inet halftrack`` and its rules, in nft's words."""

    name: str
    hook: str
    priority: str
    rules: tuple[str, ...]

    @property
    def head(self) -> str:
        return f"type filter hook {self.hook} priority {self.priority}; policy accept;"


def slug(*parts: str) -> str:
    """An identifier for nft and for file names out of a service: ``notrack_tcp_80``."""
    return "_".join(part.replace("/", "_") for part in parts)


def nft(name: str, objects: str, chains: Sequence[Chain], situation: Situation, *, expand: bool) -> list[str]:
    """Commands that load these chains (and ``objects`` before them) and make them last.

    ``expand``: the rules hold shell variables.
    """
    if place.is_host(situation.table.namespace, situation.evidence):
        return _nft_on_node(name, objects, chains, situation, expand=expand)
    before = place.prefix(situation.table.namespace, situation.evidence)
    mark = "EOF" if expand else "'EOF'"
    empty = "\n".join(f"  chain {chain.name} {{ {chain.head} }}" for chain in chains)
    flush = "\n".join(f"flush chain {TABLE} {chain.name}" for chain in chains)
    body = f"table {TABLE} {{\n{objects}{empty}\n}}\n{flush}\n{_table('', chains)}"
    return [f"{before}nft -f - <<{mark}\n{body}\nEOF"]


def _nft_on_node(
    name: str, objects: str, chains: Sequence[Chain], situation: Situation, *, expand: bool
) -> list[str]:
    before = place.prefix(situation.table.namespace, situation.evidence)
    commands = [
        f"mkdir -p {RULES_OF_EACH}\n"
        + written(f"{RULES_OF_EACH}/{name}.nft", _table(objects, chains), expand=expand),
        written(RULES, lasting.ALL_RULES.rstrip()),
        f"{before}nft -c -f {RULES} && {before}nft -f {RULES}",
    ]
    return commands + _unit(f"/usr/sbin/nft -f {RULES}", "nftables.service", situation)


def _table(objects: str, chains: Sequence[Chain]) -> str:
    inner = "\n".join(
        f"  chain {chain.name} {{\n    {chain.head}\n"
        + "".join(f"    {rule}\n" for rule in chain.rules)
        + "  }"
        for chain in chains
    )
    return f"table {TABLE} {{\n{objects}{inner}\n}}"


def iptables(name: str, lines: Sequence[str], situation: Situation, *, expand: bool) -> list[str]:
    """Commands that run these lines of shell (each of them harmless to repeat) and make them last."""
    script = "\n".join(lines)
    if not place.is_host(situation.table.namespace, situation.evidence):
        before = place.prefix(situation.table.namespace, situation.evidence)
        mark = "EOF" if expand else "'EOF'"
        return [f"{before}sh -e <<{mark}\n{script}\nEOF"]
    before = place.prefix(situation.table.namespace, situation.evidence)
    path = f"{RULES_OF_EACH}/{name}.sh"
    load = f"/bin/sh -c 'for f in {RULES_OF_EACH}/*.sh; do sh -e $f || exit; done'"
    return [
        f"mkdir -p {RULES_OF_EACH}\n" + written(path, script, expand=expand),
        f"{before}sh -e {word(path)}",
        *_unit(load, "netfilter-persistent.service iptables.service", situation),
    ]


def iptables_rule(tool: str, table: str, rule: str) -> str:
    """One line that puts a rule first in its chain unless it is there already."""
    return f"{tool} -t {table} -C {rule} 2>/dev/null || {tool} -t {table} -I {rule}"


def _unit(load: str, after: str, situation: Situation) -> list[str]:
    if not place.has_systemd(situation.evidence):
        return [comment(f"no systemd here: have the boot scripts run, after the firewall: {load}")]
    unit = lasting.unit(load, after)
    return [
        written(f"/etc/systemd/system/{UNIT}", unit),
        f"systemctl daemon-reload && systemctl enable {UNIT}",
    ]
