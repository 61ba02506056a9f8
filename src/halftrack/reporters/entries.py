"""Entries as JSON and CSV, written by column arithmetic in slices: no object per entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import addresses, uapi
from halftrack.reporters.json import UNSEEN

if TYPE_CHECKING:
    from halftrack.diagnosis.filters.chosen import Chosen

SLICE: Final = 50_000
_DIRECTIONS: Final = ("orig", "reply")
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_COLUMNS: Final = {"id": "icmp_id"}
COLUMNS: Final = (
    *("netns", "family", "protocol", "state", "left_s", "status"),
    *(
        f"{direction}_{name}"
        for direction in _DIRECTIONS
        for name in ("src", "dst", "sport", "dport", "type", "code", "icmp_id", "key", "packets", "bytes")
    ),
    *(
        "mark",
        "zone",
        "id",
        "helper",
        "started_at",
        "idle_s",
        "idle_at_least",
        "one_sided",
        "origin",
        "owner",
        "service",
    ),
)
"""Of CSV."""


def json_lines(chosen: Chosen) -> Iterator[pl.Series]:
    """One JSON object for each entry, as String series of at most ``SLICE``."""
    for part in chosen.frame.iter_slices(SLICE):
        yield _objects(part, chosen)


def flat(chosen: Chosen) -> Iterator[pl.DataFrame]:
    """The same as frames of plain columns (``COLUMNS``), for CSV: ``orig_src`` instead of ``orig.src``."""
    owners = {number: owner.name for number, owner in enumerate(chosen.owners)}
    owner = pl.col("owner").replace_strict(owners, default=None, return_dtype=pl.String)
    for part in chosen.frame.iter_slices(SLICE):
        statuses = {number: " ".join(_status_names(number)) for number in _statuses(part)}
        plain = _named(part, chosen).with_columns(
            pl.col("status").replace_strict(statuses, default="", return_dtype=pl.String),
            owner if owners else pl.lit(None, dtype=pl.String).alias("owner"),
        )
        yield plain.select(COLUMNS).with_columns(pl.col(pl.String).str.replace_all(r"\p{C}", "?"))


def _named(part: pl.DataFrame, chosen: Chosen) -> pl.DataFrame:
    """Numbers as the names that are shown."""
    texts = [
        addresses.show(part[f"{stem}_hi"], part[f"{stem}_lo"], chosen.opaque).alias(stem)
        for stem in ("orig_src", "orig_dst", "reply_src", "reply_dst")
    ]
    return part.with_columns(
        *texts,
        pl.lit(chosen.netns).alias("netns"),
        pl.when(pl.col("family") == uapi.AF_INET6)
        .then(pl.lit("ipv6"))
        .otherwise(pl.lit("ipv4"))
        .alias("family"),
        pl.col("l4proto")
        .cast(pl.String)
        .replace({str(number): name for number, name in uapi.PROTOCOL_NAMES.items()})
        .alias("protocol"),
        _state().alias("state"),
        pl.col("timeout").alias("left_s"),
        _started(chosen.taken_at).alias("started_at"),
        pl.col("origin").cast(pl.String),
        pl.col("service").cast(pl.String),
        pl.col("mark").fill_null(0),
        pl.col("zone").fill_null(0),
        *(pl.col(f"{direction}_dstkey").alias(f"{direction}_key") for direction in _DIRECTIONS),
    )


def _started(taken_at: datetime | None) -> pl.Expr:
    """When the entry was made, as the kernel stamped it or as a text says how long ago that was."""
    stamp = pl.col("start_ns")
    if taken_at is not None:
        stamp = stamp.fill_null(
            int(taken_at.timestamp()) * 10**9 - pl.col("delta_time").cast(pl.Int64) * 10**9
        )
    return pl.from_epoch(stamp, time_unit="ns").dt.strftime(_TIME)


def _state() -> pl.Expr:
    """The state's name among those of its protocol; null for protocols without states."""
    named = pl.lit(None, dtype=pl.String)
    for protocol, names in uapi.STATE_NAMES.items():
        of_protocol = pl.col("state").replace_strict(
            dict(enumerate(names)), default=pl.col("state").cast(pl.String), return_dtype=pl.String
        )
        named = pl.when(pl.col("l4proto") == protocol).then(of_protocol).otherwise(named)
    return named


def _status_names(status: int) -> list[str]:
    return [name for bit, name in uapi.STATUS_NAMES.items() if status & bit]


def _statuses(part: pl.DataFrame) -> list[int]:
    return part["status"].unique().drop_nulls().to_list()


def _objects(part: pl.DataFrame, chosen: Chosen) -> pl.Series:
    named = _named(part, chosen)
    status = {number: _compact(_status_names(number)) for number in _statuses(part)}
    owners = {
        number: _compact(
            {
                "name": owner.name,
                "id": owner.id,
                "runtime": owner.runtime,
                "namespace": owner.namespace,
                "pod": owner.pod,
                "workload": owner.workload,
            }
        )
        for number, owner in enumerate(chosen.owners)
    }
    owner = pl.col("owner").replace_strict(owners, default="null", return_dtype=pl.String)
    text = pl.concat_str(
        pl.lit("{"),
        _fields("netns", "family", "protocol", "state", "left_s"),
        pl.lit(',"status":'),
        pl.col("status").replace_strict(status, default="[]", return_dtype=pl.String),
        pl.lit(',"orig":{'),
        _direction("orig"),
        pl.lit('},"reply":{'),
        _direction("reply"),
        pl.lit("},"),
        _fields(
            "mark", "zone", "id", "helper", "started_at", "idle_s", "idle_at_least", "one_sided", "origin"
        ),
        pl.lit(',"owner":'),
        owner if owners else pl.lit("null"),
        pl.lit(","),
        _fields("service"),
        pl.lit("}"),
    )
    lines = named.select(entry=text)["entry"]
    if lines.str.contains(r"[^ -~]").any():
        lines = lines.str.replace_many(dict(UNSEEN))
    return lines


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _direction(direction: str) -> pl.Expr:
    """Addresses, and what the protocol has beside them."""

    def fields(*names: str) -> pl.Expr:
        return _fields(*(pl.col(f"{direction}_{_COLUMNS.get(name, name)}").alias(name) for name in names))

    ends, counters = ("src", "dst"), ("packets", "bytes")
    protocol = pl.col("l4proto")
    return (
        pl.when(protocol.is_in(uapi.PORT_PROTOCOLS))
        .then(fields(*ends, "sport", "dport", *counters))
        .when(protocol.is_in(uapi.ICMP_PROTOCOLS))
        .then(fields(*ends, "type", "code", "id", *counters))
        .when(protocol == uapi.IPPROTO_GRE)
        .then(fields(*ends, "key", *counters))
        .otherwise(fields(*ends, *counters))
    )


def _fields(*columns: str | pl.Expr) -> pl.Expr:
    """``"name":value,…`` without the braces."""
    whole = pl.struct(*columns).struct.json_encode()
    return whole.str.slice(1, whole.str.len_chars() - 2)
