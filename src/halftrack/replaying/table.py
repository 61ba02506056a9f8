"""The entries of a tracker as a flow table.

``id`` is the number of the packet that made an entry, ``start_ns`` that packet's time. What the tracker does
not know is null: bytes, marks, zones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.flows import FlowTable, conform, empty
from halftrack.replaying import ends
from halftrack.tcp import datagrams

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.replaying.tracking import Replay
    from halftrack.tcp.entry import Connection, Entry, Exchange

    _IcmpKey = tuple[int, object, object, int, tuple[int | None, int | None]]

_MOST_ID: Final = (1 << 32) - 1
_OF_ICMP: Final = 5
"""Parts of the key of an ICMP entry; of others it has three."""


def table(replay: Replay) -> FlowTable:
    """What is there at the end of a replay (``close``), oldest of each kind first."""
    frames = []
    connections = list(replay.tracker.connections)
    if connections:
        frames.append(conform(_connections(connections, replay)))
    exchanges = list(replay.tracker.exchanges)
    if exchanges:
        frames.append(conform(_exchanges(exchanges, replay)))
    return FlowTable(pl.concat(frames)) if frames else empty()


def _connections(entries: Sequence[Connection], replay: Replay) -> pl.DataFrame:
    common = _common(entries, replay)
    both = [(entry.original, entry.reply) for entry in entries]
    return common.with_columns(
        pl.lit(uapi.IPPROTO_TCP).alias("l4proto"),
        pl.Series("state", [entry.state for entry in entries]),
        pl.Series("tcp_flags_orig", [original.flags for original, _ in both]),
        pl.Series("tcp_flags_reply", [reply.flags for _, reply in both]),
        pl.Series("tcp_wscale_orig", [original.td_scale for original, _ in both]),
        pl.Series("tcp_wscale_reply", [reply.td_scale for _, reply in both]),
    )


def _exchanges(entries: Sequence[Exchange], replay: Replay) -> pl.DataFrame:
    common = _common(entries, replay)
    keys = [entry.key for entry in entries]
    frame = common.with_columns(pl.Series("l4proto", [key[0] for key in keys], dtype=pl.Int64))
    ported = pl.col("l4proto").is_in(uapi.PORT_PROTOCOLS)
    ports = [f"{way}_{port}" for way in ("orig", "reply") for port in ("sport", "dport")]
    frame = frame.with_columns(
        *(pl.when(ported).then(pl.col(name)).alias(name) for name in ports),
        *_icmp(keys).values(),
    )
    gre = pl.col("l4proto") == uapi.IPPROTO_GRE
    names = [f"{way}_{key}" for way in ("orig", "reply") for key in ("srckey", "dstkey")]
    return frame.with_columns(pl.when(gre).then(pl.lit(0)).alias(name) for name in names)


def _icmp(keys: Sequence[tuple[object, ...]]) -> Mapping[str, pl.Series]:
    """Types, codes and identifiers of both directions; null for other protocols."""
    told: dict[str, list[int | None]] = {
        f"{way}_{name}": [] for way in ("orig", "reply") for name in ("type", "code", "icmp_id")
    }
    for key in keys:
        kind = ident = code = other = None
        if len(key) == _OF_ICMP:
            protocol, _, _, kind, (ident, code) = cast("_IcmpKey", key)
            other = datagrams.COUNTERPARTS[protocol][kind]
        for name, value in (("type", kind), ("code", code), ("icmp_id", ident)):
            told[f"orig_{name}"].append(value)
            told[f"reply_{name}"].append(other if name == "type" else value)
    return {name: pl.Series(name, values, dtype=pl.Int64) for name, values in told.items()}


def _common(entries: Sequence[Entry], replay: Replay) -> pl.DataFrame:
    sources, targets = ([_end(one) for one in side] for side in _sides(entries))
    now, first_ns = replay.end_s, replay.first_ns or 0
    numbers = [replay.numbers[entry.serial] for entry in entries]
    columns = {
        **ends.columns(sources, "orig_src", "orig_sport"),
        **ends.columns(targets, "orig_dst", "orig_dport"),
        **ends.columns(targets, "reply_src", "reply_sport"),
        **ends.columns(sources, "reply_dst", "reply_dport"),
    }
    frame = pl.DataFrame(
        {
            **columns,
            "family": [uapi.AF_INET if isinstance(one, int) else uapi.AF_INET6 for one in sources],
            "status": [entry.status for entry in entries],
            "left": [entry.deadline - now for entry in entries],
            "orig_packets": [entry.packets_original for entry in entries],
            "reply_packets": [entry.packets_reply for entry in entries],
            "id": [number if number <= _MOST_ID else None for number in numbers],
            "created": [entry.created for entry in entries],
        }
    )
    return frame.with_columns(
        pl.col("left").floor().cast(pl.Int64).alias("timeout"),
        (pl.lit(first_ns) + (pl.col("created") * 1e9).round().cast(pl.Int64)).alias("start_ns"),
        mark=pl.lit(0),
        zone=pl.lit(0),
        zone_dir=pl.lit(uapi.NF_CT_DEFAULT_ZONE_DIR),
    )


def _sides(entries: Sequence[Entry]) -> tuple[list[object], list[object]]:
    return [entry.source for entry in entries], [entry.target for entry in entries]


def _end(one: object) -> ends.End:
    assert isinstance(one, int | bytes)  # noqa: S101  # as Replay gave it
    return one
