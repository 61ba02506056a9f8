"""half-open: TCP handshakes that were begun and not finished, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import enablers, words
from halftrack.diagnosis.entries import answered, unfinished
from halftrack.diagnosis.standing import Weights, severity
from halftrack.diagnosis.symptoms.protocols import Account
from halftrack.diagnosis.symptoms.volume import crowd

if TYPE_CHECKING:
    import polars as pl

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import EnabledBy, Forecast
    from halftrack.diagnosis.standing import Standing
    from halftrack.diagnosis.view import View

_WEIGHTS: Final = Weights(of_limit=0.05, share=0.3, fewest=1_000)


@dataclass(frozen=True, slots=True)
class HalfOpen:
    slug: str = "half-open"

    def choose(self, view: View) -> pl.Expr:  # noqa: ARG002  # the same rows in every view
        return unfinished()

    def matters(self, entries: int, view: View) -> bool:
        return crowd(entries, view)

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        entries = case.rows.height
        unanswered = case.rows.count(~answered())
        if unanswered > entries / 2:
            seen = "No answer to the SYN was seen: nobody is there, or it takes another way."
        else:
            seen = "The SYN was answered and the last step never came: forged senders, or a lossy path."
        return Account(
            severity=severity(entries, standing, _WEIGHTS, forecast),
            title=f"{words.count(entries, 'connection')} began and did not get past the handshake.",
            explanation=f"{seen} A full table gives these up first.",
            enabled_by=_enabled_by(case.view),
        )


def _enabled_by(view: View) -> tuple[EnabledBy, ...]:
    found = (
        enablers.no_cookies(view),
        enablers.timeout(view, "tcp_timeout_syn_sent", "an unanswered SYN stays this long"),
        enablers.timeout(view, "tcp_timeout_syn_recv", "an unfinished handshake stays this long"),
    )
    return tuple(each for each in found if each is not None)


SYMPTOM: Final = HalfOpen()
