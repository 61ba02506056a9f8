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

_SKIPPED: Final = re.compile(r"[ \t\r\ufeff\x01]*(?:#.*|<\?xml.*|</?conntrack>?.*|\[USERSPACE\].*)?", re.DOTALL)
_SHOWN: Final = re.compile(r".*\(conntrack-tools\): 0 flow (entries|events) have been shown\.\s*")
_SETTING: Final = re.compile(r"\s*(?:sysctl )?(?:/proc/sys/)?net[./][\w./-]+\s*[=:]\s*-?0(?:\s+-?0)*\s*")
_RELEASE: Final = re.compile(r"\s*(?:Linux \S+ )?0\.0(?:\.0)?(?:[-.+~_]\S*)?(?: .*)?\s*")
_MOMENT: Final = re.compile(
    r"\s*(?:0-0-0[T ]0:0:0(?:[.,]0)?(?:Z|[+-]0:?0)|[A-Z][a-z]{2} [A-Z][a-z]{2} +0 0:0:0 (?:UTC|GMT) 0)\s*"
)
_MOST_SHAPES: Final = 20_000


def shape_of(skeleton: str, *, addresses_captured: bool) -> Shape:
    """What lines of this skeleton are."""
    if _SKIPPED.fullmatch(skeleton):
        return Shape(Kind.SKIPPED)
    if len(skeleton) > LONGEST:
        return Shape(Kind.UNREADABLE, "too long for an entry")
    if shown := _SHOWN.fullmatch(skeleton):
        return Shape(Kind.SHOWN if shown[1] == "entries" else Kind.SKIPPED)
    if _SETTING.fullmatch(skeleton):
        return Shape(Kind.SETTING)
    if _MOMENT.fullmatch(skeleton):
        return Shape(Kind.MOMENT)
    if _RELEASE.fullmatch(skeleton):
        return Shape(Kind.RELEASE)
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
        shapes = [self._known.get(number) for number in distinct.tolist()]
        missing = [index for index, shape in enumerate(shapes) if shape is None]
        for index, text in zip(missing, skeletons.gather(first[missing]).to_list(), strict=True):
            shapes[index] = shape_of(text, addresses_captured=self._captured)
        if len(self._known) + len(missing) > _MOST_SHAPES:
            self._known = {}
        else:
            self._known.update((int(distinct[index]), shapes[index]) for index in missing)
        return shapes, which
