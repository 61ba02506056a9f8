"""What an entry says of itself: questions to the columns of the flow table, one row each."""

from __future__ import annotations

import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.flows import has


def one_sided() -> pl.Expr:
    """TCP, ESTABLISHED or later, that never saw a reply. Never null."""
    return (
        (pl.col("l4proto") == uapi.IPPROTO_TCP)
        & pl.col("state").is_between(uapi.TCP_CONNTRACK_ESTABLISHED, uapi.TCP_CONNTRACK_CLOSE)
        & ~answered()
    ).fill_null(value=False)


def answered() -> pl.Expr:
    """Whether packets of both directions were seen."""
    return has(uapi.IPS_SEEN_REPLY)


def assured() -> pl.Expr:
    return has(uapi.IPS_ASSURED)


def translated() -> pl.Expr:
    """Whether an entry's addresses or ports are rewritten on this node: the status bits say so.

    Readers of text set them where the two tuples of an entry differ.
    """
    return has(uapi.IPS_NAT_MASK)


def established() -> pl.Expr:
    """TCP, and open as far as the tracker knows, answered or not."""
    return (pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED)


def connected() -> pl.Expr:
    """Open as far as the tracker knows, and answered."""
    return established() & answered()
