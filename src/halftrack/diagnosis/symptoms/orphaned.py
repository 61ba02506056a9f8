"""orphaned: established as far as the tracker knows, and its owner has no socket for it any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import enablers, words
from halftrack.diagnosis.entries import connected
from halftrack.diagnosis.standing import Weights, severity
from halftrack.diagnosis.symptoms import one_sided, sockets
from halftrack.diagnosis.symptoms.idle_established import kept
from halftrack.diagnosis.symptoms.protocols import Account
from halftrack.evidence import uapi
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Forecast
    from halftrack.diagnosis.standing import Standing
    from halftrack.diagnosis.view import View

_SETTLED_S: Final = 60
"""Silence after which an entry is compared with the sockets. They are read a moment later than the
entries: what has just spoken may have closed in between."""

_WEIGHTS: Final = Weights(of_limit=0.01, share=0.1, fewest=20, many=1_000)


@dataclass(frozen=True, slots=True)
class Orphaned:
    slug: str = "orphaned"

    def choose(self, view: View) -> pl.Series | None:
        if not sockets.read(view):
            return None
        alone = pl.col("one_sided") & (pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED)
        candidates = view.flows.lazy().select(
            (
                (connected() | alone) & (pl.col("idle_s") >= _SETTLED_S + round(view.evidence.seconds))
            ).fill_null(value=False)
        )
        return sockets.missing(view, candidates.collect().to_series())

    def matters(self, entries: int, view: View) -> bool:  # noqa: ARG002  # one is worth a word
        return entries > 0

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        entries = case.rows.height
        them = "it" if entries == 1 else "them"
        # What never saw a reply stays for reasons of its own.
        keeps = one_sided.keeping(case) if unanswered(case) else f"It keeps {them} {kept(case)}."
        return Account(
            severity=severity(entries, standing, _WEIGHTS, forecast),
            title=(
                f"{words.count(entries, 'connection has', 'connections have')} no socket left at"
                f" {'its' if entries == 1 else 'their'} owner: dead, and still tracked."
            ),
            explanation=(
                f'"Established" in the table, and no socket is left where {"it" if entries == 1 else "they"}'
                f" ended: closed without the kernel seeing it. {keeps}"
            ),
            enabled_by=one_sided.enabled_by(case)
            if unanswered(case)
            else (enablers.timeout(case.view, timeouts.ESTABLISHED, "what ends unseen stays this long"),),
        )


def unanswered(case: Case) -> bool:
    """Whether most of them never saw a reply."""
    return case.once("unanswered", lambda case: 2 * case.rows.count(pl.col("one_sided")) > case.rows.height)


SYMPTOM: Final = Orphaned()
