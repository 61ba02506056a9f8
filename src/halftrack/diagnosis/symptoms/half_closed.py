"""half-closed: TCP connections that one end has closed and the other has not, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import enablers, words
from halftrack.diagnosis.standing import Weights, severity
from halftrack.diagnosis.symptoms.protocols import Account
from halftrack.diagnosis.symptoms.volume import crowd
from halftrack.evidence import uapi
from halftrack.evidence.values import KUBE_PROXY
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Forecast
    from halftrack.diagnosis.standing import Standing
    from halftrack.diagnosis.view import View

_STATES: Final = (uapi.TCP_CONNTRACK_FIN_WAIT, uapi.TCP_CONNTRACK_CLOSE_WAIT, uapi.TCP_CONNTRACK_LAST_ACK)
_WEIGHTS: Final = Weights(of_limit=0.05, share=0.3, fewest=1_000)
_KUBE_PROXY_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class HalfClosed:
    slug: str = "half-closed"

    def choose(self, view: View) -> pl.Expr:  # noqa: ARG002  # the same rows in every view
        return (pl.col("l4proto") == uapi.IPPROTO_TCP) & pl.col("state").is_in(_STATES)

    def matters(self, entries: int, view: View) -> bool:
        return crowd(entries, view)

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        entries = case.rows.height
        default = timeouts.DEFAULTS[timeouts.CLOSE_WAIT]
        waiting = case.rows.count(pl.col("state") == uapi.TCP_CONNTRACK_CLOSE_WAIT)
        longest = int(case.rows.select(pl.col("timeout").max()).item() or 0)
        explanation = "One end closed; the other never did."
        if waiting > entries / 2 and longest > default:
            kept = case.view.timeouts.known(timeouts.CLOSE_WAIT)
            left = f"They have up to {words.duration(longest)} left"
            if kept and longest > kept:
                explanation += (
                    f" {left}, more than today's tcp_timeout_close_wait of {words.duration(kept)} gives:"
                    " it was higher when they were closed, or they were injected."
                )
            else:
                by = f"tcp_timeout_close_wait keeps such entries {words.duration(kept)}" if kept else left
                explanation += f" {by} (kernel default {words.duration(default)})."
            if kept == _KUBE_PROXY_S or KUBE_PROXY in case.view.evidence.firewall.managers:
                explanation += " One hour is what kube-proxy sets."
        return Account(
            severity=severity(entries, standing, _WEIGHTS, forecast),
            title=(
                f"{words.count(entries, 'connection was', 'connections were')} closed by one end and not by"
                " the other."
            ),
            explanation=explanation,
            enabled_by=(
                enablers.timeout(
                    case.view, timeouts.CLOSE_WAIT, "what only one end has closed stays this long"
                ),
            ),
        )


SYMPTOM: Final = HalfClosed()
