"""Netlink messages and their attributes, written and read (include/uapi/linux/netlink.h)."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Iterator

NLM_F_REQUEST: Final = 0x001
NLM_F_ACK: Final = 0x004
NLM_F_EXCL: Final = 0x200
NLM_F_CREATE: Final = 0x400
NLM_F_DUMP: Final = 0x300
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLMSG_HDRLEN: Final = 16
NLA_F_NESTED: Final = 0x8000
NLA_TYPE_MASK: Final = 0x3FFF
CT_NEW: Final = uapi.NFNL_SUBSYS_CTNETLINK << 8 | uapi.IPCTNL_MSG_CT_NEW
"""Without NLM_F_CREATE it changes the entry that is there and makes none."""
CT_GET: Final = uapi.NFNL_SUBSYS_CTNETLINK << 8 | uapi.IPCTNL_MSG_CT_GET
CT_DELETE: Final = uapi.NFNL_SUBSYS_CTNETLINK << 8 | uapi.IPCTNL_MSG_CT_DELETE

_U32: Final = struct.Struct("=I")
_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_CODE: Final = struct.Struct("=i")
SHORTEST_END: Final = NLMSG_HDRLEN + _CODE.size
"""Bytes of the message that ends a dump: a header and an error code."""


class Header(NamedTuple):
    """``at``: where in the datagram its message starts; ``length``: of the message, in bytes, unpadded."""

    at: int
    length: int
    kind: int
    sequence: int

    @property
    def next(self) -> int:
        """Where the next message starts."""
        return self.at + (self.length + 3 & ~3)


def sequence() -> int:
    """A number for a request. So large and random that it hardly stands anywhere else in the answer."""
    return random.getrandbits(31) | 1 << 30


def message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    """One message, header and all."""
    return _HEADER.pack(NLMSG_HDRLEN + len(payload), kind, flags, sequence, 0) + payload


def dump_request(kind: int, sequence: int, payload: bytes) -> bytes:
    """The message that asks for all objects of a kind."""
    return message(kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, payload)


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(payload), kind) + payload + bytes(-len(payload) % 4)


def headers(data: bytes) -> Iterator[Header]:
    """The messages of one or more datagrams, until the end or a length that makes no sense."""
    at = 0
    while at + NLMSG_HDRLEN <= len(data):
        length, kind, _, number, _ = _HEADER.unpack_from(data, at)
        if length < NLMSG_HDRLEN or at + length > len(data):
            return
        header = Header(at, length, kind, number)
        yield header
        at = header.next


def messages(data: bytes, sequence: int) -> Iterator[tuple[int, bytes]]:
    """``(type, payload)`` of each message that answers ``sequence``."""
    for header in headers(data):
        if header.sequence == sequence:
            yield header.kind, data[header.at + NLMSG_HDRLEN : header.at + header.length]


def attributes(data: bytes) -> dict[int, bytes]:
    """Payloads by type, of two with one type the last; what is behind a senseless length is left out."""
    return dict(walked(data))


def walked(data: bytes) -> Iterator[tuple[int, bytes]]:
    """``(type, payload)`` of each attribute, for lists whose elements share a type."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        yield kind & NLA_TYPE_MASK, data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3


def whole(raw: bytes, form: struct.Struct = _U32) -> int | None:
    """The number that begins an attribute; None where it is too short for one."""
    return int(form.unpack_from(raw)[0]) if len(raw) >= form.size else None


def error_code(payload: bytes) -> int:
    """The errno in a message that ends a dump; 0: all went well."""
    return -_CODE.unpack_from(payload)[0] if len(payload) >= _CODE.size else 0


def ended(datagram: bytes | memoryview, sequence: int) -> int | None:
    """The errno (0: none) with which a dump ended in this datagram; None where more will come.

    Looked for where the kernel puts it: an error is the first message of its datagram, the end is
    the last one.
    """
    for at, kinds in ((0, (NLMSG_ERROR, NLMSG_DONE)), (len(datagram) - SHORTEST_END, (NLMSG_DONE,))):
        if at < 0 or at + SHORTEST_END > len(datagram):
            continue
        _, kind, _, number, _ = _HEADER.unpack_from(datagram, at)
        if number == sequence and kind in kinds:
            return error_code(bytes(datagram[at + NLMSG_HDRLEN : at + SHORTEST_END]))
    return None
