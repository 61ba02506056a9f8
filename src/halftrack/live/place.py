"""A namespace under examination: what has been read of it so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from halftrack.evidence.values import Counters, Table
from halftrack.kernel import namespaces, sysctl
from halftrack.live import read_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.evidence.events import Events
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.tracking import Tracking
    from halftrack.evidence.values import LocalAddress, Namespace, Sockets
    from halftrack.kernel.counters import Reading
    from halftrack.kernel.survey import Look
    from halftrack.live.depth import Depth
    from halftrack.live.entries import Entries


@dataclass(frozen=True, slots=True)
class Details:
    """``sockets`` None: not read, ``no_sockets`` says why (empty: nobody wanted them)."""

    settings: Mapping[str, str]
    addresses: tuple[LocalAddress, ...] | None
    sockets: Sockets | None
    no_sockets: str = ""
    tracking: Tracking | None = None


@dataclass(slots=True)
class Place:
    """``denied``: entering it is not permitted. ``wanted``: its entries are to be read.

    ``beside``: somebody asked for another namespace; of this one only what explains that one counts.
    ``asked``: this is the one.
    """

    namespace: Namespace
    look: Look | None = None
    second: Reading | None = None
    entries: Entries | None = None
    details: Details | None = None
    ended: bool = False
    """Gone when the counters were to be read again."""
    denied: bool = False
    vanished: bool = False
    covered: bool = False
    """Vanished, but still mounted: another mount lies over it, and nothing leads there."""
    wanted: bool = False
    beside: bool = False
    asked: bool = False
    depth: Depth | None = None
    """What a closer look showed; None: there was none."""
    events: Events | None = None
    rules: Ruleset | None = None
    """Read where sockets have no entry."""
    proc: str = "/proc"
    """Where its files are read."""
    ends: tuple[tuple[str, str], ...] = ()
    """A few of its addresses, and of their peers, among entries that are stuck."""

    @property
    def own(self) -> bool:
        return namespaces.is_own(self.namespace)

    def table(self) -> Table:
        """What is known, as Evidence has it."""
        limits = self.look.limits if self.look else sysctl.Limits()
        details = self.details or Details({}, None, None)
        entries = self.entries
        found = Table(
            namespace=self.namespace,
            count=limits.count,
            limit=None if self.beside else limits.limit,
            buckets=limits.buckets,
            settings=details.settings,
            counters=() if self.beside else self._counters(),
            flows=entries.flows if entries else None,
            skipped=not self.wanted,
            unreadable=entries.unreadable if entries else 0,
            sockets=details.sockets,
            addresses=details.addresses,
            expired=entries.expired if entries else None,
            tcp=self.depth.sockets if self.depth else None,
            stack=self.depth.stack if self.depth else (),
            shaping=self.depth.shaping if self.depth else (),
            routing=self.depth.routing if self.depth else None,
            events=self.events,
            rules=self.rules,
            tracking=details.tracking,
        )
        return replace(found, read_from=read_from.of(found, self.proc))

    def _counters(self) -> tuple[Counters, ...]:
        first = self.look.reading if self.look else None
        if first is None:
            return ()
        if self.second is None:
            return (first.counters(),)
        return first.counters(), self.second.counters_after(first)
