"""Entries as the lines that ``conntrack --load-file`` takes, to be put in again.

Options: conntrack(8), since 1.4.7. What has no option of its own stays behind: counters, helpers,
window tracking, and how an entry is translated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import ADDRESS_COLUMNS

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable

_STATUS: Final = (
    (uapi.IPS_SEEN_REPLY, "SEEN_REPLY"),
    (uapi.IPS_ASSURED, "ASSURED"),
)
_ADDRESSES: Final = (("-s", "orig_src"), ("-d", "orig_dst"), ("-r", "reply_src"), ("-q", "reply_dst"))
_PORTS: Final = (
    ("--sport", "orig_sport"),
    ("--dport", "orig_dport"),
    ("--reply-port-src", "reply_sport"),
    ("--reply-port-dst", "reply_dport"),
)
_KEYS: Final = (
    ("--srckey", "orig_srckey"),
    ("--dstkey", "orig_dstkey"),
    ("--reply-key-src", "reply_srckey"),
    ("--reply-key-dst", "reply_dstkey"),
)
_ICMP: Final = (("type", "orig_type"), ("code", "orig_code"), ("id", "orig_icmp_id"))
_ZONES: Final = {
    uapi.NF_CT_DEFAULT_ZONE_DIR: "-w",
    uapi.NF_CT_ZONE_DIR_ORIG: "--orig-zone",
    uapi.NF_CT_ZONE_DIR_REPL: "--reply-zone",
}


def lines(flows: FlowTable) -> pl.Series:
    """One String per entry, in the table's order, without newlines.

    The columns that are not in the frame count as not known.
    """
    frame = flows.frame
    spelled = frame.with_columns(
        addresses.show(frame[f"{stem}_hi"], frame[f"{stem}_lo"], flows.opaque).alias(stem)
        for stem in ADDRESS_COLUMNS
    )
    protocol = pl.col("l4proto")
    words = [
        pl.lit("-A"),
        _option("-t", pl.col("timeout")),
        _status(),
        *(
            pl.when((pl.col("zone") > 0) & (pl.col("zone_dir") == way)).then(_option(option, pl.col("zone")))
            for way, option in _ZONES.items()
        ),
        pl.when(pl.col("mark") > 0).then(_option("-m", pl.col("mark"))),
        *(_option(option, pl.col(column)) for option, column in _ADDRESSES),
        _option(
            "-p",
            protocol.cast(pl.String).replace({str(n): name for n, name in uapi.PROTOCOL_NAMES.items()}),
        ),
        *(
            pl.when(protocol.is_in(uapi.PORT_PROTOCOLS)).then(_option(option, pl.col(column)))
            for option, column in _PORTS
        ),
        *_icmp(protocol),
        *(
            pl.when(protocol == uapi.IPPROTO_GRE).then(_option(option, pl.col(column)))
            for option, column in _KEYS
        ),
        _state(),
    ]
    return spelled.select(line=pl.concat_str(words, separator=" ", ignore_nulls=True)).to_series()


def _option(option: str, value: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(f"{option} "), value.cast(pl.String))


def _status() -> pl.Expr:
    names = [pl.when(pl.col("status") & bit != 0).then(pl.lit(name)).otherwise(None) for bit, name in _STATUS]
    given = pl.concat_str(names, separator=",", ignore_nulls=True)
    return _option("-u", pl.when(given == "").then(pl.lit("UNSET")).otherwise(given))


def _icmp(protocol: pl.Expr) -> list[pl.Expr]:
    return [
        pl.when(protocol == number).then(_option(f"--{name}-{option}", pl.col(column)))
        for number, name in ((uapi.IPPROTO_ICMP, "icmp"), (uapi.IPPROTO_ICMPV6, "icmpv6"))
        for option, column in _ICMP
    ]


def _state() -> pl.Expr:
    named = pl.coalesce(
        pl.when(pl.col("l4proto") == l4proto).then(
            pl.col("state").replace_strict(dict(enumerate(names)), default=None, return_dtype=pl.String)
        )
        for l4proto, names in uapi.STATE_NAMES.items()
    )
    return _option("--state", named)
