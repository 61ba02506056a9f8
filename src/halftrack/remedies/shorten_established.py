"""``shorten-established``: an established connection that falls silent is kept for hours, not days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import Advice, Effect, Risk, RiskLevel
from halftrack.remedies import kube_proxy, live_words, persistence, setting_actions
from halftrack.remedies.live import UNKNOWN
from halftrack.tcp.timeouts import ESTABLISHED, SAFE_ESTABLISHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.plans.actions import Action
    from halftrack.remedies.live import Live
    from halftrack.remedies.situation import Situation

REMEDY: Final = "shorten-established"
SETTING: Final = ESTABLISHED
_KEEPALIVE: Final = "net.ipv4.tcp_keepalive_time"
_TRIED: Final = (SAFE_ESTABLISHED, *(hours * 3_600 for hours in (4, 8, 24, 48)))
_MANY: Final = 0.01
"""Share of a table from which the connections at risk are many."""


def helps(situation: Situation) -> bool:
    """Whether this finding lives on the established timeout, and the timeout is above the safe value."""
    if situation.setting_or_default(SETTING) <= SAFE_ESTABLISHED:
        return False
    symptom = situation.finding.symptom
    if symptom == "one-sided":
        return situation.enabled(SETTING) and not situation.caps_raised
    if symptom == "idle-established":
        return situation.finding.severity != "info" and not situation.likely("idle-pool")
    return symptom == "orphaned" or (symptom == "settings" and situation.enabled(SETTING))


def advise(situation: Situation, to_s: int | None = None) -> Advice | None:
    """``to_s``: the timeout to set, seconds; None: the shortest that does not cut many for good."""
    if not helps(situation):
        return None
    return propose(situation, {"established": to_s or _sparing(situation)})


def _sparing(situation: Situation) -> int:
    """Where even the longest one would cut many, the safe one, whose risk says so."""
    tried = (to_s for to_s in _TRIED if to_s < situation.setting_or_default(SETTING))
    return next((to_s for to_s in tried if level(_silent(situation, to_s), situation) != "high"), _TRIED[0])


def _silent(situation: Situation, to_s: int) -> Live:
    return situation.live.silent(to_s) if situation.live else UNKNOWN


def propose(situation: Situation, arguments: Mapping[str, str | int]) -> Advice:
    """The same for whoever asks for it. ``arguments``: ``established``, seconds."""
    to_s = int(arguments.get("established", SAFE_ESTABLISHED))
    live = _silent(situation, to_s)
    settings = {situation.full_name(SETTING): to_s}
    now = persistence.set_now(settings, situation)
    kept = persistence.keep(settings, situation)
    advice = Advice(
        remedy=REMEDY,
        kind="cure",
        title=f"established timeout {situation.setting_or_default(SETTING)} -> {to_s} s",
        arguments={"established": to_s},
        effect=Effect(entries_freed=0, settles_at=situation.settles_at(to_s)),
        risk=Risk(
            level=level(live, situation),
            why=(*warnings(situation, live, to_s), *kept.notes),
            live_flows_affected=live.at_stake,
            live_flows=live.flows,
        ),
        commands=(*now, *kept.commands),
    )
    return kube_proxy.hand_over(advice, {SETTING: to_s}, now, situation)


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:
    return setting_actions.change({SETTING: int(advice.arguments["established"])}, situation)


def level(live: Live, situation: Situation) -> RiskLevel:
    """How much is at stake, by the connections that would be cut."""
    if live.at_stake is None:
        return "medium"
    if live.at_stake == 0:
        return "low"
    total = len(situation.table.flows) if situation.table.flows is not None else 0
    return "high" if live.at_stake > _MANY * total and live.translated else "medium"


def warnings(situation: Situation, live: Live, to_s: int) -> tuple[str, ...]:
    """What speaks against a shorter established timeout here, one sentence each."""
    why = ["frees nothing by itself: an entry keeps the time it has until its next packet"]
    if live.entries is None:
        why.append("which open connections are silent for so long cannot be told from this evidence")
    elif live.entries:
        why.append(
            f"{live.entries:,} open connections are silent for more than {words.duration(to_s)}:"
            f" {live_words.become(live)}"
        )
    if live.translated:
        why.append(
            f"{live.translated:,} of them are translated (NAT): without their entry the far end "
            "can no longer reach through"
        )
    shorter = _silent(situation, SAFE_ESTABLISHED)
    if to_s > SAFE_ESTABLISHED and level(shorter, situation) == "high":
        why.append(
            f"not {words.duration(SAFE_ESTABLISHED)}, which would cut {shorter.at_stake:,} silent connections"
        )
    if to_s < SAFE_ESTABLISHED:
        why.append(
            f"below {words.duration(SAFE_ESTABLISHED)}: under the 2 h keepalive and what RFC 5382"
            " asks of a translator"
        )
    keepalive = situation.table.settings.get(_KEEPALIVE, "")
    if keepalive.isdecimal() and int(keepalive) >= to_s:
        why.append(f"keepalives are sent only every {words.duration(int(keepalive))} here ({_KEEPALIVE})")
    return tuple(why)
