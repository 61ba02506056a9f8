"""What a plan says of the time that a packet gives an entry, and of how many entries go: pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from halftrack.evidence.sysctls import PREFIX
from halftrack.plans.actions import AddRules, SetSysctl, TimeoutPolicy, Untracked
from halftrack.plans.rehearsal import Kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halftrack.changes.rehearsal.services import Service
    from halftrack.plans.actions import Action

ESTABLISHED: Final = f"{PREFIX}tcp_timeout_established"
_LOOSE: Final = f"{PREFIX}tcp_loose"
_CAPS: Final = (
    ESTABLISHED,
    f"{PREFIX}tcp_timeout_unacknowledged",
    f"{PREFIX}tcp_timeout_max_retrans",
)
_ROUNDING_S: Final = 3
"""The kernel shows whole seconds that are left, a moment after the packet."""
_SHARE: Final = 0.05
_DEVIATIONS: Final = 3
_FEW: Final = 2


def kept(
    actions: Sequence[Action], service: Service, usual: str | None, before: int | None, after: int | None
) -> Kept:
    """Of a connection that was opened after these actions, and had data both ways.

    ``usual``: the timeout of established connections before them, as the setting has it.
    """
    rules = [action.rule for action in actions if isinstance(action, AddRules)]
    if any(isinstance(rule, Untracked) and _is_for(rule, service) for rule in rules):
        return Kept(before=before, after=after, untracked=True, agrees=after is None)
    policies = [
        rule.timeouts["established"]
        for rule in rules
        if isinstance(rule, TimeoutPolicy) and _is_for(rule, service) and "established" in rule.timeouts
    ]
    set_to = [action.after for action in _settings(actions, (ESTABLISHED,))]
    if policies:
        foretold = policies[-1]
    elif set_to and _is(before, usual):
        foretold = int(set_to[-1])
    else:
        # Nothing is said of it, or rules that are there already keep it another time.
        return Kept(before=before, after=after)
    return Kept(before=before, after=after, foretold=foretold, agrees=_is(after, foretold))


def late(actions: Sequence[Action], service: Service, before: int | None, after: int | None) -> Kept | None:
    """Of a packet without a connection; None where nothing is said of such, and none made an entry."""
    rules = [action.rule for action in actions if isinstance(action, AddRules)]
    strict = any(action.after == "0" for action in _settings(actions, (_LOOSE,)))
    if strict or any(isinstance(rule, Untracked) and _is_for(rule, service) for rule in rules):
        return Kept(before=before, after=after, untracked=True, agrees=after is None)
    caps = [int(action.after) for action in _settings(actions, _CAPS)]
    if caps:
        most = min(caps)
        return Kept(before=before, after=after, foretold=most, agrees=after is None or after <= most)
    return Kept(before=before, after=after) if (before, after) != (None, None) else None


def settles(predicted: int | None, found: Iterable[Kept | None]) -> int | None:
    """What a prediction comes to with the time that packets were seen to give; None: none was seen."""
    if predicted is None:
        return None
    for one in found:
        if one is None or (one.foretold is None and not one.untracked):
            continue
        if one.after is None or one.foretold is None:
            return 0 if one.after is None else None
        near = abs(one.after - one.foretold) <= _ROUNDING_S
        return predicted if near else round(predicted * one.after / max(one.foretold, 1))
    return None


def of_sample(freed: int | None, there: int, drawn: int) -> int | None:
    """What the prediction for ``there`` entries comes to for the ``drawn`` of them that are in the sample."""
    if freed is None:
        return None
    return 0 if not there else round(freed * drawn / there)


def agrees(foretold: int, happened: int, *, drawn: bool) -> bool:
    """Whether it is the same within 5 % and, where entries were drawn, what chance does to a draw."""
    chance = _DEVIATIONS * math.sqrt(foretold) if drawn else 0.0
    return abs(happened - foretold) <= _FEW + _SHARE * foretold + chance


def _settings(actions: Sequence[Action], names: Sequence[str]) -> list[SetSysctl]:
    return [action for action in actions if isinstance(action, SetSysctl) and action.name in names]


def _is_for(rule: Untracked | TimeoutPolicy, service: Service) -> bool:
    """By what clients connect to, or by where it is: rules stand on both sides of translation."""
    if isinstance(rule, Untracked):
        return rule.protocol == "tcp" and (rule.address, rule.port) in (service.front, service.back)
    ports = {rule.port, *rule.published}
    return any(
        port in ports and rule.address in (None, address) for address, port in (service.front, service.back)
    )


def _is(seconds: int | None, wanted: int | str | None) -> bool:
    if seconds is None or wanted is None or not str(wanted).isdecimal():
        return False
    return 0 <= int(wanted) - seconds <= _ROUNDING_S
