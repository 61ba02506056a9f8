"""What becomes of live connections whose entries go, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Outcome
    from halftrack.remedies.live import Live, Told

_SHOWN: Final = 3
_NOBODY_READ: Final = "such ones are forgotten, and cut where the rules want a known connection"
_BECOME: Final[dict[Outcome, str]] = {
    "picked-up-again": "picked up again when they speak, and no rule here stops that",
    "goes-on-untracked": "let pass without an entry: no rule here drops what is invalid",
    "dropped": "dropped when they speak again",
    "loses-translation": "not translated any more",
    "unclear": "nobody can tell",
}


def become(live: Live) -> str:
    """A clause; by the rules where somebody read them."""
    if not live.by_rules:
        return _NOBODY_READ
    told = [_told(each) for each in live.by_rules[:_SHOWN]]
    if rest := sum(each.entries for each in live.by_rules[_SHOWN:]):
        told.append(f"{rest:,} more by other rules")
    return "; ".join(told)


def _told(told: Told) -> str:
    by = f" ({told.by})" if told.by else ""
    return f"{told.entries:,} {_BECOME[told.outcome]}{by}"
