"""idle-pool: connections kept open on purpose: database pools, sessions, message queues. Benign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.causes import facts, frozen, silence
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_KEPT_OPEN: Final = (22, 389, 636, 1433, 1521, 3306, 5432, 5671, 5672, 6379, 6432, 9042, 9092, 11211, 27017)
"""Ports of services whose clients keep connections open: ssh, directories, databases, queues, caches."""
_FEW_PEERS: Final = 0.2


def weigh(case: Case) -> Cause | None:
    if case.symptom != "idle-established":
        return None
    here = facts.entries_of(case.view)
    alive, fell = facts.with_socket(case), silence.of(case)
    peers = facts.variety(case.rows.sample("peer_hi", "peer_lo"))
    kept = kept_open(case)
    many = case.rows.height >= facts.MANY
    return conclude(
        "idle-pool",
        0.05,
        (
            Clue(
                "share of the entries whose socket lives",
                round(alive, 2),
                facts.SOCKETS,
                0.6 * alive,
                own=True,
            )
            if alive
            else None,
            Clue("different peers per entry: the same few again and again", round(peers, 2), here, 0.3)
            if many and peers <= _FEW_PEERS
            else None,
            Clue("different peers per entry: a pool is of few", round(peers, 2), here, -0.35)
            if many and peers >= facts.SPREAD and kept < facts.MOSTLY
            else None,
            Clue("share at services whose clients keep connections open", round(kept, 2), here, 0.25 * kept)
            if kept
            else None,
            Clue("they fell silent all at once", fell.shape, fell.source, -0.5) if fell.at_once else None,
            frozen.doubt(case),
        ),
        (None if facts.sockets_read(case) else "the owner's sockets: ss -tan in its namespace",),
    )


def kept_open(case: Case) -> float:
    """The share of the entries at services whose clients keep connections open."""
    return case.once("kept open", _kept_open)


def _kept_open(case: Case) -> float:
    some = case.rows.sample("orig_sport", "orig_dport")
    return facts.share(some, pl.col("orig_dport").is_in(_KEPT_OPEN) | pl.col("orig_sport").is_in(_KEPT_OPEN))
