"""``strict-pickup``: a connection whose beginning was not seen gets no entry (``tcp_loose=0``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.remedies import live_words, persistence, setting_actions
from halftrack.remedies.live import UNKNOWN
from halftrack.rulesets.comparing import dropping_invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation

REMEDY: Final = "strict-pickup"
SETTING: Final = "tcp_loose"
_SHOWN: Final = 2
"""Rules that are quoted."""


def helps(situation: Situation) -> bool:
    """Whether the finding's entries began in mid-stream, and mid-stream packets may begin entries.

    A path that shows one direction only is no reason: there every connection begins like that.
    """
    if situation.setting_or_default(SETTING) == 0 or situation.one_way:
        return False
    if situation.finding.symptom == "one-sided":
        return situation.enabled(SETTING)
    return situation.finding.symptom in {"orphaned", "idle-established"} and _mostly_picked_up(situation)


def _mostly_picked_up(situation: Situation) -> bool:
    rows = situation.rows
    if rows is None or not rows.height:
        return False
    return 2 * rows.count(pl.col("origin") == "pick-up") > rows.height


def advise(situation: Situation) -> Advice | None:
    return propose(situation, {}) if helps(situation) else None


def propose(situation: Situation, arguments: Mapping[str, str | int]) -> Advice:  # noqa: ARG001  # it has none
    """The same for whoever asks for it."""
    live = situation.live.picked_up() if situation.live else UNKNOWN
    settings = {situation.full_name(SETTING): 0}
    kept = persistence.keep(settings, situation)
    why = [
        _cuts(situation),
        "breaks connections of which this node sees one direction only (asymmetric routing)",
        "not before or during a clearing of entries: what was cleared by mistake cannot come back",
    ]
    if live.entries is None:
        why.append("how many connections live on pick-up today cannot be told from this evidence")
    elif live.entries:
        after = f"; then {live_words.become(live)}" if live.by_rules else ""
        why.append(
            f"{live.entries:,} connections live on pick-up today: they go on, but break when their "
            f"entry is lost or runs out{after}"
        )
    return Advice(
        remedy=REMEDY,
        kind="cure",
        title="no entries from packets in mid-stream: only a handshake makes a connection",
        arguments={"tcp_loose": 0},
        effect=Effect(entries_freed=0, settles_at=0 if situation.finding.symptom == "one-sided" else None),
        risk=Risk(
            level="high" if live.entries else "medium",
            why=(*why, *kept.notes),
            live_flows_affected=live.entries,
            live_flows=live.flows,
        ),
        commands=(*persistence.set_now(settings, situation), *kept.commands),
        after="clear",
    )


def _cuts(situation: Situation) -> str:
    """Whom it cuts when entries are lost, and by which rules where somebody read them."""
    lost = "an open connection that loses its entry (reboot, flush, fail-over) gets none again"
    if situation.rules is None or situation.rules.unread:
        return f"{lost}, and is cut where rules drop invalid packets"
    found = dropping_invalid(situation.rules)
    if not found:
        passing = "one that lets only known connections pass would cut it, too"
        return f"{lost}: no rule here names invalid packets to drop, but {passing}"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    quoted = "; ".join(each.words for each in found[:_SHOWN])
    return f"{lost}, and is cut: invalid packets are dropped by {quoted}{more}"


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:  # noqa: ARG001  # it has one value
    return setting_actions.change({SETTING: 0}, situation)
