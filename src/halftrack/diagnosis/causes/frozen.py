"""Whether a table is frozen: its entries are those of the moment when the last rule went that asked for any.

Since then nothing is heard, made or closed there. How long entries have been silent says nothing then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import entries
from halftrack.diagnosis.causes import home
from halftrack.diagnosis.causes.weighing import Clue

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.view import View

RULES: Final = "rules of {} (nftables, iptables-legacy)"
JUST_NOW_S: Final = 1
_LATER_S: Final = 5
"""By so much a socket has to have heard something after its entry did: both clocks are read apart."""
_ENDS: Final = ("hi", "lo", "port", "peer_hi", "peer_lo", "peer_port")


def unasked(view: View) -> bool:
    """No rule of the namespace asks for tracking, and its kernel tracks only where one does."""
    tracking = view.table.tracking
    return tracking is not None and tracking.asked is False and view.features.hooks_on_demand is True


def awake(view: View) -> bool:
    """Whether something was tracked a moment ago: Open vSwitch and tc have no need of rules."""
    events, youngest = view.table.events, youngest_s(view)
    return bool(events and events.new) or (youngest is not None and youngest <= JUST_NOW_S)


def doubt(case: Case) -> Clue | None:
    """Against whatever reads a cause out of silence."""
    if not unasked(case.view) or awake(case.view):
        return None
    what = "rules that ask for tracking: the table is frozen, and all of it is silent"
    return Clue(what, 0, RULES.format(case.view.netns), -0.6)


def youngest_s(view: View) -> int | None:
    """Seconds since any established connection of the table was heard; None where that is not known."""
    found = view.flows.lazy().filter(entries.established()).select(pl.col("idle_s").min()).collect().item()
    return None if found is None else int(found)


def outspoken(case: Case) -> tuple[int, int] | None:
    """Of how many of the case's connections the sockets are known, and how many of those heard something
    after their entries did; None where no socket of theirs was read.
    """
    at = home.of(case)
    if at is None or at.table.tcp is None:
        return None
    sockets = at.table.tcp.frame.select(
        pl.col("local_hi", "local_lo", "local_port").name.map(lambda name: name.removeprefix("local_")),
        pl.col("remote_hi", "remote_lo", "remote_port").name.map(lambda name: name.replace("remote", "peer")),
        heard_s=pl.min_horizontal("last_data_recv_ms", "last_ack_recv_ms") // 1000,
    )
    rows = case.rows.sample(
        *(f"{end}_{half}" for end in ("orig_src", "orig_dst", "reply_src") for half in ("hi", "lo")),
        "orig_sport", "orig_dport", "reply_sport", "local_src", "idle_s",
    )  # fmt: skip
    ends = rows.select(
        *(
            pl.when("local_src").then(opened).otherwise(answered).alias(name)
            for name, opened, answered in zip(
                _ENDS,
                ("orig_src_hi", "orig_src_lo", "orig_sport", "orig_dst_hi", "orig_dst_lo", "orig_dport"),
                ("reply_src_hi", "reply_src_lo", "reply_sport", "orig_src_hi", "orig_src_lo", "orig_sport"),
                strict=True,
            )
        ),
        "idle_s",
    ).drop_nulls()
    both = ends.join(sockets.drop_nulls(), on=_ENDS)
    later = both.filter(pl.col("heard_s") + _LATER_S < pl.col("idle_s"))
    return (both.height, later.height) if both.height else None
