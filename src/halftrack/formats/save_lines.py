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
    from collections.abc import Iterator

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
    frame = flows.frame.with_columns(**_addresses(flows))
    names = {str(number): name for number, name in uapi.PROTOCOL_NAMES.items()}
    words = [
        *_option("-t", "timeout", frame),
        pl.lit(" -u "),
        _status(),
        *_zones(frame),
        *_marks(frame),
        *(word for option, stem in _ADDRESSES for word in _option(option, stem, frame)),
        pl.lit(" -p "),
        pl.col("l4proto").cast(pl.String).replace(names),
        *(word for option, column in _PORTS for word in _option(option, column, frame)),
        *_icmp(frame),
        *(word for option, column in _KEYS for word in _option(option, column, frame)),
        *_states(frame),
    ]
    return frame.select(line=pl.concat_str(pl.lit("-A"), *words)).to_series()


def _addresses(flows: FlowTable) -> dict[str, pl.Series]:
    """As text. Most replies come back the same way: then nothing is spelled twice."""
    frame, found = flows.frame, dict[str, pl.Series]()
    mirrors = {"reply_src": "orig_dst", "reply_dst": "orig_src"}
    for stem in ADDRESS_COLUMNS:
        hi, lo, mirror = frame[f"{stem}_hi"], frame[f"{stem}_lo"], mirrors.get(stem)
        if mirror and (lo == frame[f"{mirror}_lo"]).all() and (hi == frame[f"{mirror}_hi"]).all():
            found[stem] = found[mirror]
        else:
            found[stem] = addresses.show(hi, lo, flows.opaque)
    return found


def _option(option: str, column: str, frame: pl.DataFrame) -> Iterator[pl.Expr]:
    """What says it in each line that knows it; where all do, no line is looked at by itself."""
    unknown, value = frame[column].null_count(), pl.col(column).cast(pl.String)
    if not unknown:
        yield pl.lit(f" {option} ")
        yield value
    elif unknown < frame.height:
        yield _where_known(option, value)


def _where_known(option: str, value: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(f" {option} "), value).fill_null("")


def _status() -> pl.Expr:
    names = [pl.when(pl.col("status") & bit != 0).then(pl.lit(name)).otherwise(None) for bit, name in _STATUS]
    given = pl.concat_str(names, separator=",", ignore_nulls=True)
    return pl.when(given == "").then(pl.lit("UNSET")).otherwise(given)


def _zones(frame: pl.DataFrame) -> Iterator[pl.Expr]:
    if (frame["zone"] > 0).any():
        for way, option in _ZONES.items():
            here = (pl.col("zone") > 0) & (pl.col("zone_dir") == way)
            yield _where_known(option, pl.when(here).then(pl.col("zone").cast(pl.String)))


def _marks(frame: pl.DataFrame) -> Iterator[pl.Expr]:
    if (frame["mark"] > 0).any():
        yield _where_known("-m", pl.when(pl.col("mark") > 0).then(pl.col("mark").cast(pl.String)))


def _icmp(frame: pl.DataFrame) -> Iterator[pl.Expr]:
    here = set(frame["l4proto"].unique())
    for number, name in ((uapi.IPPROTO_ICMP, "icmp"), (uapi.IPPROTO_ICMPV6, "icmpv6")):
        if number in here:
            for option, column in _ICMP:
                value = pl.when(pl.col("l4proto") == number).then(pl.col(column).cast(pl.String))
                yield _where_known(f"--{name}-{option}", value)


def _states(frame: pl.DataFrame) -> Iterator[pl.Expr]:
    here = set(frame["l4proto"].unique())
    for l4proto, names in uapi.STATE_NAMES.items():
        if l4proto in here:
            named = pl.col("state").replace_strict(
                dict(enumerate(names)), default=None, return_dtype=pl.String
            )
            yield _where_known("--state", pl.when(pl.col("l4proto") == l4proto).then(named))
