"""Why a cure is left out of a plan: for each, the one reason that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.remedies import notrack, place, timeout_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from halftrack.diagnosis.document import Advice
    from halftrack.planning.picks import Pick
    from halftrack.remedies.situation import Situation

_ENTRIES: Final = ("one-sided", "orphaned")
_CLEAR_FIRST: Final = "not together with clearing: what went by mistake could not come back; later, by name"


def cures_left(
    situation: Situation, offered: Mapping[str, Advice], chosen: Sequence[Pick], *, drained: bool
) -> Iterator[tuple[str, str]]:
    """Remedy and reason. ``offered``: the finding's cures by slug; ``drained``: the plan clears entries."""
    taken = {each.remedy for each in chosen}
    for name, advice in offered.items():
        if name not in taken:
            yield name, _why(name, advice, chosen[-1] if chosen else None, drained=drained)
    if situation.finding.symptom in _ENTRIES:
        yield from _never_offered(situation, offered)


def _why(name: str, advice: Advice, chosen: Pick | None, *, drained: bool) -> str:
    if name == "strict-pickup":
        return _strict(advice, drained=drained)
    if name == "notrack":
        service = advice.arguments.get("service", "the service")
        return f"it takes {service} out of every rule on connection state: by name only"
    return "it changes nothing here" if chosen is None else _beside(name, advice, chosen)


def _beside(name: str, advice: Advice, chosen: Pick) -> str:
    """Why the one that was chosen is better."""
    if "manager" in chosen.advice.arguments:
        return f"{chosen.advice.arguments['manager']} writes the node's timeouts here"
    if chosen.remedy == "timeout-policy":
        return _node_wide(advice)
    if name == "timeout-policy" and chosen.remedy == "shorten-established":
        return "the node-wide timeout cuts no more, and holds for connections that exist"
    return f"{chosen.remedy} suffices"


def _strict(advice: Advice, *, drained: bool) -> str:
    live = advice.risk.live_flows_affected
    if live:
        return f"after it, {live:,} live picked-up flows would break"
    if drained:
        return _CLEAR_FIRST
    if live is None:
        return "how many connections live on pick-up cannot be told from this evidence"
    return "it refuses what another cure merely shortens"


def _node_wide(advice: Advice) -> str:
    live = advice.risk.live_flows_affected
    if live is None:
        return "for the whole node: whom it would cut cannot be told from this evidence"
    return f"for the whole node it may cut {live:,} live connections that are merely silent"


def _never_offered(situation: Situation, offered: Mapping[str, Advice]) -> Iterator[tuple[str, str]]:
    refused = notrack.refused(situation)
    if refused is not None and "notrack" not in offered:
        _, _, why = refused.partition(": ")
        yield "notrack", why or refused
    if "timeout-policy" not in offered and timeout_policy.candidate(situation) is not None:
        known = place.version(situation.evidence)
        told = (
            "the kernel's release is not known" if known is None else f"kernel {known[0]}.{known[1]} has none"
        )
        yield "timeout-policy", told
