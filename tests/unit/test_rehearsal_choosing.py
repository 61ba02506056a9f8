"""Which entries a rehearsal gets: never too many, the plan's first, every group, and the same again."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.changes.rehearsal.choosing import choose
from halftrack.diagnosis.view import view
from halftrack.evidence.flows import TUPLE_COLUMNS
from unit.flowrows import evidence, one_sided, row, table, udp

SERVICES = (22, 80, 443, 8883)
STATES = ("ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT")


@st.composite
def tables(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.Series, int]:
    """A view's rows, which of them are affected, and the most."""
    rows = []
    for number in range(draw(st.integers(0, 120))):
        client = f"10.0.{number // 250}.{number % 250 + 1}"
        port = draw(st.sampled_from(SERVICES))
        state = draw(st.sampled_from(STATES))
        kind = draw(st.integers(0, 9))
        if kind == 0:
            rows.append(udp(client, "192.0.2.1", sport=40_000 + number))
        elif kind == 1:
            rows.append(one_sided("192.0.2.1", client, sport=port, dport=40_000 + number))
        else:
            rows.append(row(client, "192.0.2.1", sport=40_000 + number, dport=port, state=state))
    seen = view(table(*rows), evidence(table(*rows)))
    affected = pl.Series(
        draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), dtype=pl.Boolean
    )
    return seen.flows, affected, draw(st.integers(1, 150))


def group(flows: pl.DataFrame) -> pl.Series:
    return flows.select(
        pl.concat_str(pl.col("service", "l4proto", "state").cast(pl.String), separator=" ", ignore_nulls=True)
    )["service"]


@settings(max_examples=150, deadline=None)
@given(tables())
def test_what_is_chosen_keeps_its_promises(given: tuple[pl.DataFrame, pl.Series, int]) -> None:
    flows, affected, most = given
    chosen = choose(flows, affected, most)
    assert len(chosen) == flows.height
    assert int(chosen.sum()) == min(most, flows.height)
    left_out = affected & ~chosen
    if left_out.any():
        assert not (chosen & ~affected).any()
    names = group(flows)
    for part in (affected, ~affected):
        here = names.filter(part)
        drawn = names.filter(part & chosen)
        room = len(drawn)
        if not room:
            continue
        if room >= here.n_unique():
            assert set(drawn) == set(here)
            counts, taken = (dict(each.value_counts().iter_rows()) for each in (here, drawn))
            for name, count in counts.items():
                share = 1 + (room - len(counts)) * (count - 1) / max(len(here) - len(counts), 1)
                assert abs(taken[name] - share) < 1 + 1e-9


@settings(max_examples=100, deadline=None)
@given(tables(), st.integers(0, 2**32))
def test_the_same_table_in_another_order_gives_the_same_entries(
    given: tuple[pl.DataFrame, pl.Series, int], seed: int
) -> None:
    flows, affected, most = given
    order = pl.Series(np.random.default_rng(seed).permutation(flows.height), dtype=pl.UInt32)
    one = flows.filter(choose(flows, affected, most)).select(TUPLE_COLUMNS)
    moved = flows[order]
    other = moved.filter(choose(moved, affected[order], most)).select(TUPLE_COLUMNS)
    assert set(one.rows()) == set(other.rows())


def test_a_large_table_is_drawn_in_proportion() -> None:
    rows = [
        row(f"10.{n >> 8}.{n & 255}.1", "192.0.2.1", sport=40_000, dport=80 if n % 4 else 443)
        for n in range(2_000)
    ]
    seen = view(table(*rows), evidence(table(*rows)))
    every = pl.repeat(value=True, n=len(rows), dtype=pl.Boolean, eager=True)
    drawn = seen.flows.filter(choose(seen.flows, every, 400))
    assert dict(drawn["orig_dport"].value_counts().iter_rows()) == {80: 300, 443: 100}
    # Not the first ones of the dump.
    assert drawn["orig_src_lo"].to_list() != seen.flows["orig_src_lo"].head(400).to_list()
