"""Statistics of every age, told by their header."""

from __future__ import annotations

import pytest

from halftrack.kernel import counters

OLD = """entries searched found new invalid insert insert_failed drop early_drop icmp_error
0000002a 00000005 00000001 00000007 00000000 00000007 00000001 00000002 00000003 00000000
0000002a 00000006 00000002 00000008 00000000 00000008 00000010 00000020 00000030 00000000
"""
NEW = """entries  clashres found new invalid ignore chainlength insert insert_failed drop early_drop
00000007  00000000 00000000 00000000 00000009 00000000 00000004 00000000 00000000 00000001 00000002
"""


def reading(**columns: tuple[int, ...]) -> counters.Reading:
    return counters.Reading(0.0, columns)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OLD, {"entries": 42, "searched": 11, "insert_failed": 17, "drop": 34, "early_drop": 51}),
        (NEW, {"entries": 7, "invalid": 9, "chainlength": 4, "drop": 1, "early_drop": 2}),
    ],
)
def test_columns_go_by_their_header(text: str, expected: dict[str, int]) -> None:
    """Columns moved between kernels; ``entries`` repeats on every line and is not summed."""
    found = counters.parse(text)
    assert found is not None
    values = found.counters().values
    assert {name: values[name] for name in expected} == expected


def test_more_numbers_than_names_are_left_out() -> None:
    """Some kernels print a last column that their header forgot."""
    found = counters.parse("entries drop\n00000001 00000002 00000003\n")
    assert found is not None
    assert found.counters().values == {"entries": 1, "drop": 2}


@pytest.mark.parametrize(
    "text", ["", "\n", "entries drop\n", "entries drop\nnot numbers\n", "entries drop\n1\n"]
)
def test_no_numbers_no_reading(text: str) -> None:
    """A file cut short or garbled is no reading of zeros."""
    assert counters.parse(text) is None


def test_a_counter_that_wrapped_still_rises() -> None:
    """Each CPU counts in 32 bits; the difference of two readings is right across its wrap."""
    first = reading(entries=(9, 9), drop=(0xFFFFFFFE, 5))
    second = reading(entries=(4, 4), drop=(3, 6))

    before, after = first.counters(), second.counters_after(first)

    assert after.values["drop"] - before.values["drop"] == 5 + 1
    assert after.values["entries"] == 4


def test_new_cpus_begin_a_new_count() -> None:
    """Readings of different shape cannot be subtracted CPU by CPU."""
    first, second = reading(drop=(1,)), reading(drop=(1, 2))
    assert second.counters_after(first).values == {"drop": 3}
