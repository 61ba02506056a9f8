"""Reading entries again and changing them."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.flows import SCHEMA, TUPLE_COLUMNS
from halftrack.kernel import ctnetlink, netlink
from halftrack.kernel.netlink_messages import NLA_F_NESTED, NLM_F_REQUEST, attribute, message

if TYPE_CHECKING:
    from collections.abc import Mapping

CT_NEW: Final = uapi.NFNL_SUBSYS_CTNETLINK << 8
CT_DELETE: Final = CT_NEW | 2


class Entries(Protocol):
    """Of one namespace. Frames have the columns of ``flows.SCHEMA``, or more."""

    def again(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The same rows as they are now, in their order; all null where an entry is gone."""
        ...

    def retime(self, frame: pl.DataFrame, seconds: int) -> Mapping[int, int]:
        """Leave them so many seconds. What the kernel refused: errno to number of entries."""
        ...

    def remove(self, frame: pl.DataFrame) -> Mapping[int, int]:
        """Remove them, each only if it has still this id. What the kernel refused, likewise."""
        ...


class Plain:
    def __init__(self, netns_path: str | None) -> None:
        self._path = netns_path
        self._socket = netlink.open_socket(netlink.NETLINK_NETFILTER, netns_path)

    def again(self, frame: pl.DataFrame) -> pl.DataFrame:
        now = ctnetlink.dump(netns_path=self._path).flows.frame
        keys = frame.select(TUPLE_COLUMNS)
        found = keys.join(
            now.with_columns(pl.lit(value=True).alias("there")),
            on=list(TUPLE_COLUMNS),
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        return found.select(list(SCHEMA))

    def retime(self, frame: pl.DataFrame, seconds: int) -> Mapping[int, int]:
        return self._send(frame, CT_NEW, attribute(uapi.CTA_TIMEOUT, struct.pack(">I", seconds)))

    def remove(self, frame: pl.DataFrame) -> Mapping[int, int]:
        return self._send(frame, CT_DELETE, None)

    def _send(self, frame: pl.DataFrame, kind: int, more: bytes | None) -> Mapping[int, int]:
        refused: dict[int, int] = {}
        for row in frame.iter_rows(named=True):
            extra = attribute(uapi.CTA_ID, struct.pack(">I", row["id"])) if more is None else more
            payload = struct.pack("=BBH", row["family"], 0, 0) + _tuple(row) + extra
            self._socket.send(message(kind, NLM_F_REQUEST, 1, payload))
            try:
                answer = self._socket.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            code = -struct.unpack_from("=i", answer, 16)[0]
            refused[code] = refused.get(code, 0) + 1
        return refused


def _tuple(row: dict[str, int]) -> bytes:
    ip = b""
    for end, v4, v6 in (("src", 1, 3), ("dst", 2, 4)):
        hi, lo = row[f"orig_{end}_hi"], row[f"orig_{end}_lo"]
        raw = struct.pack(">QQ", hi, lo)
        ip += attribute(v4, raw[12:]) if row["family"] == uapi.AF_INET else attribute(v6, raw)
    proto = attribute(1, bytes([row["l4proto"]]))
    if row["orig_sport"] is not None:
        proto += attribute(2, struct.pack(">H", row["orig_sport"]))
        proto += attribute(3, struct.pack(">H", row["orig_dport"]))
    nest = attribute(1 | NLA_F_NESTED, ip) + attribute(2 | NLA_F_NESTED, proto)
    found = attribute(uapi.CTA_TUPLE_ORIG | NLA_F_NESTED, nest)
    if row["zone"]:
        found += attribute(uapi.CTA_ZONE, struct.pack(">H", row["zone"]))
    return found
