"""Big-endian numbers at any places of a block, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from numpy import generic

    T = TypeVar("T", bound=generic)

Places: TypeAlias = npt.NDArray[np.int64]
"""Positions in a block, and what is reckoned with them."""
Flags: TypeAlias = npt.NDArray[np.bool_]
Words: TypeAlias = npt.NDArray[np.uint64]

PAD: Final = bytes(256)
"""Behind the last byte of a block, so that what is read at a position within it is always there."""


class Fields:
    """A block, padded with ``PAD``, from any byte of which numbers can be read.

    Each method takes positions and gives as many numbers. Positions are at most the block's length, offsets
    from them less than the padding's.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._u8 = np.frombuffer(data, dtype=np.uint8)
        self._u16 = unaligned(data, ">u2")
        self._u32 = unaligned(data, ">u4")
        self._u64 = unaligned(data, ">u8")

    def u8(self, at: Places) -> Places:
        return self._u8[at].astype(np.int64)

    def u16(self, at: Places) -> Places:
        return self._u16[at].astype(np.int64)

    def u32(self, at: Places) -> Places:
        return self._u32[at].astype(np.int64)

    def u64(self, at: Places) -> Words:
        return self._u64[at].astype(np.uint64)


def unaligned(data: bytes, dtype: str) -> npt.NDArray[np.generic]:
    """The numbers of a type that begin at each byte of a block, as a view."""
    kind: np.dtype[np.generic] = np.dtype(dtype)
    return np.ndarray((len(data) - kind.itemsize + 1,), kind, data, strides=(1,))


def chosen(where: Flags) -> Places:
    """Indices where a mask holds."""
    return np.flatnonzero(where).astype(np.int64, copy=False)
