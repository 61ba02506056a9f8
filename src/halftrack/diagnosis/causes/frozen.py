"""Whether a table is frozen: its entries are those of the moment when the last rule went that asked for any.

Since then nothing is heard, made or closed there. How long entries have been silent says nothing then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import entries
from halftrack.diagnosis.causes import replies
from halftrack.diagnosis.causes.weighing import Clue
from halftrack.evidence.uapi import AF_INET, AF_INET6

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.view import View

_BOTH: Final = (AF_INET, AF_INET6)
RULES: Final = "rules of {} (nftables, iptables-legacy)"
JUST_NOW_S: Final = 1
_LATER_S: Final = 5
"""By so much a socket has to have heard something after its entry did: both clocks are read apart."""


def unasked(case: Case) -> bool:
    """No rule of the namespace asks for tracking these, and its kernel tracks only where one does."""
    return bool(_families(case)) and _families(case) <= _unasked(case.view)


def asked(case: Case) -> bool:
    """Whether a rule asks for tracking some of these."""
    tracking = case.view.table.tracking
    return tracking is not None and any(tracking.asked(family) for family in _families(case))


def whole(case: Case) -> bool:
    """Whether no rule asks for anything: what was heard of the namespace speaks of these, too."""
    return len(_unasked(case.view)) == len(_BOTH)


def named(case: Case) -> str:
    """`` IPv4`` where these are of that family alone and the other is asked for, likewise `` IPv6``."""
    families = _families(case)
    if whole(case) or len(families) != 1:
        return ""
    return " IPv6" if AF_INET6 in families else " IPv4"


def awake(case: Case) -> bool:
    """Whether the like was tracked a moment ago: Open vSwitch and tc have no need of rules."""
    events, youngest = case.view.table.events, youngest_s(case)
    begun = events is not None and events.new > 0 and whole(case)
    return begun or (youngest is not None and youngest <= JUST_NOW_S)


def doubt(case: Case) -> Clue | None:
    """Against whatever reads a cause out of silence."""
    if not unasked(case) or awake(case):
        return None
    what = "rules that ask for tracking: the table is frozen, and all of it is silent"
    return Clue(what, 0, RULES.format(case.view.netns), -0.6)


def youngest_s(case: Case) -> int | None:
    """Seconds since any established connection of these families was heard; None where that is not known."""
    return case.once("youngest", _youngest_s)


def _youngest_s(case: Case) -> int | None:
    alike = case.view.flows.lazy().filter(entries.established(), pl.col("family").is_in(_families(case)))
    found = alike.select(pl.col("idle_s").min()).collect().item()
    return None if found is None else int(found)


def _families(case: Case) -> set[int]:
    return case.once("families", lambda case: set(case.rows.sample("family")["family"].unique()))


def _unasked(view: View) -> set[int]:
    tracking = view.table.tracking
    if tracking is None or view.features.hooks_on_demand is not True:
        return set()
    return {family for family in _BOTH if tracking.asked(family) is False}


def outspoken(case: Case) -> tuple[int, int] | None:
    """Of how many of the case's connections the sockets are known, and how many of those heard something
    after their entries did; None where no socket of theirs was read.
    """
    both = replies.met(case)
    if both is None or both.is_empty():
        return None
    heard_s = pl.min_horizontal("last_data_recv_ms", "last_ack_recv_ms") // 1000
    known = both.select(heard_s=heard_s, idle_s="idle_s").drop_nulls()
    later = known.filter(pl.col("heard_s") + _LATER_S < pl.col("idle_s"))
    return (known.height, later.height) if known.height else None
