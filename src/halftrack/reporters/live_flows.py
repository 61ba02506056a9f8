"""Open connections that something would cut, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from halftrack.diagnosis.document import LiveFlows

_OUTCOMES: Final = {
    "picked-up-again": "the next packet makes a new entry, where rules let it",
    "dropped": "the next packet belongs to no connection, and is dropped where rules drop such",
    "loses-translation": "the next packet goes out untranslated, and the connection is lost",
    "goes-on-untracked": "the next packet passes without an entry: no rule here drops it",
    "unclear": "what becomes of the next packet cannot be told",
}
_BY_RULES: Final = {
    "picked-up-again": "the next packet makes a new entry: no rule here stops it",
    "dropped": "the next packet is dropped",
}
"""Where the rules were read."""


def told(flows: LiveFlows) -> str:
    """Whose they are, and what happens to each."""
    peers = ", ".join(f"{peer.address} ({peer.entries:,})" for peer in flows.peers)
    whose = f"{flows.entries:,} of {flows.service}{f' with {peers}' if peers else ''}"
    if flows.outcome is not None:
        known = flows.rules_read and flows.outcome in _BY_RULES
        whose += f": {_BY_RULES[flows.outcome] if known else _OUTCOMES[flows.outcome]}"
        whose += f" ({flows.by})" if flows.by else ""
    return f"{whose}; e.g. {flows.example}"
