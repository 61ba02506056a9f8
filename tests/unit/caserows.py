"""Cases made by hand: a frame with the view's columns, and what hangs on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from halftrack.diagnosis.case import Case
from halftrack.diagnosis.rows import MarkedRows
from halftrack.diagnosis.shape import shape
from halftrack.diagnosis.timeline import timeline
from halftrack.diagnosis.view import View
from halftrack.evidence import addresses, flows, uapi
from halftrack.evidence.values import Evidence, Input, Namespace, Source, Table
from halftrack.tcp import releases, timeouts

TAKEN_AT = datetime(2026, 11, 23, 3, 12, tzinfo=UTC)
FIVE_DAYS = 432_000

_DERIVED = {
    "one_sided": pl.Boolean,
    "service": pl.Categorical,
    "side": pl.String,
    "local_src": pl.Boolean,
    "here": pl.Boolean,
    "idle_s": pl.Int64,
    "age_s": pl.Int64,
    "origin": pl.String,
    "owner": pl.UInt32,
}
V4 = addresses.V4_MAPPED


def rows(count: int, **columns: Any) -> pl.DataFrame:
    """Rows of answered, established TCP; each column is one value or a sequence of ``count``.

    ``local_…`` and ``peer_…`` may be given too: they become the addresses that show so.
    """
    given: dict[str, Any] = {
        "family": uapi.AF_INET,
        "l4proto": uapi.IPPROTO_TCP,
        "state": uapi.TCP_CONNTRACK_ESTABLISHED,
        "status": uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED | uapi.IPS_CONFIRMED,
        "one_sided": False,
        "service": "tcp/443",
        "side": "server",
        "local_src": False,
        "here": True,
        "local_hi": 0,
        "local_lo": V4 + 0x0A58000E,
        "peer_hi": 0,
        "peer_lo": range(V4 + 0xC6336400, V4 + 0xC6336400 + count),
        "orig_sport": 50_000,
        "orig_dport": 443,
        **columns,
    }
    ours, theirs = ("orig_src", "orig_dst") if given["local_src"] else ("reply_src", "orig_src")
    for half in ("hi", "lo"):
        given[f"{ours}_{half}"], given[f"{theirs}_{half}"] = given[f"local_{half}"], given[f"peer_{half}"]
    if "timeout" not in given and isinstance(given.get("idle_s"), Sequence):
        given["timeout"] = [FIVE_DAYS - idle for idle in given["idle_s"]]
    types = {**flows.SCHEMA, **_DERIVED}
    return pl.DataFrame(
        {name: pl.Series(name, _spread(given.get(name), count), dtype=dtype) for name, dtype in types.items()}
    )


def one_sided(count: int, **columns: Any) -> pl.DataFrame:
    """Rows of packets that only the server on tcp/80 sent."""
    mine: dict[str, Any] = {
        "status": uapi.IPS_CONFIRMED,
        "one_sided": True,
        "service": "tcp/80",
        "local_src": True,
        "orig_sport": 80,
        "orig_dport": 50_000,
    }
    return rows(count, **{**mine, **columns})


def _spread(value: Any, count: int) -> list[Any]:
    if value is None or isinstance(value, (str, int, bool)):
        return [value] * count
    return list(value)


def view(
    frame: pl.DataFrame,
    *,
    count: int | None = None,
    limit: int | None = 262_144,
    settings: Mapping[str, str] | None = None,
    taken_at: datetime | None = TAKEN_AT,
    kernel: str | None = "6.12.48",
    source: Source = "live",
    read: Input | None = None,
    **table: Any,
) -> View:
    """A view of a table that holds ``frame``, in a node with nothing else known."""
    what = Table(
        Namespace("host"),
        count=count,
        limit=limit,
        settings={} if settings is None else dict(settings),
        flows=flows.FlowTable(frame.select(flows.SCHEMA.keys())),
        **table,
    )
    evidence = Evidence(
        "node17", source, kernel=kernel, taken_at=taken_at, tables=(what,), input=read or Input()
    )
    return View(what, evidence, frame)


def marked(frame: pl.DataFrame) -> MarkedRows:
    """All rows of a frame."""
    return MarkedRows.of(frame, pl.repeat(value=True, n=frame.height, dtype=pl.Boolean, eager=True))


def case(symptom: str, frame: pl.DataFrame, **about: Any) -> Case:
    """A case whose rows are the whole table."""
    seen = view(frame, **about)
    every = marked(frame)
    drawn = timeline(every, seen)
    return Case(symptom=symptom, view=seen, rows=every, timeline=drawn, shape=shape(drawn))


def on_kernel(one: Case, release: str, settings: dict[str, str]) -> Case:
    """The case as ``view.view`` would give it on this kernel."""
    features = releases.features(release)
    seen = dataclasses.replace(one.view, features=features, timeouts=timeouts.resolve(settings, features))
    return dataclasses.replace(one, view=seen)


def spread_evenly(count: int, oldest_s: int, youngest_s: int = 0) -> list[int]:
    """Ages at equal distances."""
    return [youngest_s + (oldest_s - youngest_s) * i // count for i in range(count)]
