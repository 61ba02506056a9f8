"""Looking again at what was drained: what is still there, and with how much time left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import filters
from halftrack.errors import Incomplete
from halftrack.kernel import ctnetlink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.filters import Filter

KEY: Final = ("id", "l4proto", "orig_src_lo", "orig_dst_lo", "orig_sport", "orig_dport")
"""Tells entries apart together: an id alone comes twice among some hundred thousand."""


def verify(done: Sequence[pl.DataFrame], wanted: Filter, netns_path: str | None) -> tuple[int, int, int]:
    """``(restored, went, kept)``: entries with more left than they were given, gone, and the rest.

    ``done``: columns of ``KEY`` and ``given``, the seconds that each was left. Raises Incomplete
    where the table could not be read whole.
    """
    changed = pl.concat(done)
    # Status and mark may be others now: only what makes an entry itself is asked for.
    same = replace(filters.selection(wanted), status=0, status_mask=0, mark=0, mark_mask=0)
    narrowed = replace(same, columns=frozenset((*KEY, "timeout")))
    found = ctnetlink.dump(narrowed, netns_path=netns_path)
    if not found.complete:
        raise Incomplete("the table could not be read again: what was drained is not verified")
    now = found.flows.frame.select(*KEY, "timeout")
    joined = changed.join(now, on=list(KEY), how="left", nulls_equal=True, maintain_order="none")
    there = joined["timeout"].is_not_null()
    restored = int((joined["timeout"] > joined["given"]).sum())
    return restored, int((~there).sum()), int(there.sum()) - restored
