"""Entries that were read again are found among those that were read before, and no others for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from halftrack.draining.finding import Index
from halftrack.evidence import uapi
from halftrack.evidence.marks import folded
from unit.flowrows import flows, one_sided, row, udp

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pytest


def _entries() -> pl.DataFrame:
    rows = [
        one_sided(),
        one_sided(src="2001:db8::1", dst="2001:db8::2"),
        one_sided(zone=7),
        one_sided(zone=7, zone_dir=uapi.NF_CT_ZONE_DIR_ORIG),
        one_sided(dst="198.51.100.8"),
        udp(),
        row(proto="icmp", state=None, orig_type=8, orig_code=0, orig_icmp_id=77),
        row(proto="icmp", state=None, orig_type=8, orig_code=0, orig_icmp_id=78),
        row(proto=47, state=None, orig_srckey=1, orig_dstkey=2),
        row(proto=50, state=None),
    ]
    # As with the kernel, several entries may have the same id.
    return flows(*({**each, "id": 5 + number // 3} for number, each in enumerate(rows))).frame


def test_each_is_found_wherever_it_stands() -> None:
    table = _entries()
    order = [3, 9, 0, 7, 1, 8, 2, 6, 4, 5]
    place, which = Index(table, pl.Series(range(table.height))).find(table[order])
    assert sorted(zip(place.tolist(), which.tolist(), strict=True)) == list(enumerate(order))


def test_only_the_rows_that_were_asked_for_are_found() -> None:
    table = _entries()
    rows = pl.Series([8, 2, 5])
    place, which = Index(table, rows).find(table)
    assert dict(zip(place.tolist(), which.tolist(), strict=True)) == {8: 0, 2: 1, 5: 2}


def test_another_id_or_tuple_is_another_entry() -> None:
    table = _entries()
    index = Index(table, pl.Series(range(table.height)))
    for column, value in (
        ("id", 99),
        ("orig_src_hi", 1),
        ("orig_src_lo", 77),
        ("orig_dst_hi", 1),
        ("orig_dst_lo", 77),
        ("zone", 9),
        ("l4proto", 132),
        ("family", 1),
    ):
        others = table.with_columns(pl.lit(value, table[column].dtype).alias(column))
        assert index.find(others)[0].size == 0, column


def test_what_shares_a_number_and_differs_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_first_numbers_the_same(
        marks: npt.NDArray[np.uint64], values: npt.NDArray[np.generic]
    ) -> npt.NDArray[np.uint64]:
        return folded(marks, values) if marks.any() else marks

    monkeypatch.setattr("halftrack.draining.finding.folded", all_first_numbers_the_same)
    table = _entries()
    place, which = Index(table, pl.Series([0])).find(table)
    assert (place.tolist(), which.tolist()) == ([0], [0])


def test_nothing_is_found_among_nothing() -> None:
    table = _entries()
    assert Index(table, pl.Series([], dtype=pl.UInt32)).find(table)[0].size == 0
    assert Index(table, pl.Series(range(table.height))).find(table.clear())[0].size == 0
