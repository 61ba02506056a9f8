"""Judging what was read, by the table and by what is around it: rules, services, who looks on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from halftrack.changes import operator
from halftrack.changes.drain.changing import GOING_S
from halftrack.diagnosis import examination, words
from halftrack.diagnosis.filters.vocabulary import JUDGED
from halftrack.diagnosis.view import view
from halftrack.draining.fates import MAY_LIVE_S, Fate
from halftrack.draining.judging import Judgement, Surroundings, judge
from halftrack.draining.matching import matching
from halftrack.draining.rules import by_rules as judged_by_rules
from halftrack.draining.traffic import traffic
from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import select
from halftrack.kernel import ipvs, survey
from halftrack.live import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.filters import Filter
    from halftrack.diagnosis.view import View
    from halftrack.draining.fates import Wish
    from halftrack.draining.rules import ByRules
    from halftrack.evidence.values import Evidence, Table


@dataclass(frozen=True, slots=True)
class Judged:
    """``untold``: see ``looking.Looked``. ``open``: of the one-sided entries of this table more must be
    seen than were, to say what may be done to those that the filter takes. ``by_rules``: None: not asked.
    """

    judgement: Judgement
    untold: Mapping[str, int]
    by_rules: ByRules | None
    open: bool


def judged(table: Table, evidence: Evidence, wanted: Filter, wish: Wish, *, one_sided: bool) -> Judged:
    """``one_sided``: all one-sided entries of the table were read."""
    seen = view(table, evidence)
    takes, untold = matching(seen, wanted, examination.cases_of(seen) if wanted.uses(*JUDGED) else ())
    # Removed is what is proven dead, whatever the rules.
    by_rules = _by_rules(seen, takes) if wish.mode == "retime" else None
    around = Surroundings(
        unmissed=by_rules.unmissed if by_rules else None,
        traffic=traffic(seen) if one_sided and _any_one_sided(seen, takes) else None,
        passed_on=_passed_on(table),
    )
    judgement = judge(seen, takes, wish, around)
    return Judged(judgement, untold, by_rules, open=not one_sided and _open_questions(judgement))


def _any_one_sided(seen: View, takes: pl.Series) -> bool:
    return bool((seen.flows["one_sided"] & takes).any())


def _by_rules(seen: View, takes: pl.Series) -> ByRules | None:
    """Which of the entries that never were answered no rule would miss."""
    if not _any_one_sided(seen, takes):
        return None
    return judged_by_rules(seen, seen.flows["one_sided"] & takes, rules.of(seen.table.namespace))


def _open_questions(judgement: Judgement) -> bool:
    """Whether one-sided entries are left whose fate the table as a whole may settle."""
    flows, fates = judgement.view.flows, judgement.fates
    settled = (fates == Fate.DEAD) & flows["local_src"]
    return bool((flows["one_sided"] & fates.is_not_null() & ~settled).any())


def _passed_on(table: Table) -> bool:
    """Whether the kernel hands on connections to some local addresses (IPVS)."""
    (found,) = survey.visit([table.namespace], lambda _: ipvs.services())
    return isinstance(found, tuple) and bool(found)


def notes(found: Judged) -> Iterator[str]:
    """What whoever decides should know beside the counts."""
    judgement = found.judgement
    own = operator.connection()
    if own is not None and any(fate.changed for fate in _fates_of(own, judgement)):
        yield f"your own ssh connection is among them: a silence of {words.duration(MAY_LIVE_S)} would cut it"
    if found.by_rules:
        left = judgement.view.flows["one_sided"] & (judgement.fates == Fate.MAY_LIVE).fill_null(value=False)
        yield from found.by_rules.reasons(left)
    careful = judgement.view.flows["status"] & (uapi.IPS_ASSURED | uapi.IPS_NAT_MASK) != 0
    if judgement.wish.mode == "delete" and any(careful & (judgement.fates == Fate.DEAD)):
        yield f"what is assured or translated goes within {GOING_S} s"


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
        rows = select(
            judgement.view.flows, pl.all_horizontal(pl.col(name) == value for name, value in same.items())
        ).to_series()
        yield from map(Fate, judgement.fates.filter(rows.fill_null(value=False)).drop_nulls())
