"""one-sided: TCP, ESTABLISHED or later, and no reply was ever seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import enablers, words
from halftrack.diagnosis.standing import Weights, severity
from halftrack.diagnosis.symptoms.protocols import Account
from halftrack.evidence import uapi
from halftrack.tcp import timeouts
from halftrack.tcp.keeping import longest_short

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import EnabledBy, Forecast
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.standing import Standing
    from halftrack.diagnosis.view import View

_LASTING: Final = Weights(of_limit=0.01, share=0.1, fewest=20, many=1_000)
_SHORT_S: Final = timeouts.DEFAULTS[timeouts.UNACKNOWLEDGED]
_PASSING: Final = Weights(of_limit=0.05, share=0.3, fewest=1_000)


@dataclass(frozen=True, slots=True)
class OneSided:
    slug: str = "one-sided"

    def choose(self, view: View) -> pl.Expr:  # noqa: ARG002  # the same rows in every view
        return pl.col("one_sided")

    def matters(self, entries: int, view: View) -> bool:  # noqa: ARG002  # one is worth a word
        return entries > 0

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        entries = case.rows.height
        longest, longer = _longest_left(case), lasting(case)
        lasts = longer > 0
        return Account(
            severity=severity(
                longer if lasts else entries, standing, _LASTING if lasts else _PASSING, forecast
            ),
            title=(
                f"{words.count(entries, 'connection was', 'connections were')} seen in one direction only"
                f" and {'stays' if entries == 1 else 'stay'} {_kept(case.view, longest, lasts=lasts)}."
            ),
            explanation=f"{_senders(case.rows)} {keeping(case)}",
            enabled_by=enabled_by(case),
        )


def lasting(case: Case) -> int:
    """How many stay for longer than the minutes that a kernel that clamps gives them by default.

    Those with more left, and those that get more with each packet by this node's settings: what
    little they may have left today is the end of a long stay.
    """
    return case.once("lasting", _lasting)


def _lasting(case: Case) -> int:
    longer = pl.col("timeout") > _SHORT_S
    if _given_s(case.view) > _SHORT_S:
        longer |= pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED
    return case.rows.count(longer)


def _given_s(view: View) -> int:
    """Seconds that a packet gives such an entry here; 0 where that is not known.

    On a kernel that clamps, long entries alone do not tell it: they may have been injected.
    """
    if view.features.clamps_one_sided and view.timeouts.known(timeouts.UNACKNOWLEDGED) is None:
        return 0
    return view.one_sided_s or 0


def _longest_left(case: Case) -> int:
    return int(case.rows.column("timeout").max() or 0)  # type: ignore[arg-type]  # a column of integers


def _kept(view: View, longest: int, *, lasts: bool) -> str:
    if not lasts:
        return "minutes at most"
    if longest > _SHORT_S:
        return f"up to {words.duration(longest)}"
    return f"{words.duration(_given_s(view))} after their last packet"


def _senders(rows: MarkedRows) -> str:
    from_server = rows.select(
        (pl.col("local_src") == (pl.col("side").cast(pl.String) != "client")).mean()
    ).item()
    if from_server > 0.9:
        return "Only the server's packets were seen."
    if from_server < 0.1:
        return "Only the client's packets were seen."
    return "Packets of one end only were seen."


def keeping(case: Case) -> str:
    """Why this kernel keeps entries that never saw a reply as long as it does, in a sentence."""
    view, longest, longer = case.view, _longest_left(case), lasting(case)
    if not longer:
        return _passing(view)
    if view.features.clamps_one_sided is False:
        lifetime = view.timeouts.values[timeouts.ESTABLISHED]
        return f"This kernel keeps such an entry {words.duration(lifetime)} (newer ones 5 min)."
    if view.features.clamps_one_sided is None:
        return (
            f"They have up to {words.duration(longest)} left: this kernel does not cut such entries short,"
            " or two timeouts were raised."
        )
    return _lasting_despite_clamp(view, longest, longer, case.rows.height)


def _passing(view: View) -> str:
    if view.clamps:
        return (
            f"This kernel drops such an entry {words.duration(view.one_sided_s or 300)} after its last"
            " packet: those that stay are in use."
        )
    return "They have less than 5 min left; older kernels keep such entries for days."


def _lasting_despite_clamp(view: View, longest: int, longer: int, entries: int) -> str:
    if view.gave_s is not None and longest <= view.gave_s:
        return (
            f"This kernel gives such an entry {words.duration(view.one_sided_s or 0)}, and gave it"
            f" {words.duration(view.gave_s)} at an earlier moment: {longer:,} of {entries:,} have up to"
            f" {words.duration(longest)} left of that."
        )
    if view.one_sided_s is not None and longest > view.one_sided_s:
        return (
            f"This kernel gives such an entry {words.duration(view.one_sided_s)}; {longer:,} of {entries:,}"
            f" have up to {words.duration(longest)} left: injected, or under a timeout policy."
        )
    if view.timeouts.known(timeouts.UNACKNOWLEDGED) is None:
        return (
            "This kernel cuts them to 5 min unless two timeouts were raised; else they were injected or have"
            " a timeout policy."
        )
    return (
        "tcp_timeout_unacknowledged and tcp_timeout_max_retrans are both raised: such entries stay"
        f" {words.duration(view.one_sided_s or 0)}, not 5 min."
    )


def enabled_by(case: Case) -> tuple[EnabledBy, ...]:
    """The settings that let them come to be, and stay."""
    view, stays = case.view, lasting(case) > 0
    found = [enablers.loose(view)]
    if stays and not view.features.clamps_one_sided:
        found.append(
            enablers.timeout(
                view, timeouts.ESTABLISHED, "what was picked up stays as long as a live connection"
            )
        )
    if stays and view.features.clamps_one_sided is not False:
        default = timeouts.DEFAULTS[timeouts.UNACKNOWLEDGED]
        found += [
            enablers.timeout(view, name, "raised above 300 s: one of the two alone would change nothing")
            for name in (timeouts.UNACKNOWLEDGED, timeouts.MAX_RETRANS)
            if longest_short(view.timeouts) > default and (view.timeouts.known(name) or default) > default
        ]
    return tuple(each for each in found if each is not None)


SYMPTOM: Final = OneSided()
