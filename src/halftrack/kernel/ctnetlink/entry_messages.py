"""ctnetlink messages about many entries, built by columns: one template, and what varies in it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence import uapi
from halftrack.kernel.netlink_messages import NLA_F_NESTED, NLMSG_HDRLEN, attribute, message

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

_ICMP: Final = {
    uapi.IPPROTO_ICMP: (
        uapi.CTA_PROTO_ICMP_ID,
        uapi.CTA_PROTO_ICMP_TYPE,
        uapi.CTA_PROTO_ICMP_CODE,
    ),
    uapi.IPPROTO_ICMPV6: (
        uapi.CTA_PROTO_ICMPV6_ID,
        uapi.CTA_PROTO_ICMPV6_TYPE,
        uapi.CTA_PROTO_ICMPV6_CODE,
    ),
}
_ICMP_COLUMNS: Final = (("icmp_id", ">u2"), ("type", "u1"), ("code", "u1"))
_PORTS: Final = (("sport", uapi.CTA_PROTO_SRC_PORT), ("dport", uapi.CTA_PROTO_DST_PORT))
_KEYS: Final = (("srckey", uapi.CTA_PROTO_SRC_PORT), ("dstkey", uapi.CTA_PROTO_DST_PORT))
_WAYS: Final = {uapi.CTA_TUPLE_ORIG: "orig", uapi.CTA_TUPLE_REPLY: "reply"}


class Template:
    """Bytes of one message about an entry of ``family``, and the columns that replace parts of them."""

    def __init__(self, family: int) -> None:
        self.family = family
        self._raw = bytearray(struct.pack("=BBH", family, 0, 0))
        self._columns: list[tuple[int, npt.NDArray[np.generic]]] = []

    def put(self, kind: int, value: bytes) -> None:
        """An attribute that is the same in all of them."""
        self._raw += attribute(kind, value)

    def put_raw(self, attributes: bytes) -> None:
        """Attributes that are the same in all of them, as they go over the wire."""
        self._raw += attributes

    def put_column(self, kind: int, values: npt.NDArray[np.generic], dtype: str) -> None:
        """One whose value is each entry's own; ``dtype`` as the kernel wants it: ``>u2``."""
        column = values.astype(dtype)
        self._columns.append((len(self._raw) + 4, column))
        self.put(kind, bytes(column.itemsize))

    def put_address(self, kind: int, hi: npt.NDArray[np.generic] | None, lo: npt.NDArray[np.generic]) -> None:
        """As the flow table holds it; ``hi`` None: of IPv4."""
        if hi is None:
            self.put_column(kind, lo.astype(np.uint32), ">u4")
            return
        at = len(self._raw) + 4
        self._columns += [(at, hi.astype(">u8")), (at + 8, lo.astype(">u8"))]
        self.put(kind, bytes(16))

    def open(self, kind: int) -> int:
        """Begin a nest; what it gives is for ``close``."""
        self._raw += struct.pack("=HH", 0, kind | NLA_F_NESTED)
        return len(self._raw) - 4

    def close(self, at: int) -> None:
        self._raw[at : at + 2] = struct.pack("=H", len(self._raw) - at)

    def filled(self, kind: int, flags: int, sequence: int, count: int) -> npt.NDArray[np.uint8]:
        """``count`` messages, one a row: all of one length, a multiple of four."""
        first = np.frombuffer(message(kind, flags, sequence, bytes(self._raw)), np.uint8)
        rows = np.tile(first, (count, 1))
        for at, values in self._columns:
            place = NLMSG_HDRLEN + at
            wide = values.reshape(-1, 1).view(np.uint8)
            rows[:, place : place + wide.shape[1]] = wide
        return rows


def put_tuple(template: Template, kind: int, rows: pl.DataFrame, l4proto: int, zone: int = 0) -> None:
    """One direction (``kind``: CTA_TUPLE_ORIG or _REPLY) of entries of one family and protocol.

    ``rows``: the flow table's columns of that direction. ``zone``: of this direction alone.
    """
    way = _WAYS[kind]
    v6 = template.family == uapi.AF_INET6
    whole = template.open(kind)
    ip = template.open(uapi.CTA_TUPLE_IP)
    for end, place in (
        ("src", uapi.CTA_IP_V6_SRC if v6 else uapi.CTA_IP_V4_SRC),
        ("dst", uapi.CTA_IP_V6_DST if v6 else uapi.CTA_IP_V4_DST),
    ):
        hi = rows[f"{way}_{end}_hi"].to_numpy() if v6 else None
        template.put_address(place, hi, rows[f"{way}_{end}_lo"].to_numpy())
    template.close(ip)
    proto = template.open(uapi.CTA_TUPLE_PROTO)
    template.put(uapi.CTA_PROTO_NUM, bytes([l4proto]))
    if l4proto in _ICMP:
        for (name, dtype), number in zip(_ICMP_COLUMNS, _ICMP[l4proto], strict=True):
            template.put_column(number, _numbers(rows, f"{way}_{name}"), dtype)
    elif l4proto in uapi.PORT_PROTOCOLS or l4proto == uapi.IPPROTO_GRE:
        for name, number in _KEYS if l4proto == uapi.IPPROTO_GRE else _PORTS:
            template.put_column(number, _numbers(rows, f"{way}_{name}"), ">u2")
    template.close(proto)
    if zone:
        template.put(uapi.CTA_TUPLE_ZONE, struct.pack(">H", zone))
    template.close(whole)


def _numbers(rows: pl.DataFrame, name: str) -> npt.NDArray[np.generic]:
    return rows[name].fill_null(0).to_numpy()
