"""Entries of every kind, made once more in another namespace: each as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.flows import SCHEMA
from halftrack.kernel import ctnetlink
from halftrack.kernel.ctnetlink.creating import create
from halftrack.kernel.scratch import Netns
from kernel.inject import inject
from kernel.tables import one_of_everything

if TYPE_CHECKING:
    from kernel.scratch import Netns as Named

KNOWN_OTHERWISE: Final = ("id", "status", "timeout", "start_ns", "delta_time", "helper", "labels", "secctx")
TRANSLATED_BY_THE_KERNEL: Final = uapi.IPS_DST_NAT | uapi.IPS_SRC_NAT_DONE | uapi.IPS_DST_NAT_DONE


def test_each_is_there_as_it_was(netns: Named) -> None:
    inject(netns.path, *one_of_everything())
    source = ctnetlink.dump(netns_path=netns.path).flows.frame
    with Netns() as scratch:
        made = create(scratch.path, source)
        assert (made.asked, made.refused) == (source.height, {})
        copy = ctnetlink.dump(netns_path=scratch.path).flows.frame
    keys = [name for name in SCHEMA if name not in KNOWN_OTHERWISE]
    joined = source.join(copy, on=keys, how="left", nulls_equal=True, suffix="_copied")
    assert joined["id_copied"].null_count() == 0
    assert copy.height == source.height
    assert (joined["timeout"] - joined["timeout_copied"]).is_between(-1, 60).all()
    ours = pl.col("status_copied") & ~TRANSLATED_BY_THE_KERNEL
    assert joined.filter(ours != pl.col("status")).is_empty()
    # Translation is in the reply; unlike who put it there by hand, the kernel marks it.
    marked = joined.filter(pl.col("status_copied") & uapi.IPS_DST_NAT != 0)
    assert marked.select("orig_sport", "reply_sport").rows() == [(4003, 8080)]


def test_what_is_not_taken_is_counted_by_its_reason(netns: Named) -> None:
    inject(netns.path, *one_of_everything())
    source = ctnetlink.dump(netns_path=netns.path).flows.frame
    offloaded = source.head(2).with_columns(timeout=pl.lit(None, pl.Int64))
    with Netns() as scratch:
        made = create(scratch.path, pl.concat([source, source.tail(5), offloaded]))
        assert made.refused == {"it is offloaded and has no timeout": 2, "the same entry is there already": 5}
        assert made.asked - made.refused.total() == source.height
