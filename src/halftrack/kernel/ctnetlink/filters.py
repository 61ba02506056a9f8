"""Asking the kernel for a part of the table only.

Kernels differ in what they understand, and ignore in silence what they do not: callers filter the
frame again. A kernel that refuses a filter is asked again without one (see ``ctnetlink``). To be used in
dump requests; ``compare_delete`` alone deletes by them, where it is sure that they are understood.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.kernel.netlink_messages import NLA_F_NESTED, attribute

if TYPE_CHECKING:
    from halftrack.evidence.selection import Selection


# Which parts of the tuple count: net/netfilter/nf_internals.h, CTA_FILTER_F_*.
_F_IP_SRC: Final = 1 << 0
_F_IP_DST: Final = 1 << 1
_F_PROTO_NUM: Final = 1 << 3
_F_SRC_PORT: Final = 1 << 4
_F_DST_PORT: Final = 1 << 5


def attributes(selection: Selection) -> tuple[int, bytes]:
    """``(nfgen_family, attributes)`` of a dump request. A family of 0 asks for all of them.

    Family and mark: always honoured. Status: since 5.15. Tuple: since 5.8, with a family only.
    Zone: since 6.8.
    """
    parts: list[bytes] = []
    if selection.status_mask:
        # A value of 0 is only taken together with a mask; a mask alone is refused. Bits of the value
        # outside its mask match nothing (ctnetlink_filter_match), so they are left out, here and below.
        status = selection.status & selection.status_mask
        parts.append(attribute(uapi.CTA_STATUS, struct.pack(">I", status)))
        parts.append(attribute(uapi.CTA_STATUS_MASK, struct.pack(">I", selection.status_mask)))
    if selection.mark_mask:
        parts.append(attribute(uapi.CTA_MARK, struct.pack(">I", selection.mark & selection.mark_mask)))
        parts.append(attribute(uapi.CTA_MARK_MASK, struct.pack(">I", selection.mark_mask)))
    if selection.zone is not None:
        parts.append(attribute(uapi.CTA_ZONE, struct.pack(">H", selection.zone)))
    if selection.family in (uapi.AF_INET, uapi.AF_INET6):
        parts.append(_tuple(selection))
    return selection.family or 0, b"".join(parts)


def _tuple(selection: Selection) -> bytes:
    flags = 0
    address = b""
    for pair, flag, kind in (
        (selection.orig_src, _F_IP_SRC, uapi.CTA_IP_V4_SRC),
        (selection.orig_dst, _F_IP_DST, uapi.CTA_IP_V4_DST),
    ):
        # Not for IPv6: there 6.18 compares the wrong way round and hides just what is asked for.
        if pair is not None and selection.family == uapi.AF_INET:
            flags |= flag
            address += attribute(kind, struct.pack(">Q", pair[1])[4:])
    proto = b""
    if selection.l4proto is not None:
        flags |= _F_PROTO_NUM
        proto += attribute(uapi.CTA_PROTO_NUM, bytes([selection.l4proto]))
        # A port counts only with its protocol.
        for port, flag, kind in (
            (selection.orig_sport, _F_SRC_PORT, uapi.CTA_PROTO_SRC_PORT),
            (selection.orig_dport, _F_DST_PORT, uapi.CTA_PROTO_DST_PORT),
        ):
            if port is not None and selection.l4proto in uapi.PORT_PROTOCOLS:
                flags |= flag
                proto += attribute(kind, struct.pack(">H", port))
    if not flags:
        return b""
    nests = ((uapi.CTA_TUPLE_IP, address), (uapi.CTA_TUPLE_PROTO, proto))
    ends = b"".join(attribute(kind | NLA_F_NESTED, part) for kind, part in nests if part)
    # The flags are the one number here in the machine's own order (ctnetlink_parse_filter).
    compared = attribute(uapi.CTA_FILTER_ORIG_FLAGS, struct.pack("=I", flags))
    return attribute(uapi.CTA_FILTER | NLA_F_NESTED, compared) + attribute(
        uapi.CTA_TUPLE_ORIG | NLA_F_NESTED, ends
    )
