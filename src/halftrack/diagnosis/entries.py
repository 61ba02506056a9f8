"""What an entry says of itself: questions to the columns of the flow table, one row each.

Each is built once: a node with hundreds of small tables asks them thousands of times.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.flows import has


@cache
def one_sided() -> pl.Expr:
    """TCP, ESTABLISHED or later, that never saw a reply. Never null."""
    return (
        (pl.col("l4proto") == uapi.IPPROTO_TCP)
        & pl.col("state").is_between(uapi.TCP_CONNTRACK_ESTABLISHED, uapi.TCP_CONNTRACK_CLOSE)
        & ~answered()
    ).fill_null(value=False)


@cache
def answered() -> pl.Expr:
    """Whether packets of both directions were seen."""
    return has(uapi.IPS_SEEN_REPLY)


@cache
def assured() -> pl.Expr:
    return has(uapi.IPS_ASSURED)


@cache
def translated() -> pl.Expr:
    """Whether an entry's addresses or ports are rewritten on this node: the status bits say so.

    Readers of text set them where the two tuples of an entry differ.
    """
    return has(uapi.IPS_NAT_MASK)


@cache
def established() -> pl.Expr:
    """TCP, and open as far as the tracker knows, answered or not."""
    return (pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED)


@cache
def unfinished() -> pl.Expr:
    """TCP that has not got past the handshake; null where the state is."""
    return (pl.col("l4proto") == uapi.IPPROTO_TCP) & pl.col("state").is_in(uapi.TCP_OPENING)


@cache
def in_close_wait() -> pl.Expr:
    """TCP, answered, and closed by one end alone."""
    closed = (pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("state") == uapi.TCP_CONNTRACK_CLOSE_WAIT)
    return closed & answered()


@cache
def data_unacknowledged() -> pl.Expr:
    """Whether data of either end is under way; null where the flags are not known."""
    flags = pl.col("tcp_flags_orig") | pl.col("tcp_flags_reply")
    return flags & uapi.IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED != 0


@cache
def connected() -> pl.Expr:
    """Open as far as the tracker knows, and answered."""
    return established() & answered()
