"""``cap-unacknowledged``: back to the cap that newer kernels put on what never had an answer.

Since 3.11 an established entry without a reply lasts at most ``tcp_timeout_unacknowledged``, and
on most of these kernels at most ``tcp_timeout_max_retrans``: 300 s each. Only with both raised it
can last longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import words
from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.remedies import persistence, setting_actions
from halftrack.remedies.live import UNKNOWN
from halftrack.tcp.timeouts import DEFAULTS, MAX_RETRANS, UNACKNOWLEDGED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation

REMEDY: Final = "cap-unacknowledged"
_DEFAULT_S: Final = DEFAULTS[UNACKNOWLEDGED]
_MOST: Final = 0.5
NEARLY_ALL: Final = 0.9


def helps(situation: Situation) -> bool:
    if not situation.caps_raised:
        return False
    if situation.finding.symptom == "settings":
        return situation.enabled(UNACKNOWLEDGED) or situation.enabled(MAX_RETRANS)
    return unanswered(situation) >= _MOST


def unanswered(situation: Situation) -> float:
    """Share of the finding's entries that never had an answer: those whose time this sets."""
    if situation.finding.symptom == "one-sided":
        return 1.0
    if situation.finding.symptom != "orphaned" or situation.rows is None or not situation.rows.height:
        return 0.0
    return situation.rows.count(pl.col("one_sided")) / situation.rows.height


def advise(situation: Situation) -> Advice | None:
    return propose(situation, {}) if helps(situation) else None


def propose(situation: Situation, arguments: Mapping[str, str | int]) -> Advice:
    """The same for whoever asks for it. ``arguments``: ``unacknowledged`` and ``max_retrans``, seconds."""
    unacknowledged = int(arguments.get("unacknowledged", _DEFAULT_S))
    max_retrans = int(arguments.get("max_retrans", _DEFAULT_S))
    longest = min(unacknowledged, max_retrans)
    live = situation.live.unacknowledged(longest) if situation.live else UNKNOWN
    settings = {
        situation.full_name(UNACKNOWLEDGED): unacknowledged,
        situation.full_name(MAX_RETRANS): max_retrans,
    }
    kept = persistence.keep(settings, situation)
    share = unanswered(situation)
    why = [
        "frees nothing by itself: an entry keeps the time it has until its next packet",
        f"connections whose data stays unacknowledged for {longest} s are forgotten, too",
    ]
    if _MOST <= share < NEARLY_ALL:
        why.append(f"{words.percent(1 - share)} of these entries had an answer, and keep their time")
    if situation.one_way:
        why.append(f"these entries may be the traffic itself: with {longest} s they live as long as it flows")
    return Advice(
        remedy=REMEDY,
        kind="cure",
        title=(
            f"one-sided entries capped at {longest} s"
            f"{' again, as the kernel does by default' if longest == _DEFAULT_S else ''}"
        ),
        arguments={"unacknowledged": unacknowledged, "max_retrans": max_retrans},
        effect=Effect(
            entries_freed=0,
            settles_at=situation.settles_at(longest) if share >= NEARLY_ALL else None,
        ),
        risk=Risk(
            level="medium" if live.at_stake else "low",
            why=(*why, *kept.notes),
            live_flows_affected=live.at_stake,
            live_flows=live.flows,
        ),
        commands=(*persistence.set_now(settings, situation), *kept.commands),
    )


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:
    told = {UNACKNOWLEDGED: "unacknowledged", MAX_RETRANS: "max_retrans"}
    return setting_actions.change(
        {name: int(advice.arguments[argument]) for name, argument in told.items()}, situation
    )
