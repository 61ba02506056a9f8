"""What of a finding each filter of conntrack(8) selects, and what else with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from halftrack.evidence import marks
from halftrack.evidence.flows import chosen, select
from halftrack.remedies.entry_filters import KIND, candidates, of_kind, pair_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from halftrack.diagnosis.document import Group
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.view import View
    from halftrack.remedies.entry_filters import EntryFilter


@dataclass(frozen=True, slots=True)
class Part:
    """What one filter selects: ``entries`` that are meant, and ``others`` that are not."""

    chosen: EntryFilter
    others: int
    entries: int
    group: Group


def parts(rows: MarkedRows, groups: Iterable[Group], view: View) -> Iterator[Part]:
    """The rows of these groups, by family, protocol and state: the filter that selects them best."""
    for group in groups:
        pair = pair_of(group.address, view.opaque) if group.address else None
        if group.address is None or pair is None:
            continue
        member = pl.lit(rows.mask) & of_group(group, pair)
        mask = select(view.flows, member.fill_null(value=False)).to_series()
        kinds = marks.counted(chosen(view.flows[list(KIND)], mask), KIND)
        for kind, entries in ((row[:3], row[3]) for row in kinds.sort(KIND, nulls_last=True).iter_rows()):
            filters = candidates(kind, group.address, pair, group.service)
            best = _best(rows, member & of_kind(kind), filters, entries)
            if best is not None:
                yield Part(*best, entries=entries, group=group)


def of_group(group: Group, pair: tuple[int, int]) -> pl.Expr:
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
        members, others = select(
            rows.flows,
            (selects & member).sum().alias("members"),
            (selects & ~pl.lit(rows.mask)).sum().alias("others"),
        ).row(0)
        if members < entries:
            continue
        if best is None or others < best[1]:
            best = (each, others)
        if others == 0:
            break
    return best
