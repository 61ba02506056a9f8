"""ctnetlink messages that name many entries by their original tuples, to ask for them or change them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.kernel.entry_messages import Template, put_tuple
from halftrack.kernel.netlink_messages import NLM_F_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

_LENGTH: Final = struct.Struct("=I")
_GROUPS: Final = ("family", "l4proto", "zone", "zone_dir")


def of(tuples: pl.DataFrame, kind: int, sequence: int, more: bytes = b"") -> Iterator[bytes]:
    """Messages of one type, all of a length, for the entries with these original tuples.

    ``more``: attributes that each of them ends in.
    """
    for rows in tuples.partition_by(list(_GROUPS), maintain_order=True):
        family, l4proto, zone, zone_dir = rows.select(_GROUPS).row(0)
        template = Template(family)
        here = zone if zone_dir == uapi.NF_CT_ZONE_DIR_ORIG else 0
        put_tuple(template, uapi.CTA_TUPLE_ORIG, rows, l4proto, here)
        if zone and zone_dir == uapi.NF_CT_DEFAULT_ZONE_DIR:
            template.put(uapi.CTA_ZONE, struct.pack(">H", zone))
        template.put_raw(more)
        yield template.filled(kind, NLM_F_REQUEST, sequence, rows.height).tobytes()


def width(raw: bytes) -> int:
    """Bytes of each message."""
    length: int = _LENGTH.unpack_from(raw)[0]
    return length
