"""Captured texts: those that are an address become numbers, masked addresses stay as written."""

from __future__ import annotations

import socket
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.addresses import OPAQUE_HI, V4_MAPPED, halves
from halftrack.formats.captures import FIRST_TEXT

if TYPE_CHECKING:
    from halftrack.formats.digits import Flags, Numbers, Places
    from halftrack.formats.scan import Scan

LONGEST: Final = 255
"""Longest spelling of an address that is carried; a host name has no more."""


def _address_of(text: str) -> tuple[int, int] | None:
    """``(hi, lo)`` of an address, None for a text that is none and for one of the opaque range."""
    try:
        if ":" not in text:
            return 0, V4_MAPPED | int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
        number = int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
    except OSError:
        return None
    hi, lo = halves(number)
    return None if hi == OPAQUE_HI else (hi, lo)


class Spellings:
    """Captured values of one block; each distinct text is looked at once, and only where asked for.

    ``opaque`` are the masked addresses met so far; ``lo`` of an opaque one is an index into them.
    """

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self.opaque: list[str] = []

    @cached_property
    def _coded(self) -> tuple[Places, pl.Series]:
        return coded(self._scan.texts)

    @cached_property
    def _parsed(self) -> tuple[Numbers, Numbers, Flags]:
        """``hi`` and ``lo`` of each distinct text, and whether it was parsed yet."""
        texts = len(self._coded[1])
        return np.zeros(texts, np.uint64), np.zeros(texts, np.uint64), np.zeros(texts, dtype=bool)

    @cached_property
    def _colons(self) -> Flags:
        """Which of the distinct texts have any."""
        return self._coded[1].str.contains(":", literal=True).to_numpy()

    def addresses(self, indices: Numbers) -> tuple[Numbers, Numbers, Flags, Flags]:
        """``hi``, ``lo`` of captures, which are too long to be carried, and which have no colons."""
        too_long, plain = np.zeros(len(indices), dtype=bool), np.zeros(len(indices), dtype=bool)
        if not len(self._scan.texts):
            return self._scan.hi[indices], self._scan.lo[indices], too_long, plain
        is_text = indices >= np.uint64(FIRST_TEXT)
        which, distinct = self._coded
        codes = which[(indices[is_text] - np.uint64(FIRST_TEXT)).astype(np.intp)]
        self._parse(np.unique(codes))
        parsed_hi, parsed_lo, _ = self._parsed
        hi, lo = np.empty(len(indices), dtype=np.uint64), np.empty(len(indices), dtype=np.uint64)
        hi[is_text], lo[is_text] = parsed_hi[codes], parsed_lo[codes]
        hi[~is_text], lo[~is_text] = self._scan.hi[indices[~is_text]], self._scan.lo[indices[~is_text]]
        too_long[is_text] = (distinct.str.len_bytes() > LONGEST).to_numpy()[codes]
        plain[is_text] = ~self._colons[codes]
        return hi, lo, too_long, plain

    def texts(self, indices: Numbers) -> pl.Series:
        """Captures as text; null for an address, which no text column is given."""
        places = pl.Series(indices.astype(np.int64) - FIRST_TEXT)
        return self._scan.texts.gather(places.set(places < 0, None))

    def looks_ipv6(self, hi: Numbers, lo: Numbers) -> Flags:
        """Which addresses are opaque and spelled with colons."""
        colons = np.array([":" in text for text in self.opaque], dtype=bool)
        found: Flags = hi == np.uint64(OPAQUE_HI)
        found[found] = colons[lo[found].astype(np.intp)]
        return found

    def _parse(self, codes: Places) -> None:
        hi, lo, done = self._parsed
        codes = codes[~done[codes]]
        for code, text in zip(codes.tolist(), self._coded[1].gather(codes).to_list(), strict=True):
            pair = _address_of(text)
            if pair is None:
                pair = OPAQUE_HI, len(self.opaque)
                self.opaque.append(text)
            hi[code], lo[code] = pair
        done[codes] = True


def coded(texts: pl.Series) -> tuple[Places, pl.Series]:
    """Which of its distinct values each element is, and these in the order in which they come."""
    frame = texts.alias("text").to_frame()
    distinct = frame.unique(maintain_order=True).with_row_index("code")
    which = frame.join(distinct, on="text", how="left", maintain_order="left", nulls_equal=True)["code"]
    return which.to_numpy().astype(np.intp), distinct["text"]
