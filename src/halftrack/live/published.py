"""What the rules of the node's own namespace hand on to others: services and published ports."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import TYPE_CHECKING, Final

from halftrack.evidence import addresses, uapi
from halftrack.evidence.values import HOST, Front, Gap
from halftrack.kernel import privileges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.evidence.values import Namespace
    from halftrack.live.place import Place
    from halftrack.rulesets.translations import Translation

_WHAT: Final = "names of services and ports that rules publish"


def place_of(spaces: Sequence[Namespace]) -> Namespace:
    """The namespace whose rules stand before all others'; our own where the node's is not seen."""
    return next((space for space in spaces if space.name == HOST), spaces[0])


def own_addresses(places: Sequence[Place]) -> list[str]:
    """Of the namespace that fronts are read of."""
    own = place_of([place.namespace for place in places])
    details = next((place.details for place in places if place.namespace == own), None)
    return [one.address for one in (details.addresses if details else None) or ()]


def read(spaces: Sequence[Namespace]) -> tuple[tuple[Front, ...], tuple[Gap, ...]]:
    """The fronts, and what kept some from being known.

    Whoever may not list rules is told of the entries, which take the same; a name more or less
    hides nothing.
    """
    if privileges.missing(privileges.TO_LIST_RULES):
        return (), ()
    from halftrack.live import rules  # noqa: PLC0415  # the readers of rules, while the kernel dumps
    from halftrack.rulesets import translations  # noqa: PLC0415  # likewise

    found = rules.of(place_of(spaces), rules.AFFORDABLE)
    fronts = tuple(map(_front, translations.translations(found)))
    return fronts, tuple(Gap(_WHAT, why) for why in found.unread)


def within(
    handed: Future[tuple[tuple[Front, ...], tuple[Gap, ...]]], seconds: float
) -> tuple[tuple[Front, ...], tuple[Gap, ...]]:
    """What ``read`` gave, if it gave it by then. What the tools still print nobody waits for."""
    try:
        return handed.result(seconds)
    except Late:
        return (), (Gap(_WHAT, "the rules were not read in time"),)


def _front(one: Translation) -> Front:
    return Front(
        uapi.PROTOCOL_NAMES[one.protocol],
        one.port,
        tuple((_text(end.address), end.port or one.port) for end in one.ends),
        None if one.address is None else _text(one.address),
        one.name,
        one.whole,
        one.past,
    )


def _text(address: int) -> str:
    return addresses.to_text(*addresses.halves(address))
