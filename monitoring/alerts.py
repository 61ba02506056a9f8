"""The four things worth waking for. What to do about each is a runbook of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from monitoring import records
from monitoring.pace import CROWDED, FULL, IDLE_LEAK, LEAK, SOON_S

if TYPE_CHECKING:
    from monitoring.pace import Pace

_WHERE: Final = (
    "{{ $labels.instance }}{{ with $labels.netns }}{{ if eq . `other` }}, one of several other namespaces"
    "{{ else }}, namespace {{ . }}{{ end }}{{ end }}"
)
_WHOSE: Final = (
    "{{ with printf `topk(1, halftrack_stuck_entries{job=%q, instance=%q})` $labels.job $labels.instance"
    " | query }}{{ with first . }} Largest finding on this node: {{ .Value | printf `%.0f` }} entries"
    " {{ .Labels.symptom }}, owner {{ .Labels.owner }}, service {{ .Labels.service }}.{{ end }}"
    "{{ else }} No finding on this node says whose it is.{{ end }}"
)
"""Asked for when the alert is told, and no label of it: another owner would make it another alert."""


@dataclass(frozen=True, slots=True)
class Alert:
    """``when``: the condition in words, for the table of the docs. ``for_``: minutes that it holds."""

    name: str
    severity: Literal["critical", "warning"]
    expr: str
    for_: int
    when: str
    summary: str
    description: str


def alerts(pace: Pace) -> tuple[Alert, ...]:
    """Worst first."""
    return (_dropping(pace), _full_soon(pace), _leak(pace), _unseen(pace), _all_unseen())


def _dropping(pace: Pace) -> Alert:
    filled = f"max_over_time({records.FILLED}[{pace.span(5)}])"
    return Alert(
        name="HalftrackDropping",
        severity="critical",
        expr=f"({records.DROPPED} > 0 and on (job, instance, netns) {filled} >= {CROWDED})\n"
        f"or\n({records.DROPPED_EARLY} > 0 and on (job, instance, netns) {filled} >= {FULL})",
        for_=2,
        when=f"packets are dropped and the table was {CROWDED * 100:.0f} % full within five minutes, or"
        f" unanswered entries are thrown out and it was {FULL * 100:.0f} % full",
        summary="The connection table is full and new connections fail.",
        description=f"{_WHERE}: {{{{ $value | humanize }}}} a second are dropped, or thrown out before they"
        f" were answered. Connections that are open go on.{_WHOSE}",
    )


def _full_soon(pace: Pace) -> Alert:
    return Alert(
        name="HalftrackFullSoon",
        severity="critical",
        expr=f"max_over_time(halftrack_full_in_seconds[{pace.span(10)}]) < {SOON_S}",
        for_=15,
        when=f"each forecast of ten minutes sees the table full within {SOON_S // 3_600} hours",
        summary="A connection table is full, or will be within hours.",
        description=f"{_WHERE}: full in {{{{ $value | humanizeDuration }}}} at the pace of the last hours."
        f" New connections fail from then on.{_WHOSE}",
    )


def _leak(pace: Pace) -> Alert:
    lowest = f"min_over_time({records.STUCK}{{symptom%s}}[{pace.span(10)}])"
    lasting = lowest % '=~"one-sided|orphaned|half-closed|stale-nat"'
    idle = lowest % '="idle-established"'
    return Alert(
        name="HalftrackLeak",
        severity="warning",
        expr=f"{lasting} >= {LEAK}\nor\n{idle} >= {IDLE_LEAK}",
        for_=20,
        when="one owner's stuck entries for one service never take less than"
        f" {LEAK * 100:.0f} % of the limit, or {IDLE_LEAK * 100:.0f} % where they are merely silent",
        summary="One service leaks entries of the connection table.",
        description="{{ $labels.instance }}: {{ $value | humanizePercentage }} of the table's limit is"
        " {{ $labels.symptom }} and stays. Owner {{ $labels.owner }}, service {{ $labels.service }}.",
    )


def _unseen(pace: Pace) -> Alert:
    return Alert(
        name="HalftrackUnseen",
        severity="warning",
        expr=f"time() - {records.SEEN} > {pace.seconds(30)}",
        for_=0,
        when="for half an hour a node that Prometheus asks gave no complete look at its tables: no metrics,"
        " old ones, or a part only",
        summary="A node's connection tables cannot be seen in full.",
        description="{{ $labels.instance }}: last seen in full {{ $value | humanizeDuration }} ago, or not"
        " since it is known. A leak there shows in no other alert of ours.",
    )


def _all_unseen() -> Alert:
    return Alert(
        name="HalftrackUnseen",
        severity="critical",
        expr="absent(halftrack_up)",
        for_=30,
        when="no node at all has metrics of ours",
        summary="No node's connection tables can be seen.",
        description="Prometheus has no metrics of Halftrack from any node, so none of its other alerts can"
        " fire.",
    )
