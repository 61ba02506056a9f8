"""The clocks of an entry: how long it has been silent, and how long it exists.

``idle = timeout at the last packet - seconds left``. The timeout at the last packet follows from
protocol, state and status, with the exceptions of ``nf_conntrack_tcp_packet``: data that nobody
has acknowledged shortens it to ``timeout_unacknowledged``, retransmissions and closed windows to
``timeout_max_retrans``. Where an exception cannot be told from the rule, idle is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence import uapi
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from halftrack.tcp.releases import Features
    from halftrack.tcp.timeouts import Timeouts

_UNKNOWN: Final = -1
_STATES: Final = 16
_CLASSES: Final = (
    uapi.IPPROTO_TCP,
    uapi.IPPROTO_UDP,
    uapi.IPPROTO_UDPLITE,
    uapi.IPPROTO_ICMP,
    uapi.IPPROTO_ICMPV6,
    uapi.IPPROTO_GRE,
    uapi.IPPROTO_SCTP,
    uapi.IPPROTO_DCCP,
)
_STEADY: Final = {
    uapi.IPPROTO_ICMP: "icmp_timeout",
    uapi.IPPROTO_ICMPV6: "icmpv6_timeout",
}
_STREAMED: Final = {
    uapi.IPPROTO_UDP: (timeouts.UDP, timeouts.UDP_STREAM),
    uapi.IPPROTO_UDPLITE: (timeouts.UDP, timeouts.UDP_STREAM),
    uapi.IPPROTO_GRE: ("gre_timeout", "gre_timeout_stream"),
}
_SCTP_ESTABLISHED: Final = 4
_FROZEN: Final = uapi.IPS_FIXED_TIMEOUT | uapi.IPS_OFFLOAD | uapi.IPS_HW_OFFLOAD

SLICE: Final = 1 << 17
"""Rows that are worked on at a time: what is computed on the way stays in the processor's cache."""


def longest_short(known: Timeouts) -> int:
    """Seconds: with more left than this, ESTABLISHED was given its full timeout."""
    return max(known.values[timeouts.UNACKNOWLEDGED], known.values[timeouts.MAX_RETRANS])


def one_sided_timeout(known: Timeouts, features: Features, *, clamps: bool | None) -> int | None:
    """Seconds that a packet gives a one-sided entry; None where the kernel's rule is not known."""
    if clamps is None:
        return None
    if not clamps:
        return known.values[timeouts.ESTABLISHED]
    limit = min(known.values[timeouts.ESTABLISHED], known.values[timeouts.UNACKNOWLEDGED])
    if features.retrans_caps_pickup is not False:
        limit = min(limit, known.values[timeouts.MAX_RETRANS])
    return limit


def idle(flows: pl.DataFrame, known: Timeouts, one_sided_s: int | None) -> pl.Series:
    """Seconds since the last packet, Int64; null where that cannot be told.

    ``flows`` needs the schema's columns and ``one_sided``. ``one_sided_s``: what a packet gives a
    one-sided entry. More left than the timeout allows (the setting was changed since, a policy, an
    injected entry) is null.
    """
    table = _table(known)
    parts = [_idle(part, known, one_sided_s, table) for part in flows.iter_slices(SLICE)]
    return pl.concat(parts) if parts else pl.Series("idle_s", [], pl.Int64)


def _idle(
    flows: pl.DataFrame, known: Timeouts, one_sided_s: int | None, table: npt.NDArray[np.int32]
) -> pl.Series:
    left = flows["timeout"].fill_null(-1).to_numpy()
    l4proto = flows["l4proto"].to_numpy()
    status = flows["status"].to_numpy()
    state = np.minimum(flows["state"].fill_null(0).to_numpy(), np.uint8(_STATES - 1))
    given = table[(_class(l4proto) * np.uint16(_STATES) + state) * np.uint16(2) + _assured(status)]

    tcp = l4proto == uapi.IPPROTO_TCP
    established = tcp & (state == uapi.TCP_CONNTRACK_ESTABLISHED)
    short = longest_short(known)
    if known.values[timeouts.ESTABLISHED] > short:
        given[established & (left <= short)] = _UNKNOWN
    unacknowledged = known.values[timeouts.UNACKNOWLEDGED]
    if flows["tcp_flags_orig"].null_count() < flows.height:
        original, reply = flows["tcp_flags_orig"].fill_null(0), flows["tcp_flags_reply"].fill_null(0)
        flags = original.to_numpy() | reply.to_numpy()
        waiting = tcp & ((flags & uapi.IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED) != 0) & (left <= unacknowledged)
        given[waiting & ((given > unacknowledged) | (given == _UNKNOWN))] = unacknowledged
    given[flows["one_sided"].to_numpy() & established] = _UNKNOWN if one_sided_s is None else one_sided_s

    silent = given - left
    unknown = (given == _UNKNOWN) | (silent < 0) | (left < 0) | ((status & np.uint32(_FROZEN)) != 0)
    return pl.Series("idle_s", silent).set(pl.Series(unknown), None)


def _class(l4proto: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    lookup = np.full(256, len(_CLASSES), np.uint16)
    for index, protocol in enumerate(_CLASSES):
        lookup[protocol] = index
    return lookup[l4proto]


def _assured(status: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    assured: npt.NDArray[np.bool_] = (status & np.uint32(uapi.IPS_ASSURED)) != 0
    return assured


def _table(known: Timeouts) -> npt.NDArray[np.int32]:
    """Seconds by ``(class * states + state) * 2 + assured``, ``_UNKNOWN`` where not known."""
    shape = (len(_CLASSES) + 1, _STATES, 2)
    table = np.full(shape, _UNKNOWN, np.int32)

    def seconds(name: str) -> int:
        value = known.get(name)
        return _UNKNOWN if value is None else min(value, np.iinfo(np.int32).max)

    for index, protocol in enumerate(_CLASSES):
        if protocol in _STEADY:
            table[index] = seconds(_STEADY[protocol])
        elif protocol in _STREAMED:
            table[index, :, 0], table[index, :, 1] = map(seconds, _STREAMED[protocol])
        elif protocol == uapi.IPPROTO_TCP:
            for state, name in timeouts.TCP_STATE_TIMEOUTS.items():
                table[index, state] = seconds(name)
        elif protocol == uapi.IPPROTO_SCTP:
            table[index, _SCTP_ESTABLISHED] = seconds("sctp_timeout_established")
    table[len(_CLASSES)] = seconds("generic_timeout")
    return table.reshape(-1)


def age(flows: pl.DataFrame, taken_at: datetime | None) -> pl.Expr:
    """Seconds since the entry was made: its own stamp, else ``delta_time``; Int64, null where unstamped."""
    stamped = flows["start_ns"].null_count() < flows.height
    counted = flows["delta_time"].null_count() < flows.height
    printed = pl.col("delta_time").cast(pl.Int64)
    if not stamped or taken_at is None:
        return printed if counted else pl.lit(None, pl.Int64)
    now_ns = int(taken_at.timestamp()) * 1_000_000_000
    since = ((pl.lit(now_ns) - pl.col("start_ns")) // 1_000_000_000).clip(lower_bound=0)
    return pl.coalesce(since, printed) if counted else since
