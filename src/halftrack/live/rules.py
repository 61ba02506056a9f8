"""The packet-filter rules of a namespace of this node."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.evidence.rulesets import Ruleset
from halftrack.formats import rules
from halftrack.kernel import rulesets, survey

if TYPE_CHECKING:
    from collections.abc import Collection

    from halftrack.evidence.values import Evidence, Namespace

AFFORDABLE: Final = 4 << 20
"""Characters, of rules that only explain: four thousand services of kube-proxy's, read in half a second."""


def of(namespace: Namespace, most: int | None = None) -> Ruleset:
    """All that could be read; what could not is in ``unread``. ``most``: characters, else none of it."""
    (found,) = survey.visit([namespace], lambda _: here(most))
    if isinstance(found, Ruleset):
        return found
    return Ruleset(unread=(f"the rules of {namespace.name} could not be read: {_why(found)}",))


def here(most: int | None = None) -> Ruleset:
    """The same for the namespace of the calling thread."""
    texts = rulesets.read()
    told = (texts.nft_json, texts.nft_text, texts.services, *(each.text for each in texts.saves))
    many = sum(len(text) for text in told if text is not None)
    if most is not None and many > most:
        return Ruleset(unread=(f"they are {many:,} characters long, of which {most:,} would be read",))
    return rules.read(texts.nft_json, texts.nft_text, tuple(texts.saves), texts.services, tuple(texts.unread))


def added(seen: Evidence, only: Collection[str] | None = None) -> Evidence:
    """With the rules of every namespace of this node whose entries were read. ``only``: of these names."""
    tables = (
        replace(table, rules=of(table.namespace))
        if table.rules is None
        and table.flows is not None
        and not table.skipped
        and (only is None or table.netns in only)
        else table
        for table in seen.tables
    )
    return replace(seen, tables=tuple(tables))


def _why(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or "it is gone"
