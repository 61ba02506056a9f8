"""Entries as the lines that ``conntrack -L -o extended`` prints and that grep habits know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import ADDRESS_COLUMNS, has

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable

_BLOCK: Final = 100_000
"""Rows spelled at a time: what is only on its way to the output needs little memory."""


def lines(flows: FlowTable) -> pl.Series:
    """One String per entry, in the table's order, without newlines.

    What is not known is left out, the reference count ``use=`` among it; ``id=``, ``helper=``,
    ``labels=`` and the start follow where they are.
    """
    parts = [_block(flows.frame.slice(at, _BLOCK), flows.opaque) for at in range(0, len(flows), _BLOCK)]
    return pl.concat(parts) if parts else pl.Series("line", [], dtype=pl.String)


def _block(frame: pl.DataFrame, opaque: pl.Series) -> pl.Series:
    spelled = frame.with_columns(
        addresses.show(frame[f"{stem}_hi"], frame[f"{stem}_lo"], opaque).alias(stem)
        for stem in ADDRESS_COLUMNS
    )
    words: list[pl.Expr] = [
        _named("family", {uapi.AF_INET: "ipv4     2", uapi.AF_INET6: "ipv6     10"}),
        _protocol(),
        pl.col("timeout").cast(pl.String),
        _state(),
        *_tuple("orig"),
        pl.when(~has(uapi.IPS_SEEN_REPLY)).then(pl.lit("[UNREPLIED]")),
        *_tuple("reply"),
        _flag(),
        _value("mark", "mark"),
        _value("secctx", "secctx"),
        pl.when((pl.col("zone") > 0) & (pl.col("zone_dir") == uapi.NF_CT_DEFAULT_ZONE_DIR)).then(
            _value("zone", "zone")
        ),
        _value("delta-time", "delta_time"),
        _start(),
        _value("helper", "helper"),
        _value("id", "id"),
        _value("labels", "labels"),
    ]
    return spelled.select(line=pl.concat_str(words, separator=" ", ignore_nulls=True)).to_series()


def _named(column: str, names: dict[int, str]) -> pl.Expr:
    return pl.col(column).replace_strict(names, default=None, return_dtype=pl.String)


def _protocol() -> pl.Expr:
    names = {number: f"{name:<8} {number}" for number, name in uapi.PROTOCOL_NAMES.items()}
    other = pl.concat_str(pl.lit("unknown  "), pl.col("l4proto").cast(pl.String))
    # A kernel without a protocol's tracker knows no ports and prints no name.
    tracked = ~pl.col("l4proto").is_in(list(uapi.PORT_PROTOCOLS)) | pl.col("orig_sport").is_not_null()
    return pl.when(tracked).then(pl.coalesce(_named("l4proto", names), other)).otherwise(other)


def _state() -> pl.Expr:
    return pl.coalesce(
        pl.when(pl.col("l4proto") == l4proto).then(_named("state", dict(enumerate(names))))
        for l4proto, names in uapi.STATE_NAMES.items()
    )


def _flag() -> pl.Expr:
    """The kernel prints one of them: offload hides ``[ASSURED]``."""
    return (
        pl.when(has(uapi.IPS_HW_OFFLOAD))
        .then(pl.lit("[HW_OFFLOAD]"))
        .when(has(uapi.IPS_OFFLOAD))
        .then(pl.lit("[OFFLOAD]"))
        .when(has(uapi.IPS_ASSURED))
        .then(pl.lit("[ASSURED]"))
    )


def _value(word: str, column: str) -> pl.Expr:
    """``word=value``; null where the value is."""
    return pl.concat_str(pl.lit(f"{word}="), pl.col(column).cast(pl.String))


def _tuple(direction: str) -> list[pl.Expr]:
    ports = pl.col("l4proto").is_in(list(uapi.PORT_PROTOCOLS))
    icmp = pl.col("l4proto").is_in(list(uapi.ICMP_PROTOCOLS))
    keys = [
        pl.concat_str(pl.lit(f"{end}key=0x"), _hexadecimal(f"{direction}_{end}key")) for end in ("src", "dst")
    ]
    zone = uapi.NF_CT_ZONE_DIR_ORIG if direction == "orig" else uapi.NF_CT_ZONE_DIR_REPL
    return [
        _value("src", f"{direction}_src"),
        _value("dst", f"{direction}_dst"),
        *(pl.when(ports).then(_value(port, f"{direction}_{port}")) for port in ("sport", "dport")),
        pl.when(icmp).then(_value("type", f"{direction}_type")),
        pl.when(icmp).then(_value("code", f"{direction}_code")),
        pl.when(icmp).then(_value("id", f"{direction}_icmp_id")),
        *keys,
        pl.when((pl.col("zone") > 0) & (pl.col("zone_dir") == zone)).then(
            _value(f"zone-{direction}", "zone")
        ),
        _value("packets", f"{direction}_packets"),
        _value("bytes", f"{direction}_bytes"),
    ]


def _hexadecimal(column: str) -> pl.Expr:
    """A 16-bit number in hexadecimal without leading zeros, ``0`` for none."""
    digits = dict(enumerate("0123456789abcdef"))
    number = pl.col(column)
    nibbles = [
        ((number // 16**place) % 16).replace_strict(digits, return_dtype=pl.String) for place in (3, 2, 1, 0)
    ]
    text = pl.concat_str(nibbles).str.strip_chars_start("0")
    return pl.when(text == "").then(pl.lit("0")).otherwise(text)


def _start() -> pl.Expr:
    moment = pl.from_epoch(pl.col("start_ns"), time_unit="ns").dt.strftime("%a %b %e %H:%M:%S %Y")
    return pl.concat_str(pl.lit("[start="), moment, pl.lit("]"))
