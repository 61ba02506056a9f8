"""What ``ss -tin`` prints, with or without ``-a -o -e -m -p -O`` and other sockets among it.

A line of a socket begins at the margin, what the kernel knows of it follows behind white space, on
the same line with ``-O``. Which words there are, and in which order, differs between releases of
iproute2; many are left out where they are zero (misc/ss.c, tcp_stats_print). Names of services in
place of numbers (no ``-n``) cannot be read back: such lines are left out.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import addresses
from halftrack.evidence.tcp_sockets import SCHEMA, TcpSockets
from halftrack.evidence.uapi import IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST: Final = 50_000
"""Sockets: as many as are read of a living kernel."""

_STATES: Final = MappingProxyType(
    {
        "ESTAB": 1,
        "SYN-SENT": 2,
        "SYN-RECV": 3,
        "FIN-WAIT-1": 4,
        "FIN-WAIT-2": 5,
        "CLOSE-WAIT": 8,
        "LAST-ACK": 9,
        "LISTEN": 10,
        "CLOSING": 11,
    }
)
"""Those that have a way; include/net/tcp_states.h."""
_EVERY_STATE: Final = MappingProxyType(_STATES | {"TIME-WAIT": 6, "UNCONN": 7})
_PROTOCOLS: Final = MappingProxyType({"tcp": IPPROTO_TCP, "udp": IPPROTO_UDP})
_TIMERS: Final = MappingProxyType({"on": 1, "keepalive": 2, "timewait": 3, "persist": 4})
_HEAD: Final = (
    rf"^(?:tcp\s+)?(?<state>{'|'.join(_STATES)})\s+(?<rqueue>\d{{1,10}})\s+(?<wqueue>\d{{1,10}})\s+"
    r"(?<local>\S{1,80}):(?<local_port>\d{1,5})\s+(?<remote>\S{1,80}):(?<remote_port>\d{1,5}|\*)(?:\s|$)"
)
_ANY: Final = (
    rf"^(?:(?<protocol>tcp|udp)\s+)?(?<state>{'|'.join(_EVERY_STATE)})\s+\d{{1,10}}\s+\d{{1,10}}\s+"
    r"(?<local>\S{1,80}):(?<local_port>\d{1,5}|\*)\s+(?<remote>\S{1,80}):(?<remote_port>\d{1,5}|\*)(?:\s|$)"
)
_TIMER: Final = r"timer:\((?<name>[a-z]{1,12}),[^,()]{0,20},(?<again>\d{1,3})\)"
_WHOLE: Final = MappingProxyType(
    {
        "unacked": "unacked",
        "lost": "lost",
        "last_data_sent_ms": "lastsnd",
        "last_data_recv_ms": "lastrcv",
        "last_ack_recv_ms": "lastack",
        "snd_cwnd": "cwnd",
        "segs_out": "segs_out",
        "notsent_bytes": "notsent",
        "bytes_sent": "bytes_sent",
        "bytes_retrans": "bytes_retrans",
        "snd_wnd": "snd_wnd",
        "rcv_wnd": "rcv_wnd",
    }
)
"""Column and ss's word for it: a colon and a whole number follow."""
_LEFT_OUT: Final = ("unacked", "lost", "notsent_bytes", "total_retrans")
"""Not printed where zero, but known wherever anything is."""
_PER_SECOND: Final = MappingProxyType({"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12})


def parse(text: str) -> TcpSockets:
    """The TCP sockets among it; lines that are none are left out."""
    lines = pl.DataFrame({"line": text.replace("\0", "?").split("\n")})
    lines = lines.with_columns(begins=pl.col("line").str.contains(r"^\S"))
    told = (
        lines.with_columns(socket=pl.col("begins").cum_sum())
        .group_by("socket", maintain_order=True)
        .agg(pl.col("line").str.join(" "))
    )
    heads = told.select("line", pl.col("line").str.extract_groups(_HEAD).alias("head")).unnest("head")
    heads = heads.filter(pl.col("state").is_not_null())
    rows = heads.head(MOST).with_columns(pl.col("remote_port").replace("*", "0"))
    rows = rows.hstack(_address(rows["local"], "local")).hstack(_address(rows["remote"], "remote"))
    found = rows.with_columns(**_information()).with_columns(
        *(pl.col(name).fill_null(pl.when(pl.col("rtt_us").is_not_null()).then(0)) for name in _LEFT_OUT),
        pl.col("bytes_retrans").fill_null(pl.when(pl.col("bytes_sent").is_not_null()).then(0)),
    )
    sound = found.filter(pl.col("local_lo").is_not_null(), pl.col("remote_lo").is_not_null())
    return TcpSockets(sound.select(_typed(name) for name in SCHEMA), whole=heads.height <= MOST)


def sockets(text: str) -> pl.DataFrame:
    """TCP and UDP sockets among it, of whatever state, with the columns of ``evidence.values.Sockets``.

    What is printed without ``-u`` or ``-t`` names no protocol and is TCP's.
    """
    lines = pl.DataFrame({"line": text.replace("\0", "?").split("\n")})
    rows = lines.select("line", pl.col("line").str.extract_groups(_ANY).alias("head")).unnest("head")
    rows = rows.filter(pl.col("state").is_not_null()).with_columns(
        pl.col("local_port", "remote_port").replace("*", "0"),
        l4proto=pl.col("protocol").replace_strict(_PROTOCOLS, default=IPPROTO_TCP, return_dtype=pl.UInt8),
        state=pl.col("state").replace_strict(_EVERY_STATE, return_dtype=pl.UInt8),
        uid=pl.col("line").str.extract(r"\suid:(\d{1,10})").fill_null("0"),
        inode=pl.col("line").str.extract(r"\sino:(\d{1,20})").fill_null("0"),
    )
    rows = rows.hstack(_address(rows["local"], "local")).hstack(_address(rows["remote"], "remote"))
    return rows.filter(pl.col("local_lo").is_not_null(), pl.col("remote_lo").is_not_null()).select(
        "l4proto",
        "state",
        "local_hi",
        "local_lo",
        "remote_hi",
        "remote_lo",
        pl.col("local_port", "remote_port").cast(pl.UInt16, strict=False).fill_null(0),
        pl.col("uid").cast(pl.UInt32, strict=False).fill_null(0),
        pl.col("inode").cast(pl.UInt64, strict=False).fill_null(0),
    )


def _typed(name: str) -> pl.Expr:
    return pl.col(name).cast(SCHEMA[name], strict=False)


def _information() -> Mapping[str, pl.Expr]:
    """Columns of struct tcp_info out of what is told, and the timer's."""
    line = pl.col("line")
    timer = line.str.extract_groups(_TIMER)
    found: dict[str, pl.Expr] = {
        "state": pl.col("state").replace_strict(_STATES, return_dtype=pl.UInt8),
        "timer": timer.struct["name"].replace_strict(_TIMERS, default=0, return_dtype=pl.UInt8),
        "retransmits": timer.struct["again"].cast(pl.UInt8, strict=False).fill_null(0),
        "rto_us": _microseconds(r"\srto:([0-9.]{1,12})"),
        "rtt_us": _microseconds(r"\srtt:([0-9.]{1,12})/"),
        "rttvar_us": _microseconds(r"\srtt:[0-9.]{1,12}/([0-9.]{1,12})"),
        "min_rtt_us": _microseconds(r"\sminrtt:([0-9.]{1,12})"),
        "total_retrans": line.str.extract(r"\sretrans:\d{1,10}/(\d{1,10})").cast(pl.UInt32, strict=False),
        "delivery_rate": _bytes_a_second(r"\sdelivery_rate ([0-9.]{1,20})([KMGT]?)bps"),
        "rwnd_limited_us": _microseconds(r"\srwnd_limited:([0-9.]{1,12})ms"),
    }
    for name, word in _WHOLE.items():
        found[name] = line.str.extract(rf"\s{word}:(\d{{1,20}})").cast(SCHEMA[name], strict=False)
    return found


def _microseconds(pattern: str) -> pl.Expr:
    """ss writes milliseconds."""
    return (pl.col("line").str.extract(pattern).cast(pl.Float64, strict=False) * 1000).round()


def _bytes_a_second(pattern: str) -> pl.Expr:
    number = pl.col("line").str.extract(pattern, 1).cast(pl.Float64, strict=False)
    unit = pl.col("line").str.extract(pattern, 2).replace_strict(_PER_SECOND, default=None)
    return (number * unit / 8).round()


def _address(texts: pl.Series, side: str) -> pl.DataFrame:
    """``…_hi`` and ``…_lo``; each address is parsed once, however many sockets have it."""
    distinct = texts.unique()
    pairs = [_parsed(text) for text in distinct]
    known = pl.DataFrame(
        {
            side: distinct,
            f"{side}_hi": pl.Series([pair[0] if pair else None for pair in pairs], dtype=pl.UInt64),
            f"{side}_lo": pl.Series([pair[1] if pair else None for pair in pairs], dtype=pl.UInt64),
        }
    )
    return texts.to_frame(side).join(known, on=side, how="left", maintain_order="left").drop(side)


def _parsed(text: str) -> tuple[int, int] | None:
    """``[fe80::1]%eth0``, ``10.0.0.1%eth0``, ``*``: an interface is left out, a star is any address."""
    bare = text.partition("%")[0].strip("[]")
    try:
        return addresses.parse("::" if bare == "*" else bare)
    except ValueError:
        return None
