"""Which entries of two tables are the same: those of one tuple pair in one zone.

An entry's name is 128 bits folded from its columns: among two millions of entries two different ones share a
name with a probability of 10**-26, so that nothing has to be compared again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis.since.columns import ADDRESSES, NUMBERS
from halftrack.evidence import addresses, uapi
from halftrack.evidence.marks import MIX, folded

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.evidence.flows import FlowTable

_ABSENT: Final = {"zone_dir": uapi.NF_CT_DEFAULT_ZONE_DIR}
"""What a column stands for where a source has nothing in it; 0 for the others."""
_SEEDS: Final = (np.uint64(0), np.uint64(0xC2B2_AE3D_27D4_EB4F))
_SPELLED: Final = 1


@dataclass(frozen=True, slots=True)
class Names:
    """Of each entry of a table, in its order."""

    first: npt.NDArray[np.uint64]
    second: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, flows: FlowTable) -> Names:
        """A masked address counts by how it is written."""
        frame = flows.frame
        spelled = flows.opaque.hash(_SPELLED).to_numpy() if len(flows.opaque) else None
        both = [np.full(frame.height, seed) for seed in _SEEDS]
        for name in NUMBERS:
            column = frame[name].fill_null(_ABSENT.get(name, 0)).to_numpy()
            both = [folded(each, column) for each in both]
        for stem in ADDRESSES:
            high, low = (frame[f"{stem}_{half}"].fill_null(0).to_numpy() for half in ("hi", "lo"))
            if spelled is not None:
                masked = high == np.uint64(addresses.OPAQUE_HI)
                low = low.copy()
                low[masked] = spelled[np.minimum(low[masked], len(spelled) - 1).astype(np.intp)]
            both = [folded(folded(each, high), low) for each in both]
        return cls(*both)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows of two tables that are the same entry: the one of ``then`` beside that of ``now``."""

    then: npt.NDArray[np.intp]
    now: npt.NDArray[np.intp]


def pairs(then: Names, now: Names) -> Pairs:
    """Each entry once, in the order of the later table.

    Several may be written alike, where addresses are masked: as many as both tables have are the same.
    """
    before, after = _numbered(then.first), _numbered(now.first)
    if not before.size:
        nothing = np.empty(0, np.intp)
        return Pairs(nothing, nothing)
    order = np.argsort(before)
    ordered = before[order]
    place = np.minimum(np.searchsorted(ordered, after), ordered.size - 1)
    rows = np.flatnonzero(ordered[place] == after)
    earlier = order[place[rows]]
    same = then.second[earlier] == now.second[rows]
    return Pairs(earlier[same], rows[same])


def _numbered(names: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Names that are told apart: the second of those that are alike, the third, … get others."""
    order = np.argsort(names, kind="stable")
    ordered = names[order]
    first = np.ones(names.size, np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    if first.all():
        return names
    place = np.arange(names.size)
    nth = place - np.maximum.accumulate(np.where(first, place, 0))
    numbered = names.copy()
    numbered[order] ^= nth.astype(np.uint64) * MIX
    return numbered
