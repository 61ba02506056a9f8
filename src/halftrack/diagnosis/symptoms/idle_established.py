"""idle-established: answered TCP, established, silent for longer than a keepalive would allow.

On kernels that cut one-sided entries short, this is where what was never closed piles up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import enablers, words
from halftrack.diagnosis.entries import connected
from halftrack.diagnosis.standing import CROWDED, Weights, severity
from halftrack.diagnosis.symptoms import sockets
from halftrack.diagnosis.symptoms.protocols import Account
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Forecast
    from halftrack.diagnosis.standing import Standing
    from halftrack.diagnosis.view import View

_KEEPALIVE: Final = "net.ipv4.tcp_keepalive_time"
_DEFAULT_KEEPALIVE_S: Final = 7_200
_MARGIN_S: Final = timeouts.SAFE_ESTABLISHED - _DEFAULT_KEEPALIVE_S

_UNKNOWN_SOCKETS: Final = Weights(of_limit=0.05, share=0.25, fewest=500, many=None)
_LIVE_SOCKETS: Final = Weights(of_limit=0.25, share=0.5, fewest=5_000)


def quiet_s(view: View) -> int:
    """Seconds of silence after which a connection with keepalive would have spoken.

    Peers use their own keepalive, so a shorter one here shortens nothing.
    """
    keepalive = timeouts.whole(view.table.settings.get(_KEEPALIVE)) or 0
    return max(keepalive, _DEFAULT_KEEPALIVE_S) + _MARGIN_S


@dataclass(frozen=True, slots=True)
class IdleEstablished:
    slug: str = "idle-established"

    def choose(self, view: View) -> pl.Expr:
        return connected() & (pl.col("idle_s") > quiet_s(view))

    def matters(self, entries: int, view: View) -> bool:  # noqa: ARG002  # one is worth a word
        return entries > 0

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        view = case.view
        entries = case.rows.height
        # What is left here with its owner's sockets known has one: the rest is orphaned.
        alive = sockets.of_case(case)
        quiet = words.duration(quiet_s(view))
        have = "has" if entries == 1 else "have"
        if alive == entries:
            level = severity(entries, standing, _LIVE_SOCKETS, forecast) if _tight(standing) else "info"
            title = (
                f"{words.count(entries, 'open connection')} {have} been silent for over {quiet};"
                f" {'its socket lives' if entries == 1 else 'their sockets live'}."
            )
            explanation = (
                "Open, and their processes still hold them: pools and sessions at rest, or ends that nobody"
                " has asked after since their peers went away. A lower established timeout would cut all of"
                " them."
            )
        else:
            level = severity(entries, standing, _UNKNOWN_SOCKETS, forecast)
            title = (
                f"{words.count(entries, 'answered connection')} {have} been silent for over {quiet}:"
                " dead, or merely at rest."
            )
            explanation = (
                "Connections whose ends died without a word look like this; the kernel keeps them"
                f" {kept(case)}."
            )
            if alive:
                explanation += f" {words.count(alive, 'socket')} of them still {_live(alive)}."
        why = "what ends unseen stays this long"
        return Account(level, title, explanation, (enablers.timeout(view, timeouts.ESTABLISHED, why),))


def kept(case: Case) -> str:
    """How long the kernel keeps established connections, and how long some of these all the same."""
    given_s = case.view.timeouts.values[timeouts.ESTABLISHED]
    longest = int(case.rows.column("timeout").max() or 0)  # type: ignore[arg-type]  # a column of integers
    if not case.view.past or longest <= given_s:
        return words.duration(given_s)
    left = f"{words.duration(longest)} left of what it gave them before"
    return f"{words.duration(given_s)} from their next packet on; now they have up to {left}"


def _live(number: int) -> str:
    return "lives" if number == 1 else "live"


def _tight(standing: Standing) -> bool:
    return (standing.fullness or 0) >= CROWDED


SYMPTOM: Final = IdleEstablished()
