"""unreplied-udp: UDP that nobody answered, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import enablers, words
from halftrack.diagnosis.entries import answered
from halftrack.diagnosis.standing import Weights, severity
from halftrack.diagnosis.symptoms.protocols import Account
from halftrack.diagnosis.symptoms.volume import crowd
from halftrack.evidence import uapi
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Forecast
    from halftrack.diagnosis.standing import Standing
    from halftrack.diagnosis.view import View

_WEIGHTS: Final = Weights(of_limit=0.05, share=0.5, fewest=1_000)


@dataclass(frozen=True, slots=True)
class UnrepliedUdp:
    slug: str = "unreplied-udp"

    def choose(self, view: View) -> pl.Expr:  # noqa: ARG002  # the same rows in every view
        return pl.col("l4proto").is_in((uapi.IPPROTO_UDP, uapi.IPPROTO_UDPLITE)) & (~answered())

    def matters(self, entries: int, view: View) -> bool:
        return crowd(entries, view)

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        entries = case.rows.height
        kept = words.duration(case.view.timeouts.values[timeouts.UDP])
        return Account(
            severity=severity(entries, standing, _WEIGHTS, forecast),
            title=f"{words.count(entries, 'UDP flow')} got no answer.",
            explanation=(
                "A server that is gone or silent, one-way senders (syslog, metrics), or a scan. Each lasts"
                f" {kept} after its last packet."
            ),
            enabled_by=(enablers.timeout(case.view, timeouts.UDP, "unanswered UDP stays this long"),),
        )


SYMPTOM: Final = UnrepliedUdp()
