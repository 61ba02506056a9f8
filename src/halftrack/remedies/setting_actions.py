"""Settings as actions of a plan: what is set now, what makes it last, what somebody else has to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import HOST, KUBE_PROXY, SELF
from halftrack.plans.actions import AddRules, ByHand, Persist, SetSysctl, Where
from halftrack.plans.kube_proxy_fields import FIELDS
from halftrack.remedies import kube_proxy, persistence, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.evidence.values import Evidence, Table
    from halftrack.plans.actions import Action, TimeoutPolicy, Tool, Untracked
    from halftrack.remedies.situation import Situation

_STARTED_WITH_FLAGS: Final = ("docker", "podman")


def where(table: Table, evidence: Evidence) -> Where:
    """The table's namespace, as an action names it; a lone table that was mailed in is the node's."""
    namespace = table.namespace
    if evidence.source == "dump":
        return Where(netns=HOST)
    if namespace.name == HOST or not evidence.of_node:
        return Where(netns=namespace.name, inode=namespace.inode)
    path = None if namespace.name == SELF else namespace.path
    return Where(netns=namespace.name, path=path, inode=namespace.inode)


def change(settings: Mapping[str, int], situation: Situation, *, module: bool = True) -> tuple[Action, ...]:
    """Settings (``nf_conntrack_`` stripped, or full sysctls) set now, and made to last.

    Nothing where all of them are so already; lines for kube-proxy where it owns one of them.
    ``module``: they exist only once the tracker's module is loaded.
    """
    if kube_proxy.owns(situation) and not FIELDS.keys().isdisjoint(settings):
        return (for_kube_proxy(settings, situation),)
    done = sysctls(settings, situation)
    if not done:
        return ()
    named = {action.name: int(action.after) for action in done}
    return (*done, *kept(named, situation, module=module))


def sysctls(settings: Mapping[str, int], situation: Situation, *, own: bool = False) -> tuple[SetSysctl, ...]:
    """Those that have another value now, or one that nobody has seen.

    ``own``: in the table's namespace even on a kernel that keeps such settings in the host's.
    """
    evidence, table = situation.evidence, situation.table
    of_host = place.settings_are_global(evidence) and not own
    target = Where(netns=HOST) if of_host and table.netns != HOST else where(table, evidence)
    seen = next((each for each in evidence.tables if each.netns == target.netns), table)
    found = []
    for name, value in settings.items():
        full = name if "." in name else situation.full_name(name)
        before = seen.settings.get(full)
        if before is None or before.split() != [str(value)]:
            found.append(SetSysctl(where=target, name=full, before=before, after=str(value)))
    return tuple(found)


def kept(
    settings: Mapping[str, int], situation: Situation, *, module: bool = True, hashsize: int | None = None
) -> tuple[Action, ...]:
    """What makes full sysctls and the size of the hash hold over a reboot, as far as files do that."""
    evidence, namespace = situation.evidence, situation.table.namespace
    if evidence.in_container:
        return ()
    if not place.is_host(namespace, evidence) and not place.settings_are_global(evidence):
        runtime = namespace.owner.runtime if namespace.owner else None
        if runtime not in _STARTED_WITH_FLAGS:
            return ()
        flags = tuple(f"--sysctl {name}={value}" for name, value in settings.items())
        return (ByHand(manager=runtime, lines=flags),)
    by_file = tuple(
        ByHand(
            manager=f"{line.file}:{line.line}",
            lines=(f"{persistence.dotted(line.name)} = {settings[persistence.dotted(line.name)]}",),
        )
        for line in persistence.later(settings, evidence)
    )
    told = {name: str(value) for name, value in settings.items()}
    return (Persist(settings=told, module=module, hashsize=hashsize), *by_file)


def rules(rule: Untracked | TimeoutPolicy, situation: Situation, *, lasting: bool) -> tuple[Action, ...]:
    """A rule of our own in the table's namespace. ``lasting``: whether this kind comes back at boot."""
    evidence, table = situation.evidence, situation.table
    tool: Tool = "nft" if place.uses_nft(evidence) else "iptables"
    action = AddRules(where=where(table, evidence), tool=tool, rule=rule)
    kept_there = place.is_host(table.namespace, evidence) and not evidence.in_container
    return (action, Persist(rules=True)) if lasting and kept_there else (action,)


def for_kube_proxy(settings: Mapping[str, int], situation: Situation) -> ByHand:
    """What to put into its configuration."""
    lines = (
        line.removeprefix("#").removeprefix(" ") if line.startswith("#") else line
        for line in kube_proxy.configure(settings)
    )
    return ByHand(manager=KUBE_PROXY, lines=tuple(lines), settings=sysctls(settings, situation))
