"""Settings and rules of a namespace, read there and loaded into a scratch one."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.changes import making, spaces
from halftrack.changes.writes.sysctl import SysctlWrite
from halftrack.errors import HalftrackError
from halftrack.evidence.sysctls import PREFIX
from halftrack.kernel import cttimeout, iptables, nftables, sysctl, tools

if TYPE_CHECKING:
    from halftrack.changes.spaces import Space
    from halftrack.kernel.cttimeout import Policy

SHARED: Final = frozenset({f"{PREFIX}{name}" for name in ("max", "buckets", "count", "expect_max")})
"""Of the whole node, or no settings: never written. Kernels before 5.13 let a child write the limit."""
OTHERS: Final = frozenset({"net.ipv4.tcp_syncookies"})
"""What else plans set that each namespace has for itself."""
_QUOTED: Final = re.compile(r'"([^"\s]{1,15})"')
_MOST_INTERFACES: Final = 64


def own(name: str) -> bool:
    """Whether each namespace has this setting for itself, and plans set it."""
    return (name.startswith(PREFIX) and name not in SHARED) or name in OTHERS


@dataclass(frozen=True, slots=True)
class Part:
    """One table: ``text`` for nft, or for iptables-restore where there is a ``flavour``."""

    title: str
    text: str
    family: iptables.Family = "ip"
    flavour: iptables.Flavour | None = None

    def check(self) -> None:
        """Raise HalftrackError where the tool does not take it."""
        if self.flavour is None:
            tools.run(["nft", "-c", "-f", "-"], self.text)
        else:
            iptables.check(self.family, self.flavour, self.text)

    def load(self) -> None:
        """Raise HalftrackError where it cannot be loaded."""
        if self.flavour is None:
            tools.run(["nft", "-f", "-"], self.text)
        else:
            iptables.restore(self.family, self.flavour, self.text)


@dataclass(slots=True)
class Ruleset:
    """``interfaces``: those of the namespace that rules name. ``left``: what could not be read, and why."""

    parts: list[Part] = field(default_factory=list)
    policies: dict[str, Policy] = field(default_factory=dict)
    interfaces: tuple[str, ...] = ()
    left: list[str] = field(default_factory=list)


def rules() -> Ruleset:
    """All that filters in the calling thread's namespace. Changes nothing; what cannot be read is said."""
    found = Ruleset()
    names = nftables.names()
    if names is None:
        found.left.append("nft tables: the kernel does not list them")
    for family, table in sorted(names.tables if names else ()):
        title = f"nft table {family} {table}"
        try:
            part = _as_iptables(family, table) or _as_nft(family, table)
        except HalftrackError as error:
            found.left.append(f"{title}: {error}")
        else:
            found.parts.append(part)
    for kind in iptables.FAMILIES:
        for table in iptables.legacy_tables(kind):
            title = f"{iptables.tool(kind)}-legacy table {table}"
            try:
                found.parts.append(_saved(title, kind, "legacy", table))
            except HalftrackError as error:
                found.left.append(f"{title}: {error}")
    _policies(found)
    there = {name for _, name in socket.if_nameindex()}
    named = {name for part in found.parts for name in _QUOTED.findall(part.text)}
    found.interfaces = tuple(sorted(there & named - {"lo"}))[:_MOST_INTERFACES]
    return found


def _as_nft(family: str, table: str) -> Part:
    text = tools.run(["nft", "-s", "list", "table", family, table])
    return Part(f"nft table {family} {table}", text)


def _as_iptables(family: str, table: str) -> Part | None:
    """A table that iptables-nft made, through iptables: nft does not spell all of its rules."""
    if (family, table) not in iptables.BY_IPTABLES:
        return None
    kind: iptables.Family = "ip6" if family == "ip6" else "ip"
    if tools.find(f"{iptables.tool(kind)}-nft-save") is None:
        return None
    part = _saved(f"{iptables.tool(kind)} table {table}", kind, "nft", table)
    return None if iptables.is_incompatible(part.text) else part


def _saved(title: str, kind: iptables.Family, flavour: iptables.Flavour, table: str) -> Part:
    text = "\n".join(iptables.save(kind, flavour, table)) + "\n"
    return Part(title, text, kind, flavour)


def _policies(found: Ruleset) -> None:
    for part in found.parts:
        for name in iptables.policies(part.text) if part.flavour is not None else ():
            try:
                policy = cttimeout.get(name)
            except OSError as error:
                found.left.append(f"timeout policy {name}: {error.strerror}")
                continue
            if policy is not None:
                found.policies[name] = policy


def load(found: Ruleset) -> tuple[list[str], list[str]]:
    """Into the calling thread's namespace. What was loaded, and what was not and why.

    Each table is shown to its tool before anything of it is loaded, and is loaded whole or not at all.
    """
    loaded: list[str] = []
    left = list(found.left)
    for name, policy in found.policies.items():
        try:
            cttimeout.add(name, policy)
        except OSError as error:
            left.append(f"timeout policy {name}: {error.strerror}")
    for part in found.parts:
        try:
            part.check()
            part.load()
        except HalftrackError as error:
            left.append(f"{part.title}: {error}")
        else:
            loaded.append(part.title)
    return loaded, left


def settings(source: Space, scratch: Space) -> tuple[int, list[str]]:
    """Give the scratch namespace the source's own settings. How many, and what was left and why."""
    left: list[str] = []
    number = 0
    for name, value in spaces.call(source, sysctl.settings).items():
        if not own(name):
            continue
        try:
            now = making.value(scratch, name)
            if now != value:
                SysctlWrite(space=scratch, name=name, before=now, after=value).do()
            number += 1
        except (HalftrackError, OSError) as error:
            left.append(f"{name} {value}: {error}")
    return number, left
