"""Shapes of ctnetlink messages: where which column lies in a message of one attribute skeleton.

Messages of one table come in few shapes (IPv4 TCP, IPv6 UDP with a mark, …). A shape is learnt
from one message by walking its attributes; all others are then only compared with it.
Attribute numbers: include/uapi/linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence import uapi
from halftrack.kernel.netlink_messages import NLA_TYPE_MASK, NLMSG_HDRLEN

if TYPE_CHECKING:
    import numpy.typing as npt

NFGENMSG_LEN: Final = 4
_ATTRIBUTES: Final = NLMSG_HDRLEN + NFGENMSG_LEN

_NESTS: Final[dict[tuple[int, ...], str]] = {
    (1,): "CTA_TUPLE_ORIG",
    (1, 1): "CTA_TUPLE_IP",
    (1, 2): "CTA_TUPLE_PROTO",
    (2,): "CTA_TUPLE_REPLY",
    (2, 1): "CTA_TUPLE_IP",
    (2, 2): "CTA_TUPLE_PROTO",
    (4,): "CTA_PROTOINFO",
    (4, 1): "CTA_PROTOINFO_TCP",
    (4, 2): "CTA_PROTOINFO_DCCP",
    (4, 3): "CTA_PROTOINFO_SCTP",
    (5,): "CTA_HELP",
    (9,): "CTA_COUNTERS_ORIG",
    (10,): "CTA_COUNTERS_REPLY",
    (19,): "CTA_SECCTX",
    (20,): "CTA_TIMESTAMP",
}


def _tuple_fields(nest: int, direction: str) -> dict[tuple[int, ...], tuple[str, str]]:
    return {
        (nest, 1, 1): ("ipv4", f"{direction}_src"),
        (nest, 1, 2): ("ipv4", f"{direction}_dst"),
        (nest, 1, 3): ("ipv6", f"{direction}_src"),
        (nest, 1, 4): ("ipv6", f"{direction}_dst"),
        (nest, 2, 2): ("be16", f"{direction}_sport"),
        (nest, 2, 3): ("be16", f"{direction}_dport"),
        **{(nest, 2, kind): ("be16", f"{direction}_icmp_id") for kind in (4, 7)},
        **{(nest, 2, kind): ("u8", f"{direction}_type") for kind in (5, 8)},
        **{(nest, 2, kind): ("u8", f"{direction}_code") for kind in (6, 9)},
        (nest, 3): ("be16", f"zone_{direction}"),
    }


_FIELDS: Final[dict[tuple[int, ...], tuple[str, str]]] = {
    **_tuple_fields(1, "orig"),
    **_tuple_fields(2, "reply"),
    (3,): ("be32", "status"),
    **{(4, kind, 1): ("u8", "state") for kind in (1, 2, 3)},
    (4, 1, 2): ("u8", "tcp_wscale_orig"),
    (4, 1, 3): ("u8", "tcp_wscale_reply"),
    (4, 1, 4): ("u8", "tcp_flags_orig"),
    (4, 1, 5): ("u8", "tcp_flags_reply"),
    (5, 1): ("text", "helper"),
    (7,): ("be32", "timeout"),
    (8,): ("be32", "mark"),
    (9, 1): ("be64", "orig_packets"),
    (9, 2): ("be64", "orig_bytes"),
    (10, 1): ("be64", "reply_packets"),
    (10, 2): ("be64", "reply_bytes"),
    (12,): ("be32", "id"),
    (18,): ("be16", "zone_both"),
    (19, 1): ("text", "secctx"),
    (20, 1): ("be64", "start_ns"),
    (22,): ("bits", "labels"),
}
_WIDTHS: Final = {"u8": 1, "be16": 2, "be32": 4, "be64": 8, "ipv4": 4, "ipv6": 16}
_PORTS: Final = tuple(f"{way}_{end}port" for way in ("orig", "reply") for end in ("s", "d"))
_ICMP: Final = tuple(f"{way}_{name}" for way in ("orig", "reply") for name in ("icmp_id", "type", "code"))
_GRE_KEYS: Final = {
    f"{direction}_{end}port": f"{direction}_{name}key"
    for direction in ("orig", "reply")
    for end, name in (("s", "src"), ("d", "dst"))
}


class Broken(ValueError):
    """A message whose attributes do not fit together."""


@dataclass(frozen=True, slots=True)
class Field:
    kind: str
    column: str
    word: int  # offset from the message's start, in 32-bit words
    length: int  # bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """``mask`` selects the bits that all messages of the shape share with ``template`` (words)."""

    template: npt.NDArray[np.uint32]
    mask: npt.NDArray[np.uint32]
    family: int
    l4proto: int
    fields: tuple[Field, ...]


def learn(raw: bytes) -> Shape:
    """The shape of one message. Raises Broken where its lengths contradict each other."""
    if len(raw) < _ATTRIBUTES or len(raw) % 4:
        raise Broken
    mask, protocols, fields = _walk(raw)
    if len(protocols) != 2 or protocols[0] != protocols[1]:
        raise Broken
    if not {"orig_src", "orig_dst", "reply_src", "reply_dst"} <= {field.column for field in fields}:
        raise Broken
    fields = _of_protocol(fields, protocols[0])
    words = np.frombuffer(raw, dtype="<u4")
    mask_words = np.frombuffer(bytes(mask), dtype="<u4")
    return Shape(words & mask_words, mask_words, raw[NLMSG_HDRLEN], protocols[0], tuple(fields))


def _of_protocol(fields: list[Field], l4proto: int) -> list[Field]:
    """The columns that this protocol's tuple really has; GRE sends its keys as ports."""
    if l4proto == uapi.IPPROTO_GRE:
        return [
            Field(field.kind, _GRE_KEYS.get(field.column, field.column), field.word, field.length)
            for field in fields
        ]
    strange = () if l4proto in uapi.PORT_PROTOCOLS else _PORTS
    strange += () if l4proto in uapi.ICMP_PROTOCOLS else _ICMP
    return [field for field in fields if field.column not in strange]


def _walk(raw: bytes) -> tuple[bytearray, list[int], list[Field]]:
    """All attributes at all levels: the bits that make the shape, the protocols, the columns."""
    mask = bytearray(len(raw))
    mask[NLMSG_HDRLEN] = 0xFF  # the family
    fields: list[Field] = []
    protocols: list[int] = []
    pending: list[tuple[tuple[int, ...], int, int]] = [((), _ATTRIBUTES, len(raw))]
    while pending:
        path, at, end = pending.pop()
        while at < end:
            length = int.from_bytes(raw[at : at + 2], "little")
            if length < 4 or at + length > end:
                raise Broken
            mask[at : at + 4] = b"\xff\xff\xff\xff"
            kind = int.from_bytes(raw[at + 2 : at + 4], "little") & NLA_TYPE_MASK
            here = (*path, kind)
            if here in _NESTS:
                pending.append((here, at + 4, at + length))
            elif here in ((1, 2, 1), (2, 2, 1)) and length == 5:
                # The protocol belongs to the shape: the same attributes are ports here, GRE keys there.
                mask[at + 4] = 0xFF
                protocols.append(raw[at + 4])
            elif here in _FIELDS:
                form, column = _FIELDS[here]
                if _WIDTHS.get(form, length - 4) > length - 4:
                    raise Broken
                if length > 4:  # an empty text says nothing
                    fields.append(Field(form, column, (at + 4) // 4, length - 4))
            at += (length + 3) & ~3
    return mask, protocols, fields
