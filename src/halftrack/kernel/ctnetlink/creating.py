"""Making entries in a namespace of our own: one for each of a sample, as like it as ctnetlink allows.

What it does not take (net/netfilter/nf_conntrack_netlink.c, ctnetlink_create_conntrack): counters, the
moment at which an entry began, a parent, an offload. Translation is asked for as conntrackd does it,
by what the other direction becomes, so that the kernel marks the entry as translated itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import uapi
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.ctnetlink.entry_messages import Template, put_tuple
from halftrack.kernel.netlink_messages import (
    CT_NEW,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    NLMSG_HDRLEN,
)

if TYPE_CHECKING:
    import numpy as np

_AT_ONCE: Final = 150
"""In one datagram: should all of them be refused, the answers still fit into the socket."""
_ANSWER_BYTES: Final = 4_096
_KEPT: Final = uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED | uapi.IPS_FIXED_TIMEOUT
"""Bits of the status that can be given; the rest the kernel sets itself."""
_STATES: Final = {
    uapi.IPPROTO_TCP: (uapi.CTA_PROTOINFO_TCP, uapi.CTA_PROTOINFO_TCP_STATE),
    uapi.IPPROTO_DCCP: (uapi.CTA_PROTOINFO_DCCP, uapi.CTA_PROTOINFO_DCCP_STATE),
    uapi.IPPROTO_SCTP: (uapi.CTA_PROTOINFO_SCTP, uapi.CTA_PROTOINFO_SCTP_STATE),
}
_TCP: Final = (
    ("tcp_wscale_orig", uapi.CTA_PROTOINFO_TCP_WSCALE_ORIGINAL),
    ("tcp_wscale_reply", uapi.CTA_PROTOINFO_TCP_WSCALE_REPLY),
)
_FLAGS: Final = (
    ("tcp_flags_orig", uapi.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL),
    ("tcp_flags_reply", uapi.CTA_PROTOINFO_TCP_FLAGS_REPLY),
)
_ENDS: Final = {
    # Which end of the reply is the new one, and of which end of the original it takes the place.
    "dnat": (uapi.CTA_NAT_DST, "reply_src", "reply_sport"),
    "snat": (uapi.CTA_NAT_SRC, "reply_dst", "reply_dport"),
}
_GROUPS: Final = ("family", "l4proto", "zone", "zone_dir", "dnat", "snat")
_OFFLOADED: Final = "it is offloaded and has no timeout"
_LONGEST_S: Final = (1 << 31) - 1


@dataclass(slots=True)
class Made:
    """``refused``: by the kernel's reason, how many it did not take."""

    asked: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def create(netns_path: str, rows: pl.DataFrame) -> Made:
    """Make these rows of a flow table in the namespace. Raises OSError."""
    made = Made(rows.height)
    timed = rows.filter(pl.col("timeout").is_not_null())
    if timed.height < rows.height:
        made.refused[_OFFLOADED] = rows.height - timed.height
    frame = _translations(timed)
    with netlink.open_socket(netlink.NETLINK_NETFILTER, netns_path) as sock:
        for part in frame.partition_by(list(_GROUPS), maintain_order=True):
            raw = _messages(part)
            for at in range(0, len(raw), _AT_ONCE):
                sock.sendall(raw[at : at + _AT_ONCE].tobytes())
                made.refused.update(_refusals(sock))
    return made


def _translations(rows: pl.DataFrame) -> pl.DataFrame:
    """With ``dnat`` and ``snat``: whether that end is another one in the reply."""

    def differs(orig: str, reply: str, port: str, other: str) -> pl.Expr:
        address = pl.any_horizontal(
            pl.col(f"{orig}_{half}") != pl.col(f"{reply}_{half}") for half in ("hi", "lo")
        )
        return (address | pl.col(port).ne_missing(pl.col(other))) & pl.col("orig_sport").is_not_null()

    return rows.with_columns(
        differs("orig_dst", "reply_src", "orig_dport", "reply_sport").alias("dnat"),
        differs("orig_src", "reply_dst", "orig_sport", "reply_dport").alias("snat"),
        pl.col("zone").fill_null(0),
        pl.col("zone_dir").fill_null(uapi.NF_CT_DEFAULT_ZONE_DIR),
    )


