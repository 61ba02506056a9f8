"""The packet-filter rules of a namespace of this node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.evidence.rulesets import Ruleset
from halftrack.formats import rules
from halftrack.kernel import rulesets, survey

if TYPE_CHECKING:
    from halftrack.evidence.values import Namespace


def of(namespace: Namespace) -> Ruleset:
    """All that could be read; what could not is in ``unread``."""
    (found,) = survey.visit([namespace], lambda _: here())
    if isinstance(found, Ruleset):
        return found
    return Ruleset(unread=(f"the rules of {namespace.name} could not be read: {_why(found)}",))


def here() -> Ruleset:
    """The same for the namespace of the calling thread."""
    texts = rulesets.read()
    saves = tuple(
        rules.Save(
            each.command,
            each.family,
            "iptables-legacy" if each.flavour == "legacy" else "iptables-nft",
            each.text,
        )
        for each in texts.saves
    )
    return rules.read(texts.nft_json, texts.nft_text, saves, texts.services, tuple(texts.unread))


def _why(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or "it is gone"
