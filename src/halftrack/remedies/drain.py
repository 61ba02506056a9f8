"""``drain``: the entries themselves, removed by hand with conntrack(8).

Settings free nothing that exists. What is removed here is what the finding holds: one filter for
a group where the filter selects nothing else, or, where live connections look the same, a loop
that looks at each entry again right before it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import words
from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.remedies import place, removal
from halftrack.remedies.entry_filters import KIND, candidates, of_kind, pair_of
from halftrack.remedies.removal import Part
from halftrack.remedies.shell import Addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from halftrack.diagnosis.document import Group
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.remedies.entry_filters import EntryFilter
    from halftrack.remedies.situation import Situation

REMEDY: Final = "drain"
GROUPS: Final = 5
"""Groups that get commands of their own."""
_SYMPTOMS: Final = ("one-sided", "orphaned", "half-closed", "unreplied-udp", "stale-nat")
_STUCK: Final = ("one-sided", "orphaned")
_SHORT_S: Final = 300
"""One-sided entries with no more left are gone before anyone has typed."""
_SECONDS_PER_ENTRY_READ: Final = 5e-6
"""conntrack(8) reads the whole table for each deletion: about 0.5 s for 100,000 entries."""


def helps(situation: Situation) -> bool:
    """Whether these entries are dead weight: never for a path that shows one direction only."""
    rows = situation.rows
    if situation.finding.symptom not in _SYMPTOMS or rows is None or not rows.height:
        return False
    if situation.finding.symptom == "one-sided":
        longest = rows.column("timeout").max()
        if not isinstance(longest, int) or longest <= _SHORT_S:
            return False
    return not situation.likely("asymmetric-path", "direct-return", "idle-pool")


def advise(situation: Situation) -> Advice | None:
    if not helps(situation):
        return None
    parts = tuple(_parts(situation))
    exact = [part for part in parts if not part.others]
    mixed = [part for part in parts if part.others and removal.check(situation, part) is not None]
    if not exact and not mixed:
        return None
    spelled = Addresses()
    commands = [command for part in exact for command in removal.at_once(situation, part, spelled)]
    commands += [command for part in mixed for command in removal.one_by_one(situation, part, spelled)]
    freed = sum(part.entries for part in (*exact, *mixed))
    return Advice(
        remedy=REMEDY,
        kind="clear",
        title=_title(situation, freed),
        arguments={"filter": _filter(situation)},
        effect=Effect(entries_freed=freed),
        risk=Risk(
            level="medium" if mixed or situation.finding.symptom == "half-closed" else "low",
            why=tuple(_why(situation, mixed, freed)),
            live_flows_affected=None if situation.finding.symptom == "half-closed" else 0,
        ),
        commands=(*spelled.assignments, *commands),
    )


def _filter(situation: Situation) -> str:
    """The finding in words of the filter language."""
    chosen = f"symptom={situation.finding.symptom}"
    if place.is_host(situation.table.namespace, situation.evidence):
        return chosen
    return f"{chosen} netns={situation.table.netns}"


def _title(situation: Situation, freed: int) -> str:
    proof = {
        "orphaned": "their sockets are gone",
        "one-sided": "none of them was ever answered",
        "half-closed": "one end closed long ago",
        "unreplied-udp": "none of them was ever answered",
        "stale-nat": "they lead to an address that nobody has",
    }[situation.finding.symptom]
    stuck = "stuck entries" if situation.finding.symptom in _STUCK else "entries"
    return f"would remove {freed:,} of {situation.finding.entries:,} {stuck}: {proof}"


def _why(situation: Situation, mixed: list[Part], freed: int) -> Iterator[str]:
    yield "removed entries do not come back; check the count right before"
    if situation.finding.symptom == "half-closed":
        yield "a connection whose other end still sends is cut where it is translated or rules want it known"
    if situation.finding.symptom == "stale-nat":
        yield "look first whether the address is still nobody's"
    if situation.evidence.input.truncated:
        yield "the table was not read whole: other entries may match the same filters"
    if situation.setting_or_default("tcp_loose"):
        yield "before strict pick-up: with it, an entry removed by mistake cannot come back"
    for part in mixed:
        seconds = part.entries * len(situation.table.flows or ()) * _SECONDS_PER_ENTRY_READ
        yield (
            f"no filter tells the {part.entries} of {part.group.service or 'this group'} from {part.others} "
            f"others: removed one by one, in about {words.duration(max(1, round(seconds)))}"
        )
    if freed < situation.finding.entries:
        yield f"{situation.finding.entries - freed} more, in smaller groups, are left to time"


def _parts(situation: Situation) -> Iterator[Part]:
    """For the largest groups, by family, protocol and state: the filter that selects them best."""
    view, rows = situation.view, situation.rows
    if view is None or rows is None:
        return
    for group in situation.finding.groups[:GROUPS]:
        pair = pair_of(group.address, view.opaque) if group.address else None
        if group.address is None or pair is None:
            continue
        member = pl.lit(rows.mask) & _of_group(group, pair)
        kinds = view.flows.lazy().filter(member).group_by(KIND).agg(pl.len().alias("entries")).collect()
        for kind, entries in ((row[:3], row[3]) for row in kinds.sort(KIND, nulls_last=True).iter_rows()):
            filters = candidates(kind, group.address, pair, group.service)
            best = _best(rows, member & of_kind(kind), filters, entries)
            if best is not None:
                yield Part(*best, entries=entries, group=group)


def _of_group(group: Group, pair: tuple[int, int]) -> pl.Expr:
    """Entries of a group, by the owned end: ``orig_src`` or ``reply_src``."""
    here = [
        (pl.col(f"{stem}_hi") == pair[0]) & (pl.col(f"{stem}_lo") == pair[1])
        for stem in ("orig_src", "reply_src")
    ]
    ours = (pl.col("local_src") & here[0]) | (~pl.col("local_src") & here[1])
    ours &= pl.col("service").is_null() if group.service is None else pl.col("service") == group.service
    return ours if group.side is None else ours & (pl.col("side") == group.side)


def _best(
    rows: MarkedRows, member: pl.Expr, filters: Iterable[EntryFilter], entries: int
) -> tuple[EntryFilter, int] | None:
    """The first filter that selects all members and nothing but the finding's entries.

    Where there is none: the one that selects the fewest others, and how many.
    """
    best: tuple[EntryFilter, int] | None = None
    for each in filters:
        selects = each.expression()
        members, others = rows.flows.select(
            (selects & member).sum().alias("members"), (selects & ~pl.lit(rows.mask)).sum().alias("others")
        ).row(0)
        if members < entries:
            continue
        if best is None or others < best[1]:
            best = (each, others)
        if others == 0:
            break
    return best