def _messages(rows: pl.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    family, l4proto, zone, zone_dir, dnat, snat = rows.select(_GROUPS).row(0)
    template = Template(family)
    ways = {uapi.CTA_TUPLE_ORIG: uapi.NF_CT_ZONE_DIR_ORIG, uapi.CTA_TUPLE_REPLY: uapi.NF_CT_ZONE_DIR_REPL}
    plain = rows if not (dnat or snat) else _untranslated(rows)
    for kind, direction in ways.items():
        put_tuple(template, kind, plain, l4proto, zone if zone_dir == direction else 0)
    if zone and zone_dir == uapi.NF_CT_DEFAULT_ZONE_DIR:
        template.put(uapi.CTA_ZONE, struct.pack(">H", zone))
    status = rows["status"].to_numpy() & _KEPT | uapi.IPS_CONFIRMED
    template.put_column(uapi.CTA_TIMEOUT, rows["timeout"].clip(1, _LONGEST_S).to_numpy(), ">u4")
    template.put_column(uapi.CTA_STATUS, status, ">u4")
    template.put_column(uapi.CTA_MARK, rows["mark"].fill_null(0).to_numpy(), ">u4")
    if l4proto in _STATES:
        _put_state(template, rows, l4proto)
    for name, wanted in (("dnat", dnat), ("snat", snat)):
        if wanted:
            _put_translation(template, rows, name)
    flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL
    return template.filled(CT_NEW, flags, 1, rows.height)


def _untranslated(rows: pl.DataFrame) -> pl.DataFrame:
    """With the reply that the original has by itself."""
    pairs = {"reply_src": "orig_dst", "reply_dst": "orig_src"}
    return rows.with_columns(
        *(
            pl.col(f"{orig}_{half}").alias(f"{reply}_{half}")
            for reply, orig in pairs.items()
            for half in ("hi", "lo")
        ),
        pl.col("orig_dport").alias("reply_sport"),
        pl.col("orig_sport").alias("reply_dport"),
    )


def _put_state(template: Template, rows: pl.DataFrame, l4proto: int) -> None:
    kind, state = _STATES[l4proto]
    info = template.open(uapi.CTA_PROTOINFO)
    nest = template.open(kind)
    template.put_column(state, rows["state"].fill_null(0).to_numpy(), "u1")
    if l4proto == uapi.IPPROTO_TCP:
        for name, number in _TCP:
            template.put_column(number, rows[name].fill_null(0).to_numpy(), "u1")
        for name, number in _FLAGS:  # struct nf_ct_tcp_flags: the flags, and which of them are meant
            given = rows[name].fill_null(0).to_numpy().astype("u2") << 8 | 0xFF
            template.put_column(number, given, ">u2")
    elif l4proto == uapi.IPPROTO_SCTP:
        # The tags are in no dump; without them no packet of the connection would be taken for its own.
        template.put(uapi.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, bytes(4))
        template.put(uapi.CTA_PROTOINFO_SCTP_VTAG_REPLY, bytes(4))
    template.close(nest)
    template.close(info)


def _put_translation(template: Template, rows: pl.DataFrame, name: str) -> None:
    """The one address and port that the kernel may choose."""
    kind, end, port = _ENDS[name]
    v6 = template.family == uapi.AF_INET6
    nest = template.open(kind)
    hi = rows[f"{end}_hi"].to_numpy() if v6 else None
    for number in (
        (uapi.CTA_NAT_V6_MINIP, uapi.CTA_NAT_V6_MAXIP)
        if v6
        else (uapi.CTA_NAT_V4_MINIP, uapi.CTA_NAT_V4_MAXIP)
    ):
        template.put_address(number, hi, rows[f"{end}_lo"].to_numpy())
    proto = template.open(uapi.CTA_NAT_PROTO)
    for number in (uapi.CTA_PROTONAT_PORT_MIN, uapi.CTA_PROTONAT_PORT_MAX):
        template.put_column(number, rows[port].fill_null(0).to_numpy(), ">u2")
    template.close(proto)
    template.close(nest)


def _refusals(sock: socket.socket) -> list[str]:
    reasons: list[str] = []
    while True:
        try:
            answer = sock.recv(_ANSWER_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return reasons
        for header in netlink_messages.headers(answer):
            if header.kind == NLMSG_ERROR:
                at = header.at + NLMSG_HDRLEN
                reasons.append(_reason(netlink_messages.error_code(answer[at : at + 4])))


def _reason(code: int) -> str:
    with contextlib.suppress(KeyError):
        return {
            errno.EEXIST: "the same entry is there already",
            errno.ETOOMANYREFS: "the limit of the table is reached",
        }[code]
    return os.strerror(code)
