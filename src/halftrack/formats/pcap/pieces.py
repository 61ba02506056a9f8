"""Fragments of a block, one by one, and the datagrams that they make whole as a block of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence.uapi import AF_INET
from halftrack.formats.pcap.fates import FRAGMENT
from halftrack.formats.pcap.fields import PAD, Fields, Places, chosen
from halftrack.formats.pcap.fragments import KEPT, Fragment

if TYPE_CHECKING:
    from halftrack.formats.pcap.columns import Captured
    from halftrack.formats.pcap.fates import Fates
    from halftrack.formats.pcap.fragments import Reassembly
    from halftrack.formats.pcap.network import Datagrams

_HEADER: Final = 8
"""Bytes of IPv6's fragment header."""


@dataclass(frozen=True, slots=True)
class Wholes:
    """Datagrams in ``fields``: from ``start`` up to ``end`` as captured, ``size`` bytes on the wire.

    ``rows``: the packets of the block that made them whole.
    """

    fields: Fields
    start: Places
    end: Places
    size: Places
    rows: Places


def reassemble(found: Datagrams, captured: Captured, fates: Fates, pending: Reassembly) -> Wholes | None:
    """Hand a block's fragments on; the datagrams that are whole now, None where there are none."""
    packets, sizes, rows = [], [], []
    for row in chosen(fates == FRAGMENT).tolist():
        whole = pending.add(_fragment(found, row, int(captured.at_ns[row]), int(captured.interface[row])))
        if whole is not None:
            packets.append(whole.packet)
            sizes.append(whole.size)
            rows.append(row)
    if not packets:
        return None
    lengths = np.array([len(packet) for packet in packets], dtype=np.int64)
    end = np.cumsum(lengths)
    data = b"".join([*packets, PAD])
    return Wholes(Fields(data), end - lengths, end, np.array(sizes, dtype=np.int64), np.array(rows))


def _fragment(found: Datagrams, row: int, at_ns: int, interface: int) -> Fragment:
    data = found.fields.data
    at, transport, stop, end = (
        int(column[row]) for column in (found.at, found.transport, found.stop, found.end)
    )
    if found.family[row] == AF_INET:
        told = int.from_bytes(data[at + 6 : at + 8], "big")
        return Fragment(
            key=(interface, data[at + 4 : at + 6], data[at + 9], data[at + 12 : at + 20]),
            family=AF_INET,
            at_ns=at_ns,
            offset=(told & 0x1FFF) * 8,
            length=stop - transport,
            more=bool(told & 0x2000),
            head=data[at:transport],
            names=0,
            kind=0,
            body=data[transport : min(end, transport + KEPT)],
        )
    told = int.from_bytes(data[transport + 2 : transport + 4], "big")
    behind = transport + _HEADER
    return Fragment(
        key=(interface, data[transport + 4 : transport + 8], data[at + 8 : at + 40]),
        family=int(found.family[row]),
        at_ns=at_ns,
        offset=told & 0xFFF8,
        length=stop - behind,
        more=bool(told & 1),
        head=data[at:transport],
        names=int(found.names[row]) - at,
        kind=data[transport],
        body=data[behind : min(end, behind + KEPT)],
    )
