"""Addresses as pairs of UInt64.

An address is 128 bits in network order, IPv4 mapped into ``::ffff:0:0/96``. Polars has a
128-bit integer, but neither pyarrow nor DuckDB can read it back; two UInt64 travel anywhere
and keep prefixes in order.

Masked addresses (``xx.xx.xx.73``, hashes) are opaque: ``hi`` is ``OPAQUE_HI`` and ``lo`` is an
index into the table's list of spellings. The range is ``ffff:ffff:ffff:ffff::/64``, multicast
with reserved flags, which no table holds; a text that names an address from it is carried as
opaque too.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.evidence.literals import literal

_Words: TypeAlias = npt.NDArray[np.uint64]

V4_MAPPED: Final = 0xFFFF << 32
"""``lo`` of an IPv4 address is this plus the address; its ``hi`` is 0."""
OPAQUE_HI: Final = (1 << 64) - 1
_LOW64: Final = (1 << 64) - 1
_HANDFUL: Final = 64
"""So many are spelt one by one: a query takes longer to be set up."""


def parse(text: str) -> tuple[int, int]:
    """``(hi, lo)`` of an address in text form. Raises ValueError where it is none."""
    address = literal(text)
    if isinstance(address, ipaddress.IPv4Address):
        return 0, V4_MAPPED | int(address)
    return halves(int(address))


def halves(number: int) -> tuple[int, int]:
    """``(hi, lo)`` of 128 bits."""
    return number >> 64, number & _LOW64


def is_loopback(number: int) -> bool:
    """Whether 128 bits are ``127.0.0.0/8`` or ``::1``."""
    return number == 1 or number >> 24 == V4_MAPPED >> 24 | 127


def parse_network(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last address of a CIDR network as pairs. Raises ValueError where it is none."""
    network = ipaddress.ip_network(text, strict=False)
    return parse(str(network.network_address)), parse(str(network.broadcast_address))


def to_text(hi: int, lo: int) -> str:
    """One address as text; an opaque one needs its table: see ``show``."""
    if hi == 0 and lo >> 32 == 0xFFFF:
        return socket.inet_ntoa((lo & 0xFFFFFFFF).to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, hi.to_bytes(8, "big") + lo.to_bytes(8, "big"))


def are_v4(hi: _Words, lo: _Words) -> npt.NDArray[np.bool_]:
    """Boolean, one per address."""
    v4: npt.NDArray[np.bool_] = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF)
    return v4


def show(hi: pl.Series, lo: pl.Series, opaque: pl.Series) -> pl.Series:
    """Address columns as text, opaque ones as they were written. Same length, String."""
    his, los = hi.to_numpy(), lo.to_numpy()
    text = pl.Series(np.full(len(his), None), dtype=pl.String)
    v4 = are_v4(his, los)
    if v4.all():
        return _dotted(los)
    masked = his == OPAQUE_HI
    masked &= los < len(opaque)
    rest = ~(v4 | masked)
    if v4.any():
        text = text.scatter(np.flatnonzero(v4), _dotted(los[v4]))
    if masked.any():
        text = text.scatter(np.flatnonzero(masked), opaque[los[masked].astype(np.int64)])
    if rest.any():
        text = text.scatter(np.flatnonzero(rest), _ipv6(his[rest], los[rest]))
    return text


def replaced(frame: pl.DataFrame, stems: Sequence[str], known: pl.DataFrame) -> pl.DataFrame:
    """The frame with other addresses. ``known``: ``hi, lo`` and, of what takes its place, ``to_hi, to_lo``.

    ``stems``: columns, as ``flows.ADDRESS_COLUMNS``.
    """
    for stem in stems:
        hi, lo = f"{stem}_hi", f"{stem}_lo"
        joined = frame.select(hi, lo).join(
            known, left_on=[hi, lo], right_on=["hi", "lo"], how="left", maintain_order="left"
        )
        frame = frame.with_columns(
            joined.select(
                pl.coalesce("to_hi", hi).alias(hi), pl.coalesce("to_lo", lo).alias(lo)
            ).get_columns()
        )
    return frame


def _ipv6(hi: _Words, lo: _Words) -> pl.Series:
    pairs, place = np.unique(np.stack([hi, lo], axis=1), axis=0, return_inverse=True)
    spelled = [socket.inet_ntop(socket.AF_INET6, pair.tobytes()) for pair in pairs.astype(">u8")]
    return pl.Series(spelled, dtype=pl.String)[place.reshape(-1)]


def _dotted(lo: _Words) -> pl.Series:
    if len(lo) <= _HANDFUL:
        return pl.Series([to_text(0, one) for one in lo.tolist()], dtype=pl.String)
    octets = pl.DataFrame(
        {str(shift): (lo >> np.uint64(shift) & np.uint64(255)).astype(np.uint8) for shift in (24, 16, 8, 0)}
    )
    return octets.select(pl.concat_str(pl.all().cast(pl.String), separator=".")).to_series()
