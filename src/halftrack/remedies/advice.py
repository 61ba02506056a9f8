"""``advice``: a change in somebody else's file, or in how the node boots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.plans.actions import ByHand, Persist
from halftrack.remedies import kube_proxy, persistence, place, setting_actions
from halftrack.remedies.live import UNKNOWN
from halftrack.remedies.shell import comment, word
from halftrack.tcp.timeouts import CLOSE_WAIT, DEFAULTS

if TYPE_CHECKING:
    from halftrack.evidence.sysctls import SysctlLine
    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation

REMEDY: Final = "advice"
_CLOSE_WAIT_S: Final = DEFAULTS[CLOSE_WAIT]
"""The kernel's default, in every release."""


def advise(situation: Situation) -> Advice | None:
    symptom = situation.finding.symptom
    if symptom == "half-closed":
        return _close_wait(situation)
    if symptom == "settings":
        return _boot_order(situation)
    return None


def _close_wait(situation: Situation) -> Advice | None:
    """Half-closed connections are kept as long as somebody set, and that was not the kernel."""
    before = situation.setting(CLOSE_WAIT)
    if before is None or before <= _CLOSE_WAIT_S:
        return None
    settings = {situation.full_name(CLOSE_WAIT): _CLOSE_WAIT_S}
    live = situation.live.half_closed(_CLOSE_WAIT_S) if situation.live else UNKNOWN
    kept = persistence.keep(settings, situation)
    now = persistence.set_now(settings, situation)
    advice = Advice(
        remedy=REMEDY,
        kind="cure",
        title=f"half-closed connections kept {before} -> {_CLOSE_WAIT_S} s, the kernel's own value",
        arguments={"setting": situation.full_name(CLOSE_WAIT), "value": _CLOSE_WAIT_S},
        effect=Effect(entries_freed=0, settles_at=situation.settles_at(_CLOSE_WAIT_S)),
        risk=Risk(
            level="low",
            why=(
                "frees nothing by itself: an entry keeps the time it has until its next packet",
                "forgets a connection closed by one end whose other end pauses for a minute, then sends on",
                *kept.notes,
            ),
            live_flows_affected=live.at_stake,
        ),
        commands=(*now, *(() if kube_proxy.owns(situation) else (*_who_set_it(situation), *kept.commands))),
    )
    return kube_proxy.hand_over(advice, {CLOSE_WAIT: _CLOSE_WAIT_S}, now, situation)


def _who_set_it(situation: Situation) -> tuple[str, ...]:
    name = situation.full_name(CLOSE_WAIT)
    if any(persistence.dotted(line.name) == name for line in situation.evidence.sysctl_lines or ()):
        return ()
    return (
        comment("no sysctl file that was read sets it: find who does"),
        f"grep -rns {word(CLOSE_WAIT)} /etc/sysctl.conf /etc/sysctl.d /etc/rc.d /etc/rc.local /etc/systemd",
    )


def _boot_order(situation: Situation) -> Advice | None:
    """Values in files that the running kernel does not have: read too early, or overwritten."""
    evidence = situation.evidence
    if not place.is_host(situation.table.namespace, evidence) or not evidence.sysctl_lines:
        return None
    lost, late = _unheard(situation)
    if not lost and not late:
        return None
    settings = situation.table.settings
    why = tuple(
        f"{line.file}:{line.line} sets {name} to {line.value}, the kernel has {settings[name]}"
        for name, line in ((persistence.dotted(line.name), line) for line in lost)
    )
    commands = list(persistence.load_module(evidence)) if late else []
    if lost:
        commands.append(comment("apply the files again, then see which value holds"))
        commands.append("sysctl --system" if place.has_systemd(evidence) else "sysctl -e -p /etc/sysctl.conf")
        commands += [f"sysctl {word(persistence.dotted(line.name))}" for line in lost]
    return Advice(
        remedy=REMEDY,
        kind="cure",
        title="settings in files that do not reach the kernel"
        if lost
        else "the module is loaded after its settings",
        arguments={"lost": len(lost)},
        effect=Effect(),
        risk=Risk(
            level="low" if lost else "none",
            why=why
            or ("at boot the settings are read before the tracker's module is there, and passed over",),
            live_flows_affected=None if lost else 0,
        ),
        commands=tuple(commands),
    )


def _unheard(situation: Situation) -> tuple[list[SysctlLine], bool]:
    """Lines whose value the kernel does not have; and whether the module comes after the files are read."""
    evidence, settings = situation.evidence, situation.table.settings
    last = {persistence.dotted(line.name): line for line in evidence.sysctl_lines or ()}
    lost = [
        line
        for name, line in last.items()
        if name in settings and "conntrack" in name and settings[name].split() != line.value.split()
    ]
    late = evidence.firewall.module_loaded_at_boot is False and any("conntrack" in name for name in last)
    return lost, late


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:
    """A value that only its file has is left to whoever wrote it: which of the two is meant, they know."""
    if "value" in advice.arguments:
        return setting_actions.change({CLOSE_WAIT: int(advice.arguments["value"])}, situation)
    lost, late = _unheard(situation)
    by_hand = tuple(
        ByHand(
            manager=f"{line.file}:{line.line}",
            lines=(
                f"{persistence.dotted(line.name)} = {line.value.strip()}",
                f"the kernel has {situation.table.settings[persistence.dotted(line.name)]}",
            ),
        )
        for line in lost
    )
    return (*((Persist(module=True),) if late else ()), *by_hand)
