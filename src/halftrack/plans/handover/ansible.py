"""One file of Ansible tasks: settings, files and rules, each task harmless to repeat.

Ansible reads ``{{`` in every value, so that no free text of a plan stands in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.evidence.sysctls import HASHSIZE
from halftrack.plans import lasting, rules
from halftrack.plans.actions import AddRules, Drain, SetBuckets, SetSysctl, Untracked
from halftrack.plans.handover import yaml
from halftrack.plans.handover.contents import contents, head, left_out, predicted
from halftrack.plans.lasting import RULES, RULES_OF_EACH, UNIT
from halftrack.plans.words import Spelling, comment, port, protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from halftrack.plans.document import Plan
    from halftrack.plans.handover.contents import Change, Contents, Setting
    from halftrack.plans.handover.yaml import Node


def render(plan: Plan) -> str:
    """Raises LookupError where the plan changes nothing that tasks can hold."""
    held = contents(plan)
    tool_rules = [action for _, action in held.others if _holds(action)]
    if not held.settings and not tool_rules and held.hashsize is None:
        raise LookupError("this plan changes nothing of the node that Ansible tasks can hold")
    variables = _Variables(plan.variables)
    tasks = list(_tasks(held, tool_rules, variables))
    lines = ["---", *head(plan)]
    lines += [comment(predicted(step)) for step in plan.steps]
    lines += [
        comment(f"{name.lower()}: the address shown as {plan.variables[name]}, to be given as a variable")
        for name in variables.used
    ]
    if variables.used:
        lines.append("")
        lines += yaml.item(_filled_in(variables))
    for notes, task in tasks:
        lines += ["", *(comment(note) for note in notes), *yaml.item(task)]
    rest = tuple((step, action) for step, action in held.others if not _holds(action))
    if rest:
        lines += ["", *left_out(rest, "no task for it")]
    return "\n".join(lines) + "\n"


class _Variables(Spelling):
    """Masked addresses as variables of Ansible; ``used``: those that rules name."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.used: dict[str, None] = {}

    def bare(self, address: str) -> str:
        name = self.variable(address)
        if name is None:
            return super().bare(address)
        self.used[name] = None
        return "{{ " + name.lower() + " }}"


def _holds(action: Change) -> bool:
    match action:
        case AddRules():
            return not action.where.path and (action.tool == "nft" or isinstance(action.rule, Untracked))
        case SetBuckets():
            return action.before is not None
        case SetSysctl() | Drain():
            return False


def _filled_in(variables: _Variables) -> dict[str, Node]:
    return {
        "name": "Masked addresses are filled in",
        "ansible.builtin.assert": {"that": [f"{name.lower()} is defined" for name in variables.used]},
    }


_Task = tuple[list[str], "dict[str, Node]"]


def _tasks(held: Contents, tool_rules: list[Change], variables: _Variables) -> Iterator[_Task]:
    if held.module or held.settings:
        yield from _module()
    if held.hashsize is not None:
        yield from _buckets(held.hashsize)
    for setting in held.settings:
        yield _sysctl(setting)
    yield from _nft([a for a in tool_rules if isinstance(a, AddRules) and a.tool == "nft"], variables)
    for action in tool_rules:
        if isinstance(action, AddRules) and action.tool == "iptables" and isinstance(action.rule, Untracked):
            yield from _iptables(action.rule, variables)


def _file(name: str, path: str, content: str) -> _Task:
    return [], {
        "name": name,
        "ansible.builtin.copy": {
            "dest": path,
            "content": content,
            "owner": "root",
            "group": "root",
            "mode": "0644",
        },
        "become": True,
    }


def _module() -> Iterator[_Task]:
    yield _file(
        "The tracker is loaded at boot, before its settings are applied",
        lasting.MODULES,
        "nf_conntrack\n",
    )
    yield (
        [],
        {
            "name": "The tracker is loaded now",
            "ansible.builtin.command": {
                "argv": ["modprobe", "nf_conntrack"],
                "creates": "/proc/sys/net/netfilter/nf_conntrack_count",
            },
            "become": True,
        },
    )


