"""A dumped table written as Parquet: others read it, and prefixes stay together and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from halftrack.evidence import addresses
from halftrack.kernel import ctnetlink
from kernel.inject import inject
from kernel.tables import one_of_everything

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.scratch import Netns


def test_pyarrow_and_duckdb_find_prefixes_in_order(netns: Netns, tmp_path: Path) -> None:
    inject(netns.path, *one_of_everything())
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    file = tmp_path / "table.parquet"
    frame.write_parquet(file)
    pairs = sorted(frame.select("orig_src_hi", "orig_src_lo").rows())
    text = [addresses.to_text(*pair) for pair in pairs]

    arrow = pq.read_table(file, columns=["orig_src_hi", "orig_src_lo"])
    arrow = arrow.sort_by([("orig_src_hi", "ascending"), ("orig_src_lo", "ascending")])
    columns = arrow.column(0).to_pylist(), arrow.column(1).to_pylist()
    assert [addresses.to_text(*pair) for pair in zip(*columns, strict=True)] == text

    with duckdb.connect() as database:
        rows = database.execute(
            "SELECT orig_src_hi, orig_src_lo FROM read_parquet(?) ORDER BY ALL", [str(file)]
        ).fetchall()
        assert [addresses.to_text(*pair) for pair in rows] == text
        for network in ("198.51.100.0/24", "2001:db8:1::/48"):
            (first_hi, first_lo), (last_hi, last_lo) = addresses.parse_network(network)
            inside = database.execute(
                "SELECT count(*) FROM read_parquet(?)"
                " WHERE orig_src_hi BETWEEN ? AND ? AND orig_src_lo BETWEEN ? AND ?",
                [str(file), first_hi, last_hi, first_lo, last_lo],
            ).fetchall()[0][0]
            start, end = (first_hi, first_lo), (last_hi, last_lo)
            assert inside == sum(start <= pair <= end for pair in pairs) > 0
