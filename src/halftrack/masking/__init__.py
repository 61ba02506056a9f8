"""Evidence without the addresses and names that are its owner's, and back again.

kinds       which addresses are kept, and where stand-ins come from
layout      stand-ins for addresses and networks, so that all that is judged of them stays true
extending   more of them, for a map that is used again
spellings   addresses in text
names       names in text, and the words of comments
chosen      names of chains, sets and interfaces that have one of those in them
walk        a piece of evidence, field by field
tables      what there is to be replaced, and by what
key         the map, which undoes it
searching   the finished bundle, searched for what must not be in it
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.masking import layout, tables, walk
from halftrack.masking.key import numbered

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence
    from halftrack.masking.key import Key

NoRoom = layout.NoRoom
_WORD: Final = re.compile(r"[\w@%+=:,./-]+")


def masked(evidence: Evidence, known: Key | None = None) -> tuple[Evidence, Key]:
    """What may be given away, and the map.

    ``known``: a map of before, to be used again: what it stands for has the same stand-ins, and the one that
    comes back undoes all bundles of both. Raises NoRoom where there are too many addresses.
    """
    seen = tables.Collecting()
    walk.walked(evidence, seen)
    by = None if known is None or known.by is None else replace(known.by, use=known.by.use + 1)
    key = replace(seen.key(known), by=by or numbered())
    found: Evidence = walk.walked(evidence, tables.Substituting(key))
    # What somebody called an archive may name whom it is of.
    given = replace(found.input, masked="substituted", masked_by=key.by, inside="")
    return replace(found, input=given), key


def foreign(evidence: Evidence, key: Key) -> bool:
    """Whether the map is another one than that of masked evidence, which names its own.

    Where it names none, whether the map knows less than half of its addresses. Its own may lack a few: those
    that a script saw in what it did not mask.
    """
    if evidence.input.masked != "substituted":
        return False
    if evidence.input.masked_by is not None:
        return not key.undoes(evidence.input.masked_by)
    seen = tables.Collecting()
    walk.walked(evidence, seen)
    there = seen.key().addresses.keys()
    return 2 * len(there - key.back().addresses.keys()) > len(there)


def unmasked(evidence: Evidence, key: Key) -> Evidence:
    """As it was, but for lines that could not be read."""
    # The script's map has names as bytes; what is read without a mask has no such bytes in its texts either.
    shown = replace(key, names={_readable(name): stand_in for name, stand_in in key.names.items()})
    found: Evidence = walk.walked(evidence, tables.Substituting(shown, back=True))
    return replace(found, input=replace(found.input, masked="none", masked_by=None))


def _readable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def unmasked_text(text: str, key: Key) -> tuple[str, list[str]]:
    """Likewise, whatever the text is; stand-ins left in it.

    Text is pasted, or is a script: a name in which a shell finds more than a word stays masked there.
    """
    wild = {name: stand_in for name, stand_in in key.names.items() if not _WORD.fullmatch(name)}
    tame = replace(key, names={name: it for name, it in key.names.items() if name not in wild})
    found = tables.Substituting(tame, back=True).text(text)
    return found, [stand_in for stand_in in wild.values() if re.search(rf"\b{re.escape(stand_in)}\b", found)]