def _buckets(size: int) -> Iterator[_Task]:
    yield _file(
        "The hash has its size at boot",
        lasting.MODULE_OPTIONS,
        f"{lasting.module_option(size)}\n",
    )
    yield (
        [],
        {
            "name": "The hash has its size now",
            "ansible.builtin.shell": {
                "cmd": f'[ "$(cat {HASHSIZE})" -ge {size:d} ] ||'
                f" {{ echo {size:d} > {HASHSIZE} && echo grown; }}"
            },
            "register": "halftrack_hash",
            "changed_when": "halftrack_hash.stdout == 'grown'",
            "become": True,
        },
    )


def _sysctl(setting: Setting) -> _Task:
    notes = [] if setting.before is None else [f"was {setting.before}"]
    if setting.manager is not None:
        notes.append(f"{setting.manager} sets this at each of its starts: it has to change there")
    return notes, {
        "name": f"{setting.name} is {setting.after}",
        "ansible.posix.sysctl": {
            "name": setting.name,
            "value": setting.after,
            "sysctl_file": lasting.DROP_IN,
            "sysctl_set": True,
            "state": "present",
        },
        "become": True,
    }


def _nft(actions: list[AddRules], variables: _Variables) -> Iterator[_Task]:
    if not actions:
        return
    yield (
        [],
        {
            "name": "Rules have their directory",
            "ansible.builtin.file": {"path": RULES_OF_EACH, "state": "directory", "mode": "0755"},
            "become": True,
        },
    )
    for number, action in enumerate(actions, 1):
        rule = action.rule
        if isinstance(rule, Untracked):
            name = f"notrack_{protocol(rule.protocol)}_{port(rule.port)}_{number}"
            text, _, _ = rules.nft_untracked(rule, name, variables)
            first = rules.to_accept(rule, variables)
            notes = [f"first: {first}"] if first else []
        else:
            name = f"timeout_tcp_{port(rule.port)}_{number}"
            text, _, _ = rules.nft_policy(rule, name, variables)
            notes = []
        _, task = _file(f"Rules {name}", f"{RULES_OF_EACH}/{name}.nft", text + "\n")
        yield notes, {**task, "register": f"halftrack_rules_{number}"}
    yield _file("All rules are one ruleset", RULES, lasting.ALL_RULES)
    unit = lasting.unit(f"/usr/sbin/nft -f {RULES}", "nftables.service")
    yield _file("Rules have a unit of their own", f"/etc/systemd/system/{UNIT}", unit)
    yield (
        [],
        {
            "name": "Rules are loaded, and come back at boot",
            "ansible.builtin.systemd_service": {
                "name": UNIT,
                "enabled": True,
                "daemon_reload": True,
                "state": "{{ 'restarted' if ("
                + " or ".join(f"halftrack_rules_{number} is changed" for number in range(1, len(actions) + 1))
                + ") else 'started' }}",
            },
            "become": True,
        },
    )


def _iptables(rule: Untracked, variables: _Variables) -> Iterator[_Task]:
    """What accepts comes before what stops the tracking."""
    address, service = variables.bare(rule.address), protocol(rule.protocol)
    notes = ["iptables rules are not kept over a reboot by this task: save them as this node does"]
    if rule.by_hand:
        notes.insert(0, f"first: {rules.to_accept(rule, variables)}")
    places = [("filter", chain, "ACCEPT") for chain in rules.accepting(rule)]
    places += [("raw", chain, "NOTRACK") for chain in ("PREROUTING", "OUTPUT")]
    for table, chain, jump in places:
        for end, side in (("destination", "to"), ("source", "from")):
            yield (
                notes,
                {
                    "name": f"{chain} of {table}: {jump} {side} {service} port {port(rule.port)}",
                    "ansible.builtin.iptables": {
                        "table": table,
                        "chain": chain,
                        "action": "insert",
                        "ip_version": "ipv6" if rule.family == "ip6" else "ipv4",
                        "protocol": service,
                        end: address,
                        f"{end}_port": port(rule.port),
                        "jump": jump,
                    },
                    "become": True,
                },
            )
