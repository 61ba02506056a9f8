"""Headers that were read as a frame of the packet schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence import packets
from halftrack.evidence.uapi import AF_INET
from halftrack.formats.pcap import network, transport
from halftrack.formats.pcap.fates import FRAGMENT, GOOD
from halftrack.formats.pcap.fields import Flags, Places, chosen
from halftrack.formats.pcap.links import IPV4, IPV6

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.evidence.packets import Tally
    from halftrack.formats.pcap.fates import Fates
    from halftrack.formats.pcap.network import Datagrams
    from halftrack.formats.pcap.transport import Ends, Transports

_ADDRESSES: Final = ("src_hi", "src_lo", "dst_hi", "dst_lo")
_TIMESTAMP_ONLY: Final = b"\x01\x01\x08\x0a" + bytes(8)
_QUOTE_AT: Final = 8
_OFFSET: Final = 0x1FFF


@dataclass(frozen=True, slots=True)
class Captured:
    """What the capture says of packets, one item each: see the packet schema; -1 for what it does not."""

    number: Places
    at_ns: Places
    interface: Places
    outgoing: Places

    def pick(self, rows: Places) -> Captured:
        return Captured(self.number[rows], self.at_ns[rows], self.interface[rows], self.outgoing[rows])


def frame(found: Datagrams, captured: Captured, fates: Fates, tally: Tally) -> pl.DataFrame:
    """Rows for those whose fate is good when their transports have been read."""
    headers = transport.enter(found, fates)
    rows = chosen(fates == GOOD)
    own = _Columns(rows)
    own.put("number", captured.number)
    own.put("at_ns", captured.at_ns)
    own.put("interface", captured.interface, captured.interface >= 0)
    own.put("outgoing", captured.outgoing == 1, captured.outgoing >= 0)
    own.put("family", found.family)
    own.put("l4proto", found.l4proto)
    for name in _ADDRESSES:
        own.put(name, getattr(found, name))
    own.put("ip_id", found.ip_id, found.family == AF_INET)
    own.put("size", found.size)
    own.put("length", headers.length)
    own.put("broken", headers.broken)
    _put_ends(own, headers.ends)
    for name in ("flags", "seq", "ack", "window"):
        own.put(name, getattr(headers, name), headers.tcp)
    own.columns["options"] = _options(found, headers, rows)
    tally.options_cut += int(np.count_nonzero(headers.missing[rows]))
    tally.rows += len(rows)
    return packets.frame({**own.columns, **_quoted(found, headers, rows)})


class _Columns:
    """Series of some packets, ``rows``, out of arrays of all."""

    def __init__(self, rows: Places, prefix: str = "") -> None:
        self._rows = rows
        self._prefix = prefix
        self.columns: dict[str, pl.Series] = {}

    def put(self, name: str, values: npt.NDArray[np.generic], where: Flags | None = None) -> None:
        """Add a column, null where ``where`` does not hold; none at all where that is everywhere."""
        kept = None if where is None else where[self._rows]
        if kept is not None and not kept.any():
            return
        series = pl.Series(values[self._rows]).cast(packets.SCHEMA[self._prefix + name], strict=False)
        if kept is not None and not kept.all():
            series = series.set(pl.Series(~kept), None)
        self.columns[self._prefix + name] = series


def _put_ends(columns: _Columns, ends: Ends) -> None:
    columns.put("sport", ends.sport, ends.with_ports)
    columns.put("dport", ends.dport, ends.with_ports)
    columns.put("type", ends.type, ends.with_type)
    columns.put("code", ends.code, ends.with_type)
    columns.put("icmp_id", ends.icmp_id, ends.with_type)


def _options(found: Datagrams, headers: Transports, rows: Places) -> pl.Series:
    """Options of TCP; one object for each that holds more than a timestamp."""
    tcp, alone = headers.tcp[rows], headers.alone[rows]
    which = np.where(alone, 1, 0)
    odd = chosen(tcp & ~alone & (headers.options[rows] > 0))
    which[odd] = np.arange(2, 2 + len(odd))
    at, length = headers.options_at[rows[odd]].tolist(), headers.options[rows[odd]].tolist()
    data = found.fields.data
    values = [data[start : start + size] for start, size in zip(at, length, strict=True)]
    places = pl.Series(which)
    if not tcp.all():
        places = places.set(pl.Series(~tcp), None)
    return pl.Series([b"", _TIMESTAMP_ONLY, *values], dtype=pl.Binary).gather(places)


def _quoted(found: Datagrams, headers: Transports, rows: Places) -> dict[str, pl.Series]:
    """Columns of the packets that ICMP errors quote, where as much of these is there as names a flow."""
    errors = rows[np.isin(rows, transport.quoting(found, headers.ends))]
    if not len(errors):
        return {}
    fates = np.zeros(len(errors), dtype=np.int8)
    at = found.transport[errors] + _QUOTE_AT
    protocol = np.where(found.family[errors] == AF_INET, IPV4, IPV6)
    inner = network.enter(
        found.fields,
        np.minimum(at, found.end[errors]),
        found.end[errors],
        found.stop[errors],
        protocol=protocol,
        fates=fates,
    )
    old_first = (fates == FRAGMENT) & (protocol == IPV4)
    old_first &= (found.fields.u16(inner.at + 6) & _OFFSET) == 0
    good = (fates == GOOD) | old_first
    ends = transport.ends(inner, good)
    good &= ends.with_ports | ends.with_type | ~transport.has_ends(inner.l4proto)
    quoted = _Columns(chosen(good), packets.QUOTED)
    quoted.put("l4proto", inner.l4proto)
    for name in _ADDRESSES:
        quoted.put(name, getattr(inner, name))
    _put_ends(quoted, ends)
    place = np.zeros(len(rows), dtype=np.int64)
    quoting = np.searchsorted(rows, errors[good])
    place[quoting] = np.arange(len(quoting))
    places = pl.Series(place).set(pl.Series(~np.isin(np.arange(len(rows)), quoting)), None)
    return {name: series.gather(places) for name, series in quoted.columns.items()}
