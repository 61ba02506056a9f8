"""From a skeleton to its shape, whichever format it is of; each skeleton is looked at once."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.formats import plain, save, xml
from halftrack.formats.shapes import LONGEST, Kind, NeedsText, Shape, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from halftrack.formats.digits import Numbers, Places

_SKIPPED: Final = re.compile(r"[ \t\r\x01]*(?:#.*|<\?xml.*|</?conntrack>?.*|\[USERSPACE\].*)?", re.DOTALL)
_OTHERS: Final = (
    (re.compile(r".*\(conntrack-tools\): 0 flow entries have been shown\.\s*"), Kind.SHOWN),
    (re.compile(r".*\(conntrack-tools\): 0 flow events have been shown\.\s*"), Kind.SKIPPED),
    (
        re.compile(r"\s*(?:sysctl )?(?:/proc/sys/)?net[./][\w./-]+\s*[=:]\s*-?0(?:\s+-?0)*\s*"),
        Kind.SETTING,
    ),
    # Whoever pastes `sysctl net.netfilter` pastes texts too, and `date` where no zone is named for sure.
    (re.compile(r"\s*(?:sysctl )?(?:/proc/sys/)?net[./][\w./-]+\s*[=:].*"), Kind.SKIPPED),
    (
        re.compile(r"\s*[A-Z][a-z]{2} [A-Z][a-z]{2} +0 0:0:0 (?:[AP]M )?(?!UTC|GMT)[A-Z]{2,5} 0\s*"),
        Kind.SKIPPED,
    ),
    (
        re.compile(
            r"\s*(?:0-0-0[T ]0:0:0(?:[.,]0)?(?:Z|[+-]0:?0)"
            r"|[A-Z][a-z]{2} [A-Z][a-z]{2} +0 0:0:0 (?:UTC|GMT) 0)\s*"
        ),
        Kind.MOMENT,
    ),
    (
        re.compile(r"\s*(?:Linux \S+ )?0\.0(?:\.0)?(?:(?<=0\.0\.0)|(?=-))(?:[-+~_]\S*)?(?: #.*)?\s*"),
        Kind.RELEASE,
    ),
)
_MOST_SHAPES: Final = 20_000


def _shape_of(skeleton: str, *, addresses_captured: bool) -> Shape:  # noqa: PLR0911  # a way out for each kind of line
    """What lines of this skeleton are."""
    if _SKIPPED.fullmatch(skeleton):
        return Shape(Kind.SKIPPED)
    if len(skeleton) > LONGEST:
        return Shape(Kind.UNREADABLE, "too long for an entry")
    for pattern, kind in _OTHERS:
        if pattern.fullmatch(skeleton):
            return Shape(kind)
    try:
        return _grammar_of(skeleton)(skeleton)
    except NeedsText:
        if addresses_captured:
            return Shape(Kind.UNREADABLE, "an address that cannot be read")
        return Shape(Kind.AGAIN)
    except Unreadable as error:
        return Shape(Kind.UNREADABLE, str(error))


def _grammar_of(skeleton: str) -> Callable[[str], Shape]:
    if xml.is_flow(skeleton):
        return xml.grammar
    return save.grammar if save.is_save(skeleton) else plain.grammar


class Grammar:
    """Remembers shapes by the hashes of their skeletons; may be asked from several threads.

    The hash is seeded anew for each reading, so that no input can be made to collide.
    """

    def __init__(self, *, addresses_captured: bool) -> None:
        self._captured = addresses_captured
        self._seed = secrets.randbits(63)
        self._known = _Known.emptied()

    def shapes_of(self, skeletons: pl.Series) -> tuple[list[Shape], Places]:
        """The shapes of a block's lines, and for each line the index of its own among them."""
        hashes = skeletons.hash(self._seed).to_numpy()
        known = self._known
        which = known.find(hashes)
        missing = np.flatnonzero(which < 0)
        if len(missing):
            fresh, first = np.unique(hashes[missing], return_index=True)
            texts = skeletons.gather(missing[first]).to_list()
            known = known.joined(
                fresh, [_shape_of(text, addresses_captured=self._captured) for text in texts]
            )
            which = known.find(hashes)
            # What another thread found meanwhile is found again.
            self._known = known if len(known.shapes) <= _MOST_SHAPES else known.emptied()
        used = np.flatnonzero(np.bincount(which, minlength=1))
        place = np.zeros(len(known.shapes), dtype=np.intp)
        place[used] = np.arange(len(used))
        return [known.shapes[index] for index in used.tolist()], place[which]


@dataclass(frozen=True, slots=True)
class _Known:
    """Shapes and where they are, by the sorted hashes of their skeletons. Never changed once made."""

    hashes: Numbers
    indices: Places
    shapes: list[Shape]

    def find(self, hashes: Numbers) -> Places:
        """Index of the shape of each hash, -1 for an unknown one."""
        if not self.shapes:
            return np.full(len(hashes), -1, dtype=np.intp)
        at = np.searchsorted(self.hashes, hashes)
        at[at == len(self.hashes)] = 0
        return np.where(self.hashes[at] == hashes, self.indices[at], -1)

    def joined(self, hashes: Numbers, shapes: list[Shape]) -> _Known:
        numbers = np.arange(len(self.shapes), len(self.shapes) + len(shapes))
        merged = np.concatenate([self.hashes, hashes])
        order = np.argsort(merged)
        return _Known(merged[order], np.concatenate([self.indices, numbers])[order], [*self.shapes, *shapes])

    @staticmethod
    def emptied() -> _Known:
        return _Known(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.intp), [])
