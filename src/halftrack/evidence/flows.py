"""The flow table: one conntrack table as columns.

One fixed schema for every source. What a source cannot know is null: the text formats know
no TCP flags, without ``nf_conntrack_acct`` there are no counters, an offloaded entry has no
timeout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final

import polars as pl

from halftrack.evidence.provenance import Origin

SCHEMA: Final = MappingProxyType(
    {
        "family": pl.UInt8,  # AF_INET or AF_INET6
        "l4proto": pl.UInt8,  # IPPROTO_*
        "state": pl.UInt8,  # number within uapi.STATE_NAMES[l4proto]; null: the protocol has none
        "status": pl.UInt32,  # IPS_*; text sources set only the bits that the text shows
        "timeout": pl.Int64,  # seconds left; null while offloaded
        # Addresses: 128 bits as two numbers, IPv4 mapped (::ffff:a.b.c.d); see addresses.py.
        "orig_src_hi": pl.UInt64,
        "orig_src_lo": pl.UInt64,
        "orig_dst_hi": pl.UInt64,
        "orig_dst_lo": pl.UInt64,
        "reply_src_hi": pl.UInt64,
        "reply_src_lo": pl.UInt64,
        "reply_dst_hi": pl.UInt64,
        "reply_dst_lo": pl.UInt64,
        # Ports: uapi.PORT_PROTOCOLS only.
        "orig_sport": pl.UInt16,
        "orig_dport": pl.UInt16,
        "reply_sport": pl.UInt16,
        "reply_dport": pl.UInt16,
        # ICMP and ICMPv6 only.
        "orig_type": pl.UInt8,
        "orig_code": pl.UInt8,
        "orig_icmp_id": pl.UInt16,
        "reply_type": pl.UInt8,
        "reply_code": pl.UInt8,
        "reply_icmp_id": pl.UInt16,
        # GRE only: the tracker's 16-bit keys.
        "orig_srckey": pl.UInt16,
        "orig_dstkey": pl.UInt16,
        "reply_srckey": pl.UInt16,
        "reply_dstkey": pl.UInt16,
        "orig_packets": pl.UInt64,
        "orig_bytes": pl.UInt64,
        "reply_packets": pl.UInt64,
        "reply_bytes": pl.UInt64,
        "mark": pl.UInt32,
        "zone": pl.UInt16,  # 0: the default zone
        "zone_dir": pl.UInt8,  # NF_CT_ZONE_DIR_*; NF_CT_DEFAULT_ZONE_DIR where zone is 0
        "id": pl.UInt32,  # CTA_ID: no identity by itself, it collides and comes back
        "start_ns": pl.Int64,  # ns since 1970; only entries made with nf_conntrack_timestamp=1
        "delta_time": pl.UInt32,  # seconds since start, as the text formats print it
        "tcp_flags_orig": pl.UInt8,  # IP_CT_TCP_FLAG_*
        "tcp_flags_reply": pl.UInt8,
        "tcp_wscale_orig": pl.UInt8,
        "tcp_wscale_reply": pl.UInt8,
        "helper": pl.String,
        "labels": pl.String,  # set bits as "3,17", or the names that a text source printed
        "secctx": pl.String,
    }
)
"""Column name to Polars type, in the frame's order."""

NULLS: Final = MappingProxyType({name: pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items()})
"""Each column as one null, repeated: that takes no memory."""

ADDRESS_COLUMNS: Final = ("orig_src", "orig_dst", "reply_src", "reply_dst")
"""Stems: ``{stem}_hi`` and ``{stem}_lo`` are the columns."""

TUPLE_COLUMNS: Final = (
    "family",
    "l4proto",
    *(f"orig_{end}_{half}" for end in ("src", "dst") for half in ("hi", "lo")),
    "orig_sport",
    "orig_dport",
    "orig_type",
    "orig_code",
    "orig_icmp_id",
    "orig_srckey",
    "orig_dstkey",
    "zone",
    "zone_dir",
)
"""What makes two rows the same entry: the original tuple and the zone."""

DRAINED: Final = MappingProxyType({"taken_s": pl.Int64, "ago_s": pl.Int64})
"""Seconds that drains of ours took from what an entry had left, without any packet, and how long ago the last
one did; 0 both where none did."""

_PLAIN: Final = pl.QueryOptFlags.none(comm_subexpr_elim=True)
"""What one selection from a frame gains by: the other rules look for nothing and cost twice the time."""


def _no_names() -> pl.Series:
    return pl.Series("opaque", [], dtype=pl.String)


FEW: Final = 20_000
"""Rows that are dealt with sooner than they are handed to another thread."""


@dataclass(frozen=True, slots=True)
class FlowTable:
    """Entries of one table.

    ``frame`` has exactly the columns of ``SCHEMA``. ``opaque`` holds the spellings of masked
    addresses: an address with ``hi == addresses.OPAQUE_HI`` is ``opaque[lo]``, as written.
    ``lines`` UInt32: of each entry the line of the text that it was read from, counted from 1; None where
    it was no text. ``parts``: of entries that several texts showed, how many are of each, in the order of
    their origins. ``drained``: the columns of ``DRAINED``, one row an entry; None where none of them was.
    """

    frame: pl.DataFrame
    opaque: pl.Series = field(default_factory=_no_names)
    lines: pl.Series | None = None
    parts: tuple[int, ...] = ()
    drained: pl.DataFrame | None = None

    def __len__(self) -> int:
        return self.frame.height

    def let_go(self) -> None:
        """Give back their memory, for whoever looks last: how many they were stays, and nothing else."""
        object.__setattr__(self, "frame", blank(self.frame))

    def stands_in(self, file: str) -> Origin:
        """Where its entries stand in that file, from the first of them to the last."""
        if self.lines is None or self.lines.is_empty():
            return Origin(file)
        ends = pl.DataFrame({"line": self.lines}).select(
            first=pl.col("line").min(), last=pl.col("line").max()
        )
        return Origin(file, *ends.row(0))


def blank(rows: pl.DataFrame) -> pl.DataFrame:
    """As many rows in the columns of the schema, and nothing in them: that takes no memory."""
    return rows.with_columns(**NULLS)


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring a frame that has some of the columns to the schema: order, types, nulls for the rest."""
    return frame.select(
        pl.col(name).cast(dtype) if name in frame.columns else NULLS[name] for name, dtype in SCHEMA.items()
    )


@cache
def has(bits: int) -> pl.Expr:
    """Whether an entry's status has any of these bits; null where it is not known."""
    return pl.col("status") & bits != 0


def empty() -> FlowTable:
    """A table without entries."""
    return FlowTable(pl.DataFrame(schema=dict(SCHEMA)))


def select(frame: pl.DataFrame, *wanted: pl.Expr | pl.Series | str, **named: pl.Expr) -> pl.DataFrame:
    """``frame.select`` for frames that are held in pieces, as tables are: by itself it copies them first."""
    rows = frame.lazy()
    asked = rows.select_seq if frame.height <= FEW else rows.select
    return asked(*wanted, **named).collect(optimizations=_PLAIN)


def chosen(frame: pl.DataFrame, mask: pl.Series) -> pl.DataFrame:
    """``frame.filter(mask)``, in the same way."""
    if frame.height > FEW:
        return frame.filter(mask)
    return pl.DataFrame([column.filter(mask) for column in frame])
