"""The roles in an entry: what service it is for, which end is ours, whose that end is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from halftrack.diagnosis import ends, origins, services
from halftrack.diagnosis.clocks import SLICE
from halftrack.evidence import uapi
from halftrack.evidence.flows import select

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.evidence.values import Evidence, Table


def columns(flows: pl.DataFrame, table: Table, evidence: Evidence) -> list[pl.Series]:
    """``service``, ``side``, ``local_src``, ``here`` and ``owner`` of every row; see ``view.View``.

    ``flows`` needs the schema's columns and ``one_sided``.
    """
    owned = ends.owned(table, evidence)
    ours = None if owned is None else ends.lookup(owned)
    counts = ends.occurrences(flows) if ours is None else None
    ranks = services.port_ranks()
    near = (table,) if table.namespace.owner else evidence.tables
    waiting = services.listened(one.sockets for one in near if one.sockets is not None)
    code = np.empty(flows.height, np.uint32)
    side = np.empty(flows.height, np.uint8)
    local_src = np.empty(flows.height, np.bool_)
    owner = np.empty(flows.height, np.int32)
    for start in range(0, flows.height, SLICE):
        part = flows.slice(start, SLICE)
        place = slice(start, start + part.height)
        found, code[place] = _roles(part, ours, counts, ranks, waiting)
        side[place], local_src[place], owner[place] = found.side, found.local_src, found.code
    _follow_published(owner, side, code, evidence)
    return [
        services.spell(code),
        pl.Series("side", ends.SIDES.categories, ends.SIDES)[pl.Series(side)],
        pl.Series("local_src", local_src),
        pl.Series("here", owner == ends.NOBODY),
        pl.Series("owner", owner).cast(pl.UInt32, strict=False),
    ]


def _roles(
    flows: pl.DataFrame,
    ours: ends.Lookup | None,
    counts: npt.NDArray[np.int64] | None,
    ranks: npt.NDArray[np.uint32],
    waiting: npt.NDArray[np.bool_],
) -> tuple[ends.Ends, npt.NDArray[np.uint32]]:
    """Ends and service codes. ``counts`` decides where ``ours`` is None."""
    l4proto = flows["l4proto"].to_numpy()
    sport = flows["orig_sport"].fill_null(0).to_numpy()
    dport = flows["orig_dport"].fill_null(0).to_numpy()
    reply_sport = flows["reply_sport"].fill_null(0).to_numpy()
    has_ports = services.has_ports(l4proto)
    src_rank, dst_rank = ranks[sport], ranks[dport]
    src = dst = np.empty(0, np.int32)
    if ours is not None:
        src = ours.codes(flows["orig_src_hi"].to_numpy(), flows["orig_src_lo"].to_numpy())
        dst = ours.codes(flows["reply_src_hi"].to_numpy(), flows["reply_src_lo"].to_numpy())
        if waiting.any():
            _prefer_listened(src_rank, sport, l4proto, src, waiting)
            _prefer_listened(dst_rank, reply_sport, l4proto, dst, waiting)
    shaken = _shaken(flows)
    server_is_src = (src_rank < dst_rank) & has_ports & ~shaken
    if counts is None:
        found = ends.by_address(src, dst, server_is_src)
    else:
        found = ends.by_occurrence(flows, counts, server_is_src)
    port = np.where(server_is_src, sport, np.where(found.local_src, dport, reply_sport))
    hidden = services.looks_ephemeral(src_rank) & services.looks_ephemeral(dst_rank) & ~shaken
    hidden |= flows["orig_sport"].is_null().to_numpy()
    return found, services.code(l4proto, port, hidden & has_ports)


def _shaken(flows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Entries whose original direction is known to be the client's."""
    if not origins.seen(flows):
        return np.zeros(flows.height, np.bool_)
    known = select(flows, (origins.shaken() & ~origins.picked_up()).fill_null(value=False))
    return known.to_series().to_numpy()


def _prefer_listened(
    rank: npt.NDArray[np.uint32],
    port: npt.NDArray[np.uint16],
    l4proto: npt.NDArray[np.uint8],
    code: npt.NDArray[np.int32],
    waiting: npt.NDArray[np.bool_],
) -> None:
    """Give ports of ours that something waits on the best rank of all, in place."""
    udp = l4proto == uapi.IPPROTO_UDP
    listening = waiting[port + np.uint32(65_536) * udp]
    listening &= (udp | (l4proto == uapi.IPPROTO_TCP)) & (code != ends.STRANGER)
    rank[listening] &= np.uint32(0xFFFF)


def _follow_published(
    owner: npt.NDArray[np.int32],
    side: npt.NDArray[np.uint8],
    code: npt.NDArray[np.uint32],
    evidence: Evidence,
) -> None:
    """What ends at a port of the node that a container publishes is the container's, in place."""
    published = {
        number: index
        for index, each in enumerate(evidence.owners)
        for port in each.ports
        if (number := services.number(port.protocol, port.host_port)) is not None
    }
    if published:
        nobodys = np.flatnonzero((owner == ends.NOBODY) & (side == 0))
        for number, index in published.items():
            owner[nobodys[code[nobodys] == number]] = index
