"""Entries that a dump showed more than once: found by tuple and zone, the last form kept."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import doubles
from halftrack.evidence.flows import TUPLE_COLUMNS, conform

ROWS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2)), max_size=40)


def table(rows: list[tuple[int | None, int, int]]) -> pl.DataFrame:
    """Rows of ``(id, source port, zone)``; ``timeout`` is the row's number."""
    return conform(
        pl.DataFrame(
            {
                "id": [number for number, _, _ in rows],
                "orig_sport": [port for _, port, _ in rows],
                "zone": [zone for _, _, zone in rows],
                "timeout": list(range(len(rows))),
            },
            schema={"id": pl.UInt32, "orig_sport": pl.UInt16, "zone": pl.UInt16, "timeout": pl.Int64},
        )
    )


def without_doubles(frame: pl.DataFrame) -> pl.DataFrame:
    """With the ids as hints, as a dump's are."""
    return doubles.without_doubles(frame, frame["id"].fill_null(0).to_numpy())


@pytest.fixture(autouse=True)
def _short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows cover what otherwise takes a million."""
    monkeypatch.setattr(doubles, "RUN", 7)


@given(ROWS)
def test_each_tuple_is_kept_once_in_its_last_form(rows: list[tuple[int, int, int]]) -> None:
    """The id belongs to the tuple here, as in the kernel: equal tuples, equal ids."""
    whole = table([(port + zone, port, zone) for _, port, zone in rows])
    once = without_doubles(whole)
    last = {(port, zone): at for at, (_, port, zone) in enumerate(rows)}
    assert once["timeout"].to_list() == sorted(last.values())


@given(ROWS)
def test_equal_ids_alone_drop_nothing(rows: list[tuple[int, int, int]]) -> None:
    distinct = [(number, at + 1, zone) for at, (number, _, zone) in enumerate(rows)]
    assert without_doubles(table(distinct)).equals(table(distinct))


def test_entries_without_ids_are_compared_by_tuple() -> None:
    once = without_doubles(table([(None, 1, 0), (None, 2, 0), (None, 1, 0)]))
    assert once["timeout"].to_list() == [1, 2]


def test_chunks_make_no_difference() -> None:
    pieces = [table([(1, at % 5, 0)]).with_columns(timeout=pl.lit(at, pl.Int64)) for at in range(30)]
    once = without_doubles(pl.concat(pieces, rechunk=False))
    assert once["timeout"].to_list() == list(range(25, 30))
    assert once.select(TUPLE_COLUMNS).is_duplicated().sum() == 0
