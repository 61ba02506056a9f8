"""From a skeleton to its shape, whichever format it is of; each skeleton is looked at once."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.formats import plain, save, xml
from halftrack.formats.shapes import LONGEST, Kind, Shape, Unreadable

if TYPE_CHECKING:
    import polars as pl

    from halftrack.formats.digits import Places

_SKIPPED: Final = re.compile(r"[ \t\r\x01]*(?:#.*|<\?xml.*|</?conntrack>?.*|\[USERSPACE\].*)?", re.DOTALL)
_OTHERS: Final = (
    (re.compile(r".*\(conntrack-tools\): 0 flow entries have been shown\.\s*"), Kind.SHOWN),
    (re.compile(r".*\(conntrack-tools\): 0 flow events have been shown\.\s*"), Kind.SKIPPED),
    (
        re.compile(r"\s*(?:sysctl )?(?:/proc/sys/)?net[./][\w./-]+\s*[=:]\s*-?0(?:\s+-?0)*\s*"),
        Kind.SETTING,
    ),
    (
        re.compile(
            r"\s*(?:0-0-0[T ]0:0:0(?:[.,]0)?(?:Z|[+-]0:?0)"
            r"|[A-Z][a-z]{2} [A-Z][a-z]{2} +0 0:0:0 (?:UTC|GMT) 0)\s*"
        ),
        Kind.MOMENT,
    ),
    (re.compile(r"\s*(?:Linux \S+ )?0\.0(?:\.0)?(?:[-.+~_]\S*)?(?: #.*)?\s*"), Kind.RELEASE),
)
_MOST_SHAPES: Final = 20_000


def shape_of(skeleton: str, *, addresses_captured: bool) -> Shape:  # noqa: PLR0911  # a way out for each kind of line
    """What lines of this skeleton are."""
    if _SKIPPED.fullmatch(skeleton):
        return Shape(Kind.SKIPPED)
    if len(skeleton) > LONGEST:
        return Shape(Kind.UNREADABLE, "too long for an entry")
    for pattern, kind in _OTHERS:
        if pattern.fullmatch(skeleton):
            return Shape(kind)
    try:
        if xml.is_flow(skeleton):
            return xml.grammar(skeleton, addresses_captured=addresses_captured)
        if save.is_save(skeleton):
            return save.grammar(skeleton, addresses_captured=addresses_captured)
        return plain.grammar(skeleton, addresses_captured=addresses_captured)
    except Unreadable as error:
        return Shape(Kind.UNREADABLE, str(error))


class Grammar:
    """Remembers shapes by the hashes of their skeletons; may be asked from several threads.

    The hash is seeded anew for each reading, so that no input can be made to collide.
    """

    def __init__(self, *, addresses_captured: bool) -> None:
        self._captured = addresses_captured
        self._seed = secrets.randbits(63)
        self._known: dict[int, Shape] = {}

    def shapes_of(self, skeletons: pl.Series) -> tuple[list[Shape], Places]:
        """The shapes of a block's lines, and for each line the index of its own among them."""
        hashes = skeletons.hash(self._seed).to_numpy()
        distinct, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        numbers = distinct.tolist()
        known = self._known
        missing = [index for index, number in enumerate(numbers) if number not in known]
        fresh = {
            numbers[index]: shape_of(text, addresses_captured=self._captured)
            for index, text in zip(missing, skeletons.gather(first[missing]).to_list(), strict=True)
        }
        shapes = [fresh[number] if number in fresh else known[number] for number in numbers]
        # A new dictionary each time: other threads still look into the one that they hold.
        self._known = {**known, **fresh} if len(known) + len(fresh) <= _MOST_SHAPES else {}
        return shapes, which
