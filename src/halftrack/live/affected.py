"""Which namespaces are worth a closer look: those whose entries are stuck, and those at their ends.

Of each some of its addresses and their peers are noted, so that the way between them can be asked for.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.ends import in_every_namespace
from halftrack.diagnosis.entries import connected, one_sided, unfinished
from halftrack.diagnosis.symptoms.volume import FEWEST
from halftrack.evidence import addresses
from halftrack.evidence.flows import select
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.live.place import Place

MOST: Final = 24
"""Namespaces; those with most entries that are stuck."""
_SAMPLE: Final = 20_000
_REAL_ENDS: Final = (("orig_src", "orig_dst"), ("reply_src", "orig_src"))
_SILENT_S: Final = 60
_FEWEST_QUIET: Final = 8
_PAIR: Final = ("hi", "lo", "peer_hi", "peer_lo")
_MOST_PEERS: Final = 8
"""Whose way back is asked for, of each namespace."""


def choose(places: Sequence[Place]) -> list[Place]:
    """At most ``MOST``, worst first; none where no table shows what a closer look would explain."""
    weight: Counter[int] = Counter()
    holders = _holders(places)
    for number, place in enumerate(places):
        ends = _ends(place)
        if ends is None:
            continue
        weight[number] += ends.height
        found = ends.join(holders, on=("hi", "lo"))
        counted = found.group_by("place").len()
        weight.update({other: entries for other, entries in counted.iter_rows() if other != number})
        place.ends = (*place.ends, *_pairs(found))
        for (other,), part in found.group_by("place"):
            if other != number:
                places[int(str(other))].ends = _pairs(part)
    ranked = [places[number] for number, _ in sorted(weight.items(), key=lambda pair: (-pair[1], pair[0]))]
    return [place for place in ranked if not place.vanished and not place.denied][:MOST]


def quiet(places: Sequence[Place]) -> list[Place]:
    """Namespaces at whose end many connections have been silent for a while, those with most first.

    Most of that is everyday life; their counters, which cost little, tell about the rest.
    """
    weight: Counter[int] = Counter()
    holders = _holders(places)
    for place in places:
        flows = place.entries.flows if place.entries else None
        if flows is None or not len(flows):
            continue
        frame = flows.frame
        rows = select(frame, _silent(place).fill_null(value=False)).to_series().arg_true()
        rows = rows.gather_every(max(len(rows) // _SAMPLE, 1))
        for end, _ in _REAL_ENDS:
            ends = frame.select(hi=f"{end}_hi", lo=f"{end}_lo")[rows]
            weight.update(dict(ends.join(holders, on=("hi", "lo")).group_by("place").len().iter_rows()))
    ranked = [places[number] for number, entries in weight.most_common(MOST) if entries >= _FEWEST_QUIET]
    return [place for place in ranked if not place.vanished and not place.denied]


def _silent(place: Place) -> pl.Expr:
    """Connections that have been for longer than a moment, and not so long that they were cut short."""
    settings = place.details.settings if place.details else {}
    known = timeouts.whole(timeouts.setting(settings, timeouts.ESTABLISHED))
    given = known or timeouts.DEFAULTS[timeouts.ESTABLISHED]
    short = timeouts.DEFAULTS[timeouts.UNACKNOWLEDGED]
    return connected() & pl.col("timeout").is_between(short, given - _SILENT_S, closed="none")


def _pairs(found: pl.DataFrame) -> tuple[tuple[str, str], ...]:
    """A handful of addresses of ours and their peers, as text: of each address some."""
    # What somebody masked by hand is on no way.
    told = found.filter(pl.col("peer_hi") != addresses.OPAQUE_HI)
    pairs = told.select(_PAIR).unique(maintain_order=True)
    turn = pl.int_range(pl.len()).over("hi", "lo")
    rows = pairs.sort(turn, maintain_order=True).head(_MOST_PEERS)
    return tuple((addresses.to_text(*row[:2]), addresses.to_text(*row[2:])) for row in rows.iter_rows())


def _ends(place: Place) -> pl.DataFrame | None:
    """Real ends of the entries in question and who each talks to: ``hi, lo, peer_hi, peer_lo``.

    Of a sample where they are many; None where there are none.
    """
    flows = place.entries.flows if place.entries else None
    if flows is None or not len(flows):
        return None
    frame = flows.frame
    marks = select(
        frame,
        alone=one_sided(),
        begun=unfinished().fill_null(value=False),
        frozen=_frozen(place).fill_null(value=False),
    )
    marked = marks["alone"]
    marked |= marks["frozen"]
    if int(marks["begun"].sum()) >= FEWEST:  # fewer are everyday life
        marked |= marks["begun"]
    rows = marked.arg_true()
    if rows.is_empty():
        return None
    rows = rows.gather_every(max(len(rows) // _SAMPLE, 1))
    halves = [
        select(frame, f"{end}_hi", f"{end}_lo", f"{peer}_hi", f"{peer}_lo")[rows].rename(
            dict(zip((f"{end}_hi", f"{end}_lo", f"{peer}_hi", f"{peer}_lo"), _PAIR, strict=True))
        )
        for end, peer in _REAL_ENDS
    ]
    return pl.concat(halves)


def _frozen(place: Place) -> pl.Expr:
    """Connections although no rule asks for tracking them: what became of them?"""
    tracking = place.details.tracking if place.details else None
    unasked = [one for one in (AF_INET, AF_INET6) if tracking is not None and tracking.asked(one) is False]
    return connected() & pl.col("family").is_in(unasked)


def _holders(places: Sequence[Place]) -> pl.DataFrame:
    """Addresses and the number of the place that has each: ``hi``, ``lo``, ``place``."""
    found = [(*pair, number) for number, place in enumerate(places) for pair in _addresses(place)]
    types = {"hi": pl.UInt64, "lo": pl.UInt64, "place": pl.Int64}
    return pl.DataFrame(found, schema=types, orient="row")


def _addresses(place: Place) -> Iterator[tuple[int, int]]:
    for one in (place.details.addresses if place.details else None) or ():
        pair = addresses.parse(one.address)
        if not in_every_namespace(pair):
            yield pair
