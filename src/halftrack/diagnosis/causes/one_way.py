"""What the causes of one-sided entries have in common: who spoke, and whether it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import shape
from halftrack.diagnosis.causes import facts, home
from halftrack.diagnosis.causes.weighing import Clue

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Timeline

_LONG_USED_S: Final = 300
_SILENT_S: Final = 3600
_TALK: Final = 100
"""Packets. A page that nobody acknowledges is fewer: a window that had grown, and fifteen times the same
again (tcp_retries2)."""
_TAIL: Final = 3
QUIET_S: Final = 60
"""A moment that is over for less may as well be a stutter of something that goes on."""


def concerned(case: Case) -> bool:
    """Whether the case is about packets of one side: also where it is known that nobody is left for them."""
    if case.symptom == "orphaned":
        return facts.share(case.rows, pl.col("one_sided")) > 0.5
    return case.symptom == "one-sided"


def server_alone(case: Case) -> float:
    """The share of the entries that the server's packets made."""
    return case.once("server alone", _server_alone)


def _server_alone(case: Case) -> float:
    return facts.share(case.rows.sample("local_src", "side"), facts.server_spoke())


def answered_past_us(case: Case) -> bool:
    """Whether the client alone was heard, and the server is ours or nobody's that is known.

    Where the client is ours, its answers come by another way: that is another cause.
    """
    ours = facts.share(case.rows.sample("side"), pl.col("side").cast(pl.String) == "client")
    return 1 - server_alone(case) >= facts.MOSTLY and ours < facts.MOSTLY


def in_use(case: Case) -> tuple[Clue, ...]:
    """Signs that the entries carry traffic now, where the kernel counts or stamps."""
    clues = []
    seen = facts.packets(case)
    if seen is not None and seen >= _TALK:
        clues.append(
            Clue("packets in a typical entry: these are conversations", seen, facts.COUNTERS, 0.6, own=True)
        )
    long_used = facts.share(case.rows, pl.col("age_s") - pl.col("idle_s") > _LONG_USED_S)
    if long_used >= 0.5:
        what = f"share heard again more than {_LONG_USED_S} s after it was made"
        clues.append(Clue(what, round(long_used, 2), facts.STAMPS, 0.6, own=True))
    return tuple(clues)


def long_silent(case: Case) -> Clue | None:
    """Entries in use are heard again and again: one that has been silent for an hour is not."""
    silent = facts.share(case.rows, pl.col("idle_s") > _SILENT_S)
    if silent < 0.5:
        return None
    what = "share that has been silent for over an hour"
    return Clue(what, round(silent, 2), "entries' timeout clock", -0.7)


def only_a_tail(case: Case) -> Clue | None:
    """A packet or two: the end of a connection whose entry was gone already."""
    seen = facts.packets(case)
    if seen is None:
        return None
    if seen <= _TAIL:
        return Clue("packets in a typical entry: the last ones of a connection", seen, facts.COUNTERS, 0.1)
    return Clue("packets in a typical entry", seen, facts.COUNTERS, -0.5) if seen >= _TALK else None


def not_at_once(case: Case) -> Clue | None:
    if case.shape == "steady":
        return Clue("they come all the time", case.shape, facts.clock_of(case), 0.1)
    if case.shape == "burst" and over_s(case.timeline) >= QUIET_S:
        return Clue("they came at once", case.shape, facts.clock_of(case), -0.5)
    return None


def over_s(line: Timeline | None) -> int:
    """For how long there has been nothing since the last moment; 0 where there is none."""
    found = shape.moments(line)
    return 0 if line is None or not found else (len(shape.seen(line)) - found[-1].end) * line.bucket_s


def heard(case: Case) -> int | None:
    """How many entries the server's packets were heard to open in mid-stream; None where nobody listened."""
    events, at = case.view.table.events, home.of(case)
    if events is None or at is None or not at.server:
        return None
    ours = (pl.col("orig_src_hi") == at.hi) & (pl.col("orig_src_lo") == at.lo)
    return events.pick_ups.frame.filter(ours, pl.col("orig_sport").is_in(list(at.ports))).height


def goes_on(case: Case, weight: float) -> Clue | None:
    """They were heard to come, the one after the other; ``weight``: what that is worth."""
    count, events = heard(case), case.view.table.events
    if not count or events is None or count < facts.MANY:
        return None
    what = f"entries that the server's packets opened in mid-stream within {events.seconds:g} s"
    return Clue(what, count, facts.EVENTS, weight)


def many_peers(case: Case) -> Clue | None:
    peers = facts.variety(case.rows.sample("peer_hi", "peer_lo"))
    if case.rows.height < facts.MANY or peers < 0.3:
        return None
    return Clue("different peers per entry", round(peers, 2), facts.entries_of(case.view), 0.1)


def accounting(case: Case) -> str | None:
    return (
        None if facts.packets(case) is not None else "packet counts of new entries: sysctl nf_conntrack_acct"
    )
