"""``cap-unacknowledged``: back to the cap that newer kernels put on what never had an answer.

Since 3.11 an established entry without a reply lasts at most ``tcp_timeout_unacknowledged``, and
on most of these kernels at most ``tcp_timeout_max_retrans``: 300 s each. Only with both raised it
can last longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.remedies import persistence
from halftrack.remedies.live import UNKNOWN
from halftrack.remedies.settle import settles_at

if TYPE_CHECKING:
    from halftrack.remedies.situation import Situation

REMEDY: Final = "cap-unacknowledged"
UNACKNOWLEDGED: Final = "tcp_timeout_unacknowledged"
MAX_RETRANS: Final = "tcp_timeout_max_retrans"
DEFAULT_S: Final = 300


def helps(situation: Situation) -> bool:
    if not situation.caps_raised:
        return False
    if situation.finding.symptom == "settings":
        return situation.enabled(UNACKNOWLEDGED) or situation.enabled(MAX_RETRANS)
    return situation.finding.symptom == "one-sided"


def advise(situation: Situation) -> Advice | None:
    if not helps(situation):
        return None
    live = situation.live.unacknowledged(DEFAULT_S) if situation.live else UNKNOWN
    settings = {situation.full_name(name): DEFAULT_S for name in (UNACKNOWLEDGED, MAX_RETRANS)}
    kept = persistence.keep(settings, situation)
    why = [
        "frees nothing by itself: an entry keeps the time it has until its next packet",
        "connections whose data stays unacknowledged for 300 s are forgotten, too",
    ]
    if situation.likely("asymmetric-path", "direct-return"):
        why.append("these entries may be the traffic itself: with 300 s they live as long as it flows")
    return Advice(
        remedy=REMEDY,
        kind="cure",
        title="one-sided entries capped at 300 s again, as the kernel does by default",
        arguments={"unacknowledged": DEFAULT_S, "max_retrans": DEFAULT_S},
        effect=Effect(entries_freed=0, settles_at=settles_at(situation, DEFAULT_S)),
        risk=Risk(
            level="medium" if live.entries else "low",
            why=(*why, *kept.notes),
            live_flows_affected=live.entries,
            live_flows=live.flows,
        ),
        commands=(*persistence.set_now(settings, situation), *kept.commands),
    )
