"""The parts of a case: a symptom may have come to two services in two ways at once.

Each cause is weighed for the whole and for every large part by itself: what the sockets and queues of one
container tell says nothing of another's entries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.causes import home
from halftrack.diagnosis.rows import MarkedRows
from halftrack.diagnosis.shape import shape
from halftrack.diagnosis.timeline import timeline
from halftrack.evidence import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.case import Case

MOST: Final = 4


@dataclass(frozen=True, slots=True)
class Part:
    """``where`` in words: ``192.0.2.7 tcp/80``; ``share`` of the case's entries."""

    case: Case
    where: str
    share: float


def of(case: Case) -> Iterator[Part]:
    """Our ends that have a tenth of the entries or more, the largest first; of one end its services.

    None where there is one large end with one large service.
    """
    for key in (home.WHOSE, (*home.WHOSE, "service")):
        large = home.large(home.by_size(case, key)).head(MOST)
        if large.height > 1:
            yield from _parts(case, key, large)
            return


def _parts(case: Case, key: tuple[str, ...], large: pl.DataFrame) -> Iterator[Part]:
    names = addresses.show(large["local_hi"], large["local_lo"], case.view.opaque)
    for name, row in zip(names, large.iter_rows(named=True), strict=True):
        rows = _marked(case.rows, pl.all_horizontal(pl.col(each).eq_missing(row[each]) for each in key))
        line = timeline(rows, case.view)
        yield Part(
            replace(case, rows=rows, timeline=line, shape=shape(line)),
            f"{name} {row['service']}" if row.get("service") else str(name),
            rows.height / case.rows.height,
        )


def _marked(rows: MarkedRows, condition: pl.Expr) -> MarkedRows:
    met = rows.select(condition.fill_null(value=False).alias("met")).to_series()
    mask = pl.repeat(value=False, n=rows.flows.height, dtype=pl.Boolean, eager=True)
    return MarkedRows.of(rows.flows, mask.scatter(rows.places.filter(met), values=True))
