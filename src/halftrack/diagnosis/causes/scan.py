"""scan: one sender knocks at many addresses or ports that do not answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import entries, logged
from halftrack.diagnosis.causes import facts
from halftrack.diagnosis.causes.weighing import Clue, conclude
from halftrack.evidence import addresses

if TYPE_CHECKING:
    import polars as pl

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_FEWEST: Final = 20
_LATELY: Final = timedelta(hours=1)
_SOURCE: Final = ("source_hi", "source_lo")


def weigh(case: Case) -> Cause | None:
    if case.symptom not in {"half-open", "unreplied-udp"} or case.rows.height < _FEWEST:
        return None
    some = case.rows.sample(*facts.ENDS, "status").select(
        facts.source("hi"), facts.source("lo"), facts.target("hi"), facts.target("lo"), "orig_dport", "status"
    )
    busiest = some.group_by(_SOURCE).len().sort("len", *_SOURCE, descending=[True, False, False]).head(1)
    of_one = some.join(busiest.select(_SOURCE), on=_SOURCE, how="semi")
    most = of_one.height / some.height
    targets = facts.variety(of_one.select("target_hi", "target_lo", "orig_dport"))
    unanswered = facts.share(some, entries.answered().not_())
    here = facts.entries_of(case.view)
    return conclude(
        "scan",
        0.05,
        (
            Clue(f"share of one sender, {_name(case, busiest)}", round(most, 2), here, 0.4, own=True)
            if most >= 0.5
            else Clue("share of one sender", round(most, 2), here, -0.8),
            Clue("different targets per entry of that sender", round(targets, 2), here, 0.5)
            if targets >= 0.5
            else Clue("different targets per entry of that sender", round(targets, 2), here, -0.7),
            Clue("share without an answer", round(unanswered, 2), here, 0.1)
            if unanswered >= facts.MOSTLY
            else None,
            _neighbours(case),
        ),
        ("what runs at the sender, if it is one of ours",),
    )


def _neighbours(case: Case) -> Clue | None:
    """Whoever knocks at addresses that nobody has makes the kernel ask for each of them."""
    evidence = case.view.evidence
    lines = logged.of_kind(evidence, "neighbours-full")
    if not any(logged.recent(each.last, evidence, _LATELY) for each in lines):
        return None
    what = "times the kernel logged that its table of neighbours is full"
    return Clue(what, sum(each.count for each in lines), lines[0].source, 0.2)


def _name(case: Case, sender: pl.DataFrame) -> str:
    return str(addresses.show(sender["source_hi"], sender["source_lo"], case.view.opaque).item())
