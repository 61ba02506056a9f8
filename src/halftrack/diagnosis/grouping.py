"""The entries of a case by namespace, owner, owned address, service and side.

Keys of several columns are folded into one number a row before anything is counted: hashing the
columns themselves takes many times the memory of a million rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.diagnosis import fronts
from halftrack.diagnosis.document import Group, OwnerName, Peer
from halftrack.diagnosis.paced import mean
from halftrack.diagnosis.shape import CLOCKS_KNOWN
from halftrack.evidence import addresses
from halftrack.evidence.marks import marks, tally

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy.typing as npt

    from halftrack.diagnosis.paced import Paced
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.view import View
    from halftrack.evidence.values import Owner

SHOWN: Final = 10
_TOP_PEERS: Final = 5
_KEY: Final = ("owner", "local_hi", "local_lo", "service", "side")
_PEER: Final = ("peer_hi", "peer_lo")
_CANDIDATES: Final = 256
"""So many are looked at by name; among more that have equally many entries the choice is arbitrary."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """What every group is cut out of: a number for each row's group and peer; idle -1 where not known."""

    groups: npt.NDArray[np.uint64]
    peers: npt.NDArray[np.uint64]
    idle_s: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: MarkedRows) -> _Columns:
        groups, peers = np.empty(rows.height, np.uint64), np.empty(rows.height, np.uint64)
        idle_s = np.empty(rows.height, np.int64)
        end = 0
        for part in rows.slices((*_KEY, *_PEER, "idle_s")):
            place = slice(end, end := end + part.height)
            groups[place], peers[place] = marks(part, _KEY), marks(part, _PEER)
            idle_s[place] = part["idle_s"].fill_null(-1).to_numpy()
        return cls(groups, peers, idle_s)


def owner_name(owner: Owner | None) -> OwnerName | None:
    """An owner as the document has it."""
    if owner is None:
        return None
    return OwnerName(
        name=owner.name,
        id=owner.id,
        runtime=owner.runtime,
        namespace=owner.namespace,
        pod=owner.pod,
        workload=owner.workload,
    )


def groups(rows: MarkedRows, view: View, paced: Paced | None = None) -> tuple[tuple[Group, ...], int]:
    """The largest groups, at most ``SHOWN``, and how many more there are.

    Largest first; equal ones by owner, address, service. ``paced``: at which all of them come; without,
    a group's rate is the mean of its time.
    """
    if not rows.height:
        return (), 0
    columns = _Columns.of(rows)
    counted = tally(columns.groups)
    largest = counted[
        np.lexsort((counted["first"].to_numpy(), -counted["len"].to_numpy().astype(np.int64)))[:_CANDIDATES]
    ]
    first = largest["first"].to_numpy()
    keys = rows.at(first, _KEY).hstack([largest["len"], pl.Series("mark", columns.groups[first])])
    named = keys.with_columns(
        address=addresses.show(keys["local_hi"], keys["local_lo"], view.opaque),
        name=pl.Series([_name(view, index) for index in keys["owner"]], dtype=pl.String),
        spelled=pl.col("service").cast(pl.String),
        role=pl.col("side").cast(pl.String),
    )
    descending = [True, False, False, False, False]
    shown = named.sort("len", "name", "address", "spelled", "role", descending=descending).head(SHOWN)
    made = tuple(_group(key, columns, rows, view, paced) for key in shown.iter_rows(named=True))
    return fronts.named(made, view.evidence.fronts), counted.height - len(made)


def label(group: Group) -> tuple[str, ...]:
    """What names a group within its symptom: owner or address, then service; part of a finding's id."""
    who = group.owner.name if group.owner else group.address
    return tuple(part for part in (who, group.service) if part)


def _name(view: View, index: int | None) -> str | None:
    owner = view.owner(index)
    return None if owner is None else owner.name


def _group(
    key: Mapping[str, Any], columns: _Columns, rows: MarkedRows, view: View, paced: Paced | None
) -> Group:
    place = np.flatnonzero(columns.groups == np.uint64(key["mark"]))
    idle = columns.idle_s[place]
    idle = idle[idle >= 0]
    shortest, longest = (int(idle.min()), int(idle.max())) if idle.size else (None, None)
    known = idle.size >= CLOCKS_KNOWN * place.size
    rate = None
    if known:
        rate = paced.part(idle) if paced else mean(idle, key["len"])
    peers, top = _peers(columns.peers[place], place, rows, view)
    return Group(
        netns=view.netns,
        owner=owner_name(view.owner(key["owner"])),
        address=key["address"],
        service=key["spelled"],
        side=key["role"],
        entries=key["len"],
        peers=peers,
        top_peers=top,
        idle_min_s=shortest,
        idle_max_s=longest,
        rate_per_minute=rate,
    )


def _peers(
    of_peers: npt.NDArray[np.uint64], place: npt.NDArray[np.intp], rows: MarkedRows, view: View
) -> tuple[int, tuple[Peer, ...]]:
    """How many peers, and those with most entries; equal ones by address. ``place``: their rows."""
    ordered = np.sort(of_peers)
    starts = np.flatnonzero(np.diff(ordered, prepend=~ordered[:1]))
    entries = np.diff(starts, append=len(ordered))
    kept = min(_CANDIDATES, len(starts))
    most = np.sort(np.argpartition(-entries, kept - 1)[:kept])
    named = rows.at(place[_first_places(of_peers, ordered[starts[most]])], _PEER)
    top = np.lexsort((named["peer_lo"].to_numpy(), named["peer_hi"].to_numpy(), -entries[most]))[:_TOP_PEERS]
    texts = addresses.show(named["peer_hi"][top], named["peer_lo"][top], view.opaque)
    # Masked addresses have numbers in no order of their own: equal ones go by what is shown.
    peers = sorted(
        (
            Peer(address=text, entries=int(number))
            for text, number in zip(texts, entries[most[top]], strict=True)
        ),
        key=lambda peer: (-peer.entries, peer.address),
    )
    return len(starts), tuple(peers)


def _first_places(numbers: npt.NDArray[np.uint64], wanted: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
    """Where each of ``wanted``, which is sorted and in ``numbers``, stands first."""
    slots = np.searchsorted(wanted, numbers)
    slots[slots == len(wanted)] = 0
    hits = np.flatnonzero(wanted[slots] == numbers)[::-1]
    places = np.empty(len(wanted), np.intp)
    places[slots[hits]] = hits
    return places
