"""One namespace of the node and its copy: the sample, settings, rules and connections of a rehearsal."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from halftrack import live
from halftrack.changes import clearing, spaces
from halftrack.changes.drain import judged, looking
from halftrack.changes.drain.looking import Looked
from halftrack.changes.rehearsal import choosing, copying, room, services, talking
from halftrack.changes.rehearsal import site as sites
from halftrack.diagnosis.view import view
from halftrack.errors import Incomplete
from halftrack.kernel import ctnetlink
from halftrack.kernel.ctnetlink import creating
from halftrack.kernel.namespaces import Vanished
from halftrack.plans.rehearsal import Copied, Sample

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Sequence

    import polars as pl

    from halftrack.changes.rehearsal.acting import Placed
    from halftrack.changes.rehearsal.services import About, Service
    from halftrack.changes.rehearsal.talking import Conversations
    from halftrack.changes.spaces import Space
    from halftrack.diagnosis.filters import Filter
    from halftrack.evidence.flows import FlowTable
    from halftrack.evidence.values import Evidence, Table
    from halftrack.plans.actions import Drain, Where


@dataclass(slots=True)
class Stage:
    """``about``: of the whole table; ``drawn``: Boolean likewise, rows that are in the sample.

    ``table`` and ``evidence``: of the node, without entries. ``unserved``: how many services nobody talks to.
    """

    site: sites.Site
    table: Table
    evidence: Evidence
    about: About
    drawn: pl.Series
    sample: Sample
    copied: Copied
    services: list[Service]
    unserved: int
    talks: Conversations

    @property
    def inode(self) -> int | None:
        """Of the node's namespace."""
        return self.table.namespace.inode

    @property
    def all_drawn(self) -> bool:
        return bool(self.drawn.all())

    def entries(self) -> FlowTable:
        """The sample as it is now, without the entries of our own connections. Raises Incomplete, OSError."""
        dump = ctnetlink.dump(netns_path=self.site.node.path)
        if not dump.complete:
            raise Incomplete("the sample could not be read again")
        return talking.without(dump.flows, self.talks.tuples)

    def look(self, action: Drain) -> tuple[Looked, Filter]:
        """Judge the sample by what the node's sockets, addresses and rules say. Raises as a drain does.

        Entries of our own connections are no part of it: the node has no sockets for them.
        """
        wanted, wish = clearing.asked(action)
        flows = self.entries()
        read_at_s = time.monotonic()
        table = replace(self.table, flows=flows, count=len(flows))
        evidence = replace(self.evidence, tables=(table, *self.evidence.tables))
        found = judged.judged(table, evidence, wanted, wish, one_sided=True)
        return Looked(evidence, found.judgement, read_at_s, found.untold), wanted


def build(
    where: Where,
    steps: Sequence[tuple[int, Sequence[tuple[int, Placed]]]],
    still: contextlib.ExitStack,
    most: int,
) -> Stage:
    """Read the namespace and copy it. What it opens is closed with ``still``.

    Raises HalftrackError where that cannot be, OSError.
    """
    space = spaces.find(where)
    evidence = live.examine(where.path or where.netns, sockets=True, counters_interval_s=0.0)
    table = looking.table_of(evidence)
    if table.flows is None or table.namespace.inode != space.inode:
        raise Incomplete(f"namespace {where.netns} is another one by now: make the plan anew")
    seen = view(table, evidence)
    about = services.about(seen, steps)
    fits, why = room.entries(table, evidence.entry_bytes, most)
    drawn = choosing.choose(seen.flows, about.affected, fits)
    chosen, unserved = services.choose(seen, about.affected)
    site = still.enter_context(sites.Site(where.netns))
    copied = _copy(space, site, chosen)
    frame = table.flows.frame.filter(drawn)
    made = creating.create(site.node.path, frame)
    sample = Sample(
        netns=where.netns,
        table=len(table.flows),
        affected=int(about.affected.sum()),
        entries=made.asked - made.refused.total(),
        entries_affected=int((about.affected & drawn).sum()),
        refused=dict(made.refused),
        how="all of them" if drawn.all() else choosing.HOW,
        room=why if frame.height < len(table.flows) else None,
    )
    return Stage(
        site=site,
        table=replace(table, flows=None),
        evidence=replace(evidence, tables=tuple(one for one in evidence.tables if one is not table)),
        about=about,
        drawn=drawn,
        sample=sample,
        copied=copied,
        services=chosen,
        unserved=unserved,
        talks=still.enter_context(talking.Conversations(site, frame)),
    )


def _copy(space: Space, site: sites.Site, chosen: Sequence[Service]) -> Copied:
    """Links first, then settings and rules. Raises HalftrackError, OSError."""
    try:
        found = spaces.call(space, copying.rules)
        ways = spaces.call(space, lambda: sites.ways(chosen))
        site.connect(chosen, ways, found.interfaces)
        settings, left = copying.settings(space, spaces.find(site.where))
    except Vanished as error:
        raise Incomplete(f"namespace {space.name} is not there any more") from error
    rules, refused = site.node.call(lambda: copying.load(found))
    site.track()
    return Copied(netns=space.name, settings=settings, rules=tuple(rules), left=(*left, *refused))
