"""Shapes of ctnetlink messages: where which column lies in a message of one attribute skeleton.

Messages of one table come in few shapes (IPv4 TCP, IPv6 UDP with a mark, …). A shape is learnt
from one message by walking its attributes; all others are then only compared with it.
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

_NESTS: Final = frozenset(
    {
        (uapi.CTA_TUPLE_ORIG,),
        (uapi.CTA_TUPLE_ORIG, uapi.CTA_TUPLE_IP),
        (uapi.CTA_TUPLE_ORIG, uapi.CTA_TUPLE_PROTO),
        (uapi.CTA_TUPLE_REPLY,),
        (uapi.CTA_TUPLE_REPLY, uapi.CTA_TUPLE_IP),
        (uapi.CTA_TUPLE_REPLY, uapi.CTA_TUPLE_PROTO),
        (uapi.CTA_PROTOINFO,),
        (uapi.CTA_PROTOINFO, uapi.CTA_PROTOINFO_TCP),
        (uapi.CTA_PROTOINFO, uapi.CTA_PROTOINFO_DCCP),
        (uapi.CTA_PROTOINFO, uapi.CTA_PROTOINFO_SCTP),
        (uapi.CTA_HELP,),
        (uapi.CTA_COUNTERS_ORIG,),
        (uapi.CTA_COUNTERS_REPLY,),
        (uapi.CTA_SECCTX,),
        (uapi.CTA_TIMESTAMP,),
    }
)
_PROTOCOL: Final = tuple(
    (nest, uapi.CTA_TUPLE_PROTO, uapi.CTA_PROTO_NUM) for nest in (uapi.CTA_TUPLE_ORIG, uapi.CTA_TUPLE_REPLY)
)


def _tuple_fields(nest: int, direction: str) -> dict[tuple[int, ...], tuple[str, str]]:
    ip, proto = (nest, uapi.CTA_TUPLE_IP), (nest, uapi.CTA_TUPLE_PROTO)
    return {
        (*ip, uapi.CTA_IP_V4_SRC): ("ipv4", f"{direction}_src"),
        (*ip, uapi.CTA_IP_V4_DST): ("ipv4", f"{direction}_dst"),
        (*ip, uapi.CTA_IP_V6_SRC): ("ipv6", f"{direction}_src"),
        (*ip, uapi.CTA_IP_V6_DST): ("ipv6", f"{direction}_dst"),
        (*proto, uapi.CTA_PROTO_SRC_PORT): ("be16", f"{direction}_sport"),
        (*proto, uapi.CTA_PROTO_DST_PORT): ("be16", f"{direction}_dport"),
        (*proto, uapi.CTA_PROTO_ICMP_ID): ("be16", f"{direction}_icmp_id"),
        (*proto, uapi.CTA_PROTO_ICMP_TYPE): ("u8", f"{direction}_type"),
        (*proto, uapi.CTA_PROTO_ICMP_CODE): ("u8", f"{direction}_code"),
        (*proto, uapi.CTA_PROTO_ICMPV6_ID): ("be16", f"{direction}_icmp_id"),
        (*proto, uapi.CTA_PROTO_ICMPV6_TYPE): ("u8", f"{direction}_type"),
        (*proto, uapi.CTA_PROTO_ICMPV6_CODE): ("u8", f"{direction}_code"),
        (nest, uapi.CTA_TUPLE_ZONE): ("be16", f"zone_{direction}"),
    }


_TCP: Final = (uapi.CTA_PROTOINFO, uapi.CTA_PROTOINFO_TCP)
_FIELDS: Final[dict[tuple[int, ...], tuple[str, str]]] = {
    **_tuple_fields(uapi.CTA_TUPLE_ORIG, "orig"),
    **_tuple_fields(uapi.CTA_TUPLE_REPLY, "reply"),
    (uapi.CTA_STATUS,): ("be32", "status"),
    (*_TCP, uapi.CTA_PROTOINFO_TCP_STATE): ("u8", "state"),
    (*_TCP, uapi.CTA_PROTOINFO_TCP_WSCALE_ORIGINAL): ("u8", "tcp_wscale_orig"),
    (*_TCP, uapi.CTA_PROTOINFO_TCP_WSCALE_REPLY): ("u8", "tcp_wscale_reply"),
    (*_TCP, uapi.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL): ("u8", "tcp_flags_orig"),
    (*_TCP, uapi.CTA_PROTOINFO_TCP_FLAGS_REPLY): ("u8", "tcp_flags_reply"),
    (uapi.CTA_PROTOINFO, uapi.CTA_PROTOINFO_DCCP, uapi.CTA_PROTOINFO_DCCP_STATE): ("u8", "state"),
    (uapi.CTA_PROTOINFO, uapi.CTA_PROTOINFO_SCTP, uapi.CTA_PROTOINFO_SCTP_STATE): ("u8", "state"),
    (uapi.CTA_HELP, uapi.CTA_HELP_NAME): ("text", "helper"),
    (uapi.CTA_TIMEOUT,): ("be32", "timeout"),
    (uapi.CTA_MARK,): ("be32", "mark"),
    (uapi.CTA_COUNTERS_ORIG, uapi.CTA_COUNTERS_PACKETS): ("be64", "orig_packets"),
    (uapi.CTA_COUNTERS_ORIG, uapi.CTA_COUNTERS_BYTES): ("be64", "orig_bytes"),
    (uapi.CTA_COUNTERS_REPLY, uapi.CTA_COUNTERS_PACKETS): ("be64", "reply_packets"),
    (uapi.CTA_COUNTERS_REPLY, uapi.CTA_COUNTERS_BYTES): ("be64", "reply_bytes"),
    (uapi.CTA_ID,): ("be32", "id"),
    (uapi.CTA_ZONE,): ("be16", "zone_both"),
    (uapi.CTA_SECCTX, uapi.CTA_SECCTX_NAME): ("text", "secctx"),
    (uapi.CTA_TIMESTAMP, uapi.CTA_TIMESTAMP_START): ("be64", "start_ns"),
    (uapi.CTA_LABELS,): ("bits", "labels"),
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
            elif here in _PROTOCOL and length == 5:
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
