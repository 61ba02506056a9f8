"""An end of a flow as the tracker is told it: one hashable value for an address with its port.

IPv4: a number, the address and behind it sixteen bits of port. IPv6: eighteen bytes, likewise. Numbers are
made and compared several times faster, and most captures hold little else. Protocols without ports: port 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import polars as pl

from halftrack.evidence import addresses, literals, uapi

if TYPE_CHECKING:
    from collections.abc import Sequence

End: TypeAlias = int | bytes

_WIDE: Final = np.dtype([("hi", ">u8"), ("lo", ">u8"), ("port", ">u2")])
_PORT_BITS: Final = 16
_ADDRESS: Final = 0xFFFF_FFFF


def of(frame: pl.DataFrame, stem: str, port: str) -> list[End]:
    """The ends of packets: ``stem`` is ``src`` or ``dst``, ``port`` the column of its port."""
    low = frame[f"{stem}_lo"].to_numpy()
    ports = frame[port].fill_null(0).to_numpy().astype(np.uint64)
    narrow: list[End] = ((low & np.uint64(_ADDRESS)) << np.uint64(_PORT_BITS) | ports).tolist()
    six = np.flatnonzero((frame["family"] == uapi.AF_INET6).to_numpy())
    if six.size:
        wide = np.empty(six.size, dtype=_WIDE)
        wide["hi"] = frame[f"{stem}_hi"].to_numpy()[six]
        wide["lo"] = low[six]
        wide["port"] = ports[six]
        for at, end in zip(six.tolist(), wide.view(f"V{_WIDE.itemsize}").tolist(), strict=True):
            narrow[at] = end
    return narrow


def end(address: tuple[int, int], port: int) -> End:
    """One end. ``address``: as ``addresses.parse`` gives it."""
    hi, lo = address
    if hi == 0 and lo >> 32 == addresses.V4_MAPPED >> 32:
        return (lo & _ADDRESS) << _PORT_BITS | port
    return hi.to_bytes(8, "big") + lo.to_bytes(8, "big") + port.to_bytes(2, "big")


def parts(one: End) -> tuple[tuple[int, int], int]:
    """The address (hi, lo) and the port of an end."""
    if isinstance(one, int):
        return (0, addresses.V4_MAPPED | one >> _PORT_BITS), one & 0xFFFF
    return (int.from_bytes(one[:8], "big"), int.from_bytes(one[8:16], "big")), int.from_bytes(one[16:], "big")


def text(one: End, *, port: bool = True) -> str:
    """``192.0.2.1:80``, ``[2001:db8::1]:80``; without port, the address alone."""
    address, number = parts(one)
    shown = addresses.to_text(*address)
    if not port:
        return shown
    return literals.end(shown, number)


def columns(ends: Sequence[End], stem: str, port: str) -> dict[str, pl.Series]:
    """Ends as the flow table's columns: ``{stem}_hi``, ``{stem}_lo`` and, as ``port``, UInt16."""
    wide = np.zeros(len(ends), dtype=_WIDE)
    narrow = np.array([one if isinstance(one, int) else 0 for one in ends], dtype=np.uint64)
    wide["lo"] = np.uint64(addresses.V4_MAPPED) | narrow >> np.uint64(_PORT_BITS)
    wide["port"] = narrow & np.uint64(0xFFFF)
    six = [at for at, one in enumerate(ends) if isinstance(one, bytes)]
    if six:
        joined = b"".join(one for one in ends if isinstance(one, bytes))
        wide[np.array(six)] = np.frombuffer(joined, dtype=_WIDE)
    return {
        f"{stem}_hi": pl.Series(wide["hi"].astype(np.uint64)),
        f"{stem}_lo": pl.Series(wide["lo"].astype(np.uint64)),
        port: pl.Series(wide["port"].astype(np.uint16)),
    }
