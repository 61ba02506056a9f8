"""Lines made as a matrix are the lines that strings would have made."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import addresses
from halftrack.formats import cells

_WORDS = st.lists(st.sampled_from(("", "a", "-s", "ESTABLISHED", "unknown-17")), min_size=1)
_V4 = st.integers(0, 2**32 - 1).map(lambda number: (0, addresses.V4_MAPPED | number))
_ANY = st.tuples(st.integers(0, 2**64 - 2), st.integers(0, 2**64 - 1))


def lines(*parts: cells.Cells | str, height: int) -> list[str]:
    return b"".join(cells.joined(parts, height)).decode().splitlines()


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_numbers_have_the_digits_that_they_have(values: list[int]) -> None:
    given_ = np.array(values, dtype=np.uint64)
    assert lines(cells.numbers(given_), height=len(values)) == [str(value) for value in values]


@given(st.lists(st.one_of(_V4, _ANY), min_size=1))
def test_addresses_are_spelled_as_elsewhere(pairs: list[tuple[int, int]]) -> None:
    hi, lo = (pl.Series([pair[half] for pair in pairs], dtype=pl.UInt64) for half in (0, 1))
    opaque = pl.Series([], dtype=pl.String)
    shown = cells.shown(hi, lo, opaque)
    assert lines(shown, height=len(pairs)) == addresses.show(hi, lo, opaque).to_list()


@given(_WORDS, st.data())
def test_parts_stand_one_after_the_other(texts: list[str], data: st.DataObject) -> None:
    which = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1))
    where = data.draw(st.lists(st.booleans(), min_size=len(which), max_size=len(which)))
    chosen = cells.words(texts, np.array(which))
    made = lines("<", chosen, "|", cells.only(chosen, np.array(where)), ">", height=len(which))
    assert made == [
        f"<{texts[place]}|{texts[place] if here else ''}>" for place, here in zip(which, where, strict=True)
    ]


def test_more_lines_than_one_matrix_holds() -> None:
    values = np.arange(100_000)
    assert lines("-t ", cells.numbers(values), height=len(values)) == [f"-t {value}" for value in values]
