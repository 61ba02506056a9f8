"""Sockets as ``/proc/net/{tcp,udp}{,6}`` writes them: for kernels without sock_diag at hand.

Addresses there are 32-bit words in the byte order of the machine, ports hexadecimal numbers
(net/ipv4/tcp_ipv4.c, get_tcp4_sock).
"""

from __future__ import annotations

import io
import re
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence.uapi import AF_INET6, IPPROTO_TCP
from halftrack.kernel import files

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: Final = MappingProxyType(
    {
        "l4proto": pl.UInt8,
        "state": pl.UInt8,
        "local_hi": pl.UInt64,
        "local_lo": pl.UInt64,
        "remote_hi": pl.UInt64,
        "remote_lo": pl.UInt64,
        "local_port": pl.UInt16,
        "remote_port": pl.UInt16,
        "uid": pl.UInt32,
        "inode": pl.UInt64,
    }
)
"""Columns of ``halftrack.evidence.values.Sockets``, in order."""

_ROW: Final = (
    r"^ *\d+: (?<local>(?:[0-9A-F]{8}){1,4}):(?<local_port>[0-9A-F]{4}) "
    r"(?<remote>(?:[0-9A-F]{8}){1,4}):(?<remote_port>[0-9A-F]{4}) (?<state>[0-9A-F]{2}) "
    r"\S+ \S+ \S+ +(?<uid>\d+) +\d+ +(?<inode>\d+)"
)
_IN_USE: Final = re.compile(
    r"^(?P<name>[A-Z]+)6?: inuse (?P<inuse>\d+)(?:.* tw (?P<waiting>\d+))?", re.MULTILINE
)
_MOST_BYTES: Final = 256 << 20


def none_in_use(net: Path, name: str) -> bool:
    """Whether ``sockstat`` says that a namespace has no socket of a protocol (``tcp``, ``udp``).

    Walking the node's whole socket table to find none takes a hundred times longer.
    """
    used = 0
    for file in ("sockstat", "sockstat6"):
        text = files.text(net / file)
        if text is None and file == "sockstat":
            return False
        for line in _IN_USE.finditer(text or ""):
            if line["name"] == name.upper():
                used += int(line["inuse"]) + int(line["waiting"] or 0)
    return used == 0


def read(net: Path, family: int, l4proto: int) -> pl.DataFrame:
    """The sockets of one family and protocol; none where there is no such file. Raises OSError."""
    name = ("tcp" if l4proto == IPPROTO_TCP else "udp") + ("6" if family == AF_INET6 else "")
    try:
        raw = files.read(net / name, _MOST_BYTES)
    except FileNotFoundError:
        return pl.DataFrame(schema=dict(SCHEMA))
    return parse(raw, l4proto)


def parse(raw: bytes, l4proto: int) -> pl.DataFrame:
    """Socket rows of such a file's text; lines that are none are left out."""
    if b"\n" not in raw.strip():
        return pl.DataFrame(schema=dict(SCHEMA))
    text = raw.decode("ascii", "replace").replace("\0", "?").encode()
    lines = pl.read_csv(
        io.BytesIO(text),
        has_header=False,
        separator="\x1f",
        quote_char=None,
        schema={"line": pl.String},
        truncate_ragged_lines=True,
    )
    rows = lines.select(pl.col("line").str.extract_groups(_ROW).struct.unnest())
    rows = rows.filter(pl.col("local").is_not_null())
    return rows.select(
        pl.lit(l4proto, dtype=pl.UInt8).alias("l4proto"),
        _hexadecimal(pl.col("state")).cast(pl.UInt8),
        *_words("local"),
        *_words("remote"),
        _hexadecimal(pl.col("local_port")).cast(pl.UInt16),
        _hexadecimal(pl.col("remote_port")).cast(pl.UInt16),
        pl.col("uid").cast(pl.UInt32, strict=False).fill_null(0),
        pl.col("inode").cast(pl.UInt64, strict=False).fill_null(0),
    )


def _words(side: str) -> tuple[pl.Expr, pl.Expr]:
    text = pl.col(side)
    long = text.str.len_bytes() == 32
    word = [_network_order(text.str.slice(at, 8)) for at in (0, 8, 16, 24)]
    mapped = pl.lit(0xFFFF << 32, dtype=pl.UInt64) + word[0]
    high = word[0] * (1 << 32) + word[1]
    low = word[2] * (1 << 32) + word[3]
    zero = pl.lit(0, dtype=pl.UInt64)
    return (
        pl.when(long).then(high).otherwise(zero).alias(f"{side}_hi"),
        pl.when(long).then(low).otherwise(mapped).alias(f"{side}_lo"),
    )


def _network_order(text: pl.Expr) -> pl.Expr:
    """Eight hexadecimal digits, a word of this machine, as the number that its bytes are on the wire."""
    octets = [text.str.slice(at, 2) for at in (0, 2, 4, 6)]
    ordered = pl.concat_str(octets[::-1] if sys.byteorder == "little" else octets)
    return _hexadecimal(ordered).cast(pl.UInt64)


def _hexadecimal(text: pl.Expr) -> pl.Expr:
    return text.str.to_integer(base=16, strict=False)
