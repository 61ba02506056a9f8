"""Entries that are kept in less memory say the same."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.flows import SCHEMA, FlowTable, conform
from halftrack.evidence.packed_flows import PackedFlows
from unit.flowrows import flows, one_sided, row, udp

_ROWS = {
    "nothing": [],
    "one": [one_sided()],
    "alike": [one_sided(), one_sided()],
    "of one service": [one_sided(dst=f"198.51.100.{last}") for last in range(1, 9)],
    "translated": [one_sided(), {**one_sided(), "reply_dport": 61_000}],
    "of two protocols": [one_sided(), udp(), row(proto="icmp", state=None, orig_type=8, orig_icmp_id=77)],
}
_NUMBERS = {name: dtype for name, dtype in SCHEMA.items() if dtype.is_integer()}


def _edges(dtype: pl.DataType) -> st.SearchStrategy[int | None]:
    least, most = pl.select(least=dtype.min(), most=dtype.max()).row(0)
    near = [*range(least, least + 3), 0, 255, 256, 65_535, 65_536, *range(most - 2, most + 1)]
    return (
        st.none() | st.sampled_from([one for one in near if least <= one <= most]) | st.integers(least, most)
    )


@pytest.mark.parametrize("name", _ROWS)
def test_they_say_the_same(name: str) -> None:
    frame = flows(*_ROWS[name]).frame
    packed = PackedFlows(frame)
    assert packed.frame.equals(frame)
    assert packed.frame.schema == frame.schema
    assert len(packed) == frame.height


@given(st.data())
def test_whatever_the_numbers_are(data: st.DataObject) -> None:
    height = data.draw(st.integers(1, 4))
    chosen = data.draw(st.lists(st.sampled_from(sorted(_NUMBERS)), min_size=1, max_size=6, unique=True))
    columns = {
        name: pl.Series(
            name,
            data.draw(st.lists(_edges(_NUMBERS[name]), min_size=height, max_size=height)),
            dtype=_NUMBERS[name],
        )
        for name in chosen
    }
    frame = conform(pl.DataFrame(columns))
    assert PackedFlows(frame).frame.equals(frame)
    assert PackedFlows(frame).frame.schema == frame.schema


def test_a_service_s_entries_take_less_room() -> None:
    rows = ({**one_sided(), "orig_dport": port, "reply_sport": port} for port in range(5_000))
    frame = flows(*rows).frame.rechunk()
    assert PackedFlows(frame)._narrow.estimated_size() < frame.estimated_size() / 2  # noqa: SLF001  # its memory


@pytest.mark.parametrize("kind", [FlowTable, PackedFlows])
def test_what_is_let_go_leaves_its_number_alone(kind: type[FlowTable]) -> None:
    held = kind(flows(one_sided(), udp()).frame)
    held.let_go()
    assert len(held) == held.frame.height == 2
    assert held.frame.schema == SCHEMA
    assert set(held.frame.null_count().row(0)) == {2}


def test_other_rows_in_their_place_are_packed_as_well() -> None:
    packed = PackedFlows(flows(one_sided(), udp()).frame)
    fewer = replace(packed, frame=packed.frame.head(1))
    assert isinstance(fewer, PackedFlows)
    assert fewer.frame.equals(packed.frame.head(1))
