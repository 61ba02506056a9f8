"""Looking at a table before it is drained: what the filter takes, and what may be done to each entry."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack import live
from halftrack.changes import operator
from halftrack.changes.drain import ruleset
from halftrack.changes.drain.batches import GOING_S
from halftrack.diagnosis import causes, filters, words
from halftrack.diagnosis.filters import spellings
from halftrack.diagnosis.filters.vocabulary import DERIVED, JUDGED
from halftrack.draining.fates import MAY_LIVE_S, Fate
from halftrack.draining.judging import Surroundings, judge
from halftrack.draining.matching import matching
from halftrack.errors import FeatureMissing, Incomplete, PermissionMissing
from halftrack.evidence import addresses, uapi
from halftrack.evidence.selection import EVERYTHING
from halftrack.kernel import ipvs, survey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.filters import Filter
    from halftrack.diagnosis.view import View
    from halftrack.draining.judging import Judgement, Wish
    from halftrack.evidence.values import Evidence, Table

_ONE_WAY: Final = ("asymmetric-path", "direct-return")
"""Causes with which one-sided entries are the traffic."""
_LIKELY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Looked:
    """``read_at_s``: monotonic, no earlier than the moment at which the last entry was read.

    ``untold``: by term of the filter, of how many entries the table does not tell whether it holds.
    """

    evidence: Evidence
    judgement: Judgement
    read_at_s: float
    untold: Mapping[str, int]

    notes: tuple[str, ...] = ()

    @property
    def table(self) -> Table:
        return self.judgement.view.table


def look(wanted: Filter, wish: Wish, netns: str) -> Looked:
    """``netns``: as ``live.examine`` takes it, of one namespace.

    Raises UsageError, PermissionMissing, FeatureMissing; Incomplete where the table was read in part.
    """
    spellings.check(wanted)
    # What is concluded from a table as a whole must see the whole of it.
    whole = wanted.uses(*DERIVED, *JUDGED) or filters.selection(wanted).of_every_entry
    return _look(wanted, wish, netns, whole=whole)


def _look(wanted: Filter, wish: Wish, netns: str, *, whole: bool) -> Looked:
    from halftrack.diagnosis.view import view  # noqa: PLC0415  # heavy, and the kernel is asked first

    selection = EVERYTHING if whole else filters.selection(wanted)
    evidence = live.examine(netns, selection=selection, sockets=True, counters_interval_s=0.0)
    read_at_s = time.monotonic()
    seen = view(_table(evidence), evidence)
    found = _cases(seen) if whole else ()
    takes, untold = matching(seen, wanted, found)
    around = Surroundings(_unmissed(seen, takes), _traffic(found), passed_on=_passed_on(seen.table))
    judgement = judge(seen, takes, wish, around)
    if not whole and _open_questions(judgement):
        return _look(wanted, wish, netns, whole=True)
    return Looked(evidence, judgement, read_at_s, untold, tuple(_notes(judgement)))


def _table(evidence: Evidence) -> Table:
    """The one table whose entries were asked for."""
    read = [table for table in evidence.tables if table.flows is not None and not table.skipped]
    gaps = [gap for gap in evidence.gaps if "one-sided" in gap.would_tell]
    if read and read[0].flows is not None and read[0].flows.frame["id"].null_count():
        raise PermissionMissing("changing entries of the connection table needs CAP_NET_ADMIN")
    if not read:
        what = "; ".join(dict.fromkeys(f"{gap.what} ({gap.why})" for gap in gaps)) or "no connection table"
        needs = dict.fromkeys(need for gap in gaps for need in gap.needs)
        if needs:
            raise PermissionMissing(f"{what}: needs {', '.join(needs)}")
        raise FeatureMissing(f"{what}: nothing was drained")
    if gaps:
        raise Incomplete(f"{gaps[0].what} ({gaps[0].why}): nothing was drained")
    return read[0]


def _cases(seen: View) -> tuple[Case, ...]:
    from halftrack.diagnosis import examination  # noqa: PLC0415  # heavy, likewise

    return examination.cases_of(seen)


def _traffic(found: tuple[Case, ...]) -> pl.Series | None:
    """Rows of findings in which one direction takes another way."""
    for case in found:
        if case.symptom == "one-sided" and any(
            cause.cause in _ONE_WAY and cause.confidence >= _LIKELY for cause in causes.weigh_all(case)
        ):
            return case.rows.mask
    return None


def _unmissed(seen: View, takes: pl.Series) -> pl.Series | None:
    """Rows that no rule would miss: where all may pass, those that are not translated."""
    if not (seen.flows["one_sided"] & takes).any() or not ruleset.would_miss_none(seen.table.namespace):
        return None
    return seen.flows["status"] & uapi.IPS_NAT_MASK == 0


def _open_questions(judgement: Judgement) -> bool:
    """Whether one-sided entries are left whose fate the table as a whole may settle."""
    flows, fates = judgement.view.flows, judgement.fates
    settled = (fates == Fate.DEAD) & flows["local_src"]
    return bool((flows["one_sided"] & fates.is_not_null() & ~settled).any())


def _passed_on(table: Table) -> bool:
    """Whether the kernel hands on connections to some local addresses (IPVS)."""
    (found,) = survey.visit([table.namespace], lambda _: ipvs.services())
    return isinstance(found, tuple) and bool(found)


def _notes(judgement: Judgement) -> Iterator[str]:
    """What whoever decides should know beside the counts."""
    counts = judgement.counts()
    own = operator.connection()
    if own is not None and any(fate.changed for fate in _fates_of(own, judgement)):
        yield f"your own ssh connection is among them: a silence of {words.duration(MAY_LIVE_S)} would cut it"
    if any(judgement.view.flows["one_sided"] & (judgement.fates == Fate.MAY_LIVE)):
        yield "whether rules would miss what never was answered cannot be told: it is left as what may live"
    if counts.get(Fate.DEAD) and judgement.wish.mode == "delete":
        yield f"what is removed goes within {GOING_S} s"


def _fates_of(own: operator.Connection, judgement: Judgement) -> Iterator[Fate]:
    """Of the entry of a connection, in whichever direction it was opened."""
    client, server = addresses.parse(own.client), addresses.parse(own.server)
    for (hi, lo), port, (far_hi, far_lo), far_port in (
        (client, own.client_port, server, own.server_port),
        (server, own.server_port, client, own.client_port),
    ):
        same = {
            "orig_src_hi": hi,
            "orig_src_lo": lo,
            "orig_sport": port,
            "reply_src_hi": far_hi,
            "reply_src_lo": far_lo,
            "reply_sport": far_port,
        }
        rows = judgement.view.flows.select(
            pl.all_horizontal(pl.col(name) == value for name, value in same.items())
        ).to_series()
        yield from map(Fate, judgement.fates.filter(rows.fill_null(value=False)).drop_nulls())
