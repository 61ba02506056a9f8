"""Evidence without the addresses and names that are its owner's, and back again.

kinds       which addresses are kept, and where stand-ins come from
layout      stand-ins for addresses and networks, so that all that is judged of them stays true
spellings   addresses in text
names       names in text, and the words of comments
walk        a piece of evidence, field by field
tables      what there is to be replaced, and by what
key         the map, which undoes it
searching   the finished bundle, searched for what must not be in it
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from halftrack.masking import layout, tables, walk

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence
    from halftrack.masking.key import Key

NoRoom = layout.NoRoom


def masked(evidence: Evidence) -> tuple[Evidence, Key]:
    """What may be given away, and the map. Raises NoRoom where there are too many addresses."""
    seen = tables.Collecting()
    walk.walked(evidence, seen)
    key = seen.key()
    found: Evidence = walk.walked(evidence, tables.Substituting(key))
    return replace(found, input=replace(found.input, masked="substituted")), key


def foreign(evidence: Evidence, key: Key) -> bool:
    """Whether the map knows less than half of the addresses of masked evidence.

    Its own may lack a few: those that a script saw in what it did not mask.
    """
    if evidence.input.masked != "substituted":
        return False
    seen = tables.Collecting()
    walk.walked(evidence, seen)
    there = seen.key().addresses.keys()
    return 2 * len(there - key.back().addresses.keys()) > len(there)


def unmasked(evidence: Evidence, key: Key) -> Evidence:
    """As it was, but for lines that could not be read."""
    found: Evidence = walk.walked(evidence, tables.Substituting(key, back=True))
    return replace(found, input=replace(found.input, masked="none"))


def unmasked_text(text: str, key: Key) -> str:
    """Likewise, whatever the text is."""
    return tables.Substituting(key, back=True).text(text)
