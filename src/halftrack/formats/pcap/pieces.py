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
    from collections.abc import Iterator

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
    pieces = chosen(fates == FRAGMENT)
    for row, fragment in zip(pieces.tolist(), _fragments(found, captured, pieces), strict=True):
        whole = pending.add(fragment)
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


def _fragments(found: Datagrams, captured: Captured, rows: Places) -> Iterator[Fragment]:
    data = found.fields.data
    lying = (found.at, found.transport, found.stop, found.end, found.names)
    columns = (*lying, found.family, captured.interface, captured.at_ns)
    for at, transport, stop, end, names, family, interface, at_ns in zip(
        *(column[rows].tolist() for column in columns), strict=True
    ):
        if family == AF_INET:
            told = data[at + 6] << 8 | data[at + 7]
            yield Fragment(
                key=(interface, data[at + 4 : at + 6], data[at + 9], data[at + 12 : at + 20]),
                family=family,
                at_ns=at_ns,
                offset=(told & 0x1FFF) * 8,
                length=stop - transport,
                more=bool(told & 0x2000),
                head=data[at:transport],
                names=0,
                kind=0,
                body=data[transport : min(end, transport + KEPT)],
            )
            continue
        told = data[transport + 2] << 8 | data[transport + 3]
        behind = transport + _HEADER
        yield Fragment(
            key=(interface, data[transport + 4 : transport + 8], data[at + 8 : at + 40]),
            family=family,
            at_ns=at_ns,
            offset=told & 0xFFF8,
            length=stop - behind,
            more=bool(told & 1),
            head=data[at:transport],
            names=names - at,
            kind=data[transport],
            body=data[behind : min(end, behind + KEPT)],
        )
