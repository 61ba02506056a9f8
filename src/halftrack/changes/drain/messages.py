"""ctnetlink messages about many entries, built by columns: one template, and what varies in it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence import uapi
from halftrack.kernel.netlink_messages import NLA_F_NESTED, NLM_F_REQUEST, NLMSG_HDRLEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import polars as pl

_LENGTH: Final = struct.Struct("=I")
_GROUPS: Final = ("family", "l4proto", "zone", "zone_dir")
_PORTS: Final = (("orig_sport", uapi.CTA_PROTO_SRC_PORT), ("orig_dport", uapi.CTA_PROTO_DST_PORT))
_KEYS: Final = (("orig_srckey", uapi.CTA_PROTO_SRC_PORT), ("orig_dstkey", uapi.CTA_PROTO_DST_PORT))
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
_ICMP_COLUMNS: Final = (("orig_icmp_id", ">u2"), ("orig_type", "u1"), ("orig_code", "u1"))


class _Template:
    """Bytes of one message, and the columns that replace parts of them."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.rows = rows
        self.raw = bytearray()
        self.columns: list[tuple[int, npt.NDArray[np.generic]]] = []

    def put(self, kind: int, value: bytes) -> None:
        self.raw += struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

    def put_column(self, kind: int, name: str, dtype: str) -> None:
        values = self.rows[name].fill_null(0).to_numpy().astype(dtype)
        self.columns.append((len(self.raw) + 4, values))
        self.put(kind, bytes(values.itemsize))

    def put_address(self, kind: int, end: str, *, v6: bool) -> None:
        lo = self.rows[f"{end}_lo"].to_numpy()
        if not v6:
            self.columns.append((len(self.raw) + 4, lo.astype(np.uint32).astype(">u4")))
            self.put(kind, bytes(4))
            return
        self.columns.append((len(self.raw) + 4, self.rows[f"{end}_hi"].to_numpy().astype(">u8")))
        self.columns.append((len(self.raw) + 12, lo.astype(">u8")))
        self.put(kind, bytes(16))

    def open(self, kind: int) -> int:
        self.raw += struct.pack("=HH", 0, kind | NLA_F_NESTED)
        return len(self.raw) - 4

    def close(self, at: int) -> None:
        self.raw[at : at + 2] = struct.pack("=H", len(self.raw) - at)


def of(tuples: pl.DataFrame, kind: int, sequence: int, more: bytes = b"") -> Iterator[bytes]:
    """Messages of one type, all of a length, for the entries with these original tuples.

    ``more``: attributes that each of them ends in.
    """
    for rows in tuples.partition_by(list(_GROUPS), maintain_order=True):
        family, l4proto, zone, zone_dir = rows.select(_GROUPS).row(0)
        template = _Template(rows)
        template.raw += struct.pack("=BBH", family, 0, 0)
        _put_tuple(template, family, l4proto, zone if zone_dir == uapi.NF_CT_ZONE_DIR_ORIG else 0)
        if zone and zone_dir == uapi.NF_CT_DEFAULT_ZONE_DIR:
            template.put(uapi.CTA_ZONE, struct.pack(">H", zone))
        template.raw += more
        head = struct.pack("=IHHII", NLMSG_HDRLEN + len(template.raw), kind, NLM_F_REQUEST, sequence, 0)
        raw = np.tile(np.frombuffer(head + bytes(template.raw), np.uint8), (rows.height, 1))
        for at, values in template.columns:
            place = NLMSG_HDRLEN + at
            wide = values.reshape(-1, 1).view(np.uint8)
            raw[:, place : place + wide.shape[1]] = wide
        yield raw.tobytes()


def width(raw: bytes) -> int:
    """Bytes of each message."""
    length: int = _LENGTH.unpack_from(raw)[0]
    return length


def _put_tuple(template: _Template, family: int, l4proto: int, zone: int) -> None:
    v6 = family == uapi.AF_INET6
    whole = template.open(uapi.CTA_TUPLE_ORIG)
    ip = template.open(uapi.CTA_TUPLE_IP)
    template.put_address(uapi.CTA_IP_V6_SRC if v6 else uapi.CTA_IP_V4_SRC, "orig_src", v6=v6)
    template.put_address(uapi.CTA_IP_V6_DST if v6 else uapi.CTA_IP_V4_DST, "orig_dst", v6=v6)
    template.close(ip)
    proto = template.open(uapi.CTA_TUPLE_PROTO)
    template.put(uapi.CTA_PROTO_NUM, bytes([l4proto]))
    if l4proto in _ICMP:
        for (name, dtype), kind in zip(_ICMP_COLUMNS, _ICMP[l4proto], strict=True):
            template.put_column(kind, name, dtype)
    elif l4proto in uapi.PORT_PROTOCOLS or l4proto == uapi.IPPROTO_GRE:
        for name, kind in _KEYS if l4proto == uapi.IPPROTO_GRE else _PORTS:
            template.put_column(kind, name, ">u2")
    template.close(proto)
    if zone:
        template.put(uapi.CTA_TUPLE_ZONE, struct.pack(">H", zone))
    template.close(whole)
