"""What always holds of an answer, whatever the table and whatever is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis import makeup
from halftrack.reporters import json as documents
from halftrack.reporters import whatif as screen
from halftrack.reporters.schema import whatif as schema
from halftrack.tcp import timeouts
from unit.asking import DAY, WORDS, ask, node, seen_of
from unit.flowrows import row, udp
from unit.planned import OLD_KERNEL, leak, silent

if TYPE_CHECKING:
    from halftrack.diagnosis.course import Course
    from halftrack.evidence.values import Evidence

VALIDATOR = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())


@st.composite
def tables(draw: st.DrawFn) -> Evidence:
    """Tables of anything, on kernels of any age."""
    number = iter(range(10_000))
    lefts = st.integers(0, 432_000)
    kinds = st.sampled_from(
        [
            lambda: leak(draw(st.integers(1, 120)), over_s=draw(st.integers(1, 432_000))),
            lambda: silent(draw(st.integers(1, 40)), idle_s=draw(lefts), port=draw(st.integers(1, 60_000))),
            lambda: [udp(sport=next(number), left=draw(st.integers(0, 180))) for _ in range(9)],
            lambda: [
                row(sport=next(number), state="TIME_WAIT", left=draw(st.integers(0, 130))) for _ in range(9)
            ],
            lambda: [row(sport=next(number), left=draw(lefts), flags=(0x31, 0x23)) for _ in range(9)],
            lambda: [row(sport=next(number), left=None)],
            lambda: [row(sport=next(number), proto=132, state="ESTABLISHED", left=draw(lefts))],
        ]
    )
    rows = [each for make in draw(st.lists(kinds, max_size=4)) for each in make()]
    kernel = draw(st.sampled_from([OLD_KERNEL, "6.12.48", "3.10.0-1160.el7.x86_64", None]))
    return node(*rows, kernel=kernel, limit=draw(st.sampled_from([None, 0, 50, 262_144])))


def course_of(found: Evidence) -> Course:
    seen = seen_of(found)
    return makeup.of(seen.view, seen.cases).course


@settings(max_examples=60, deadline=None)
@given(tables(), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique_by=lambda word: word[:20]))
def test_bounds_hold_the_value_and_nothing_is_negative(found: Evidence, words: list[str]) -> None:
    told = ask(found, *words)
    for point in (*told.points, *told.today.points):
        assert point.low is not None
        assert point.low >= 0
        if point.entries is not None:
            assert point.low <= point.entries
            assert point.high is None or point.entries <= point.high
    assert told.points[0].entries == told.entries
    VALIDATOR.validate(json.loads(documents.pretty(told)))
    for width in (40, 80):
        text = screen.render(told, width=width)
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= width


@settings(max_examples=40, deadline=None)
@given(tables(), st.integers(1, 400_000), st.integers(1, 400_000))
def test_more_time_never_means_fewer_entries(found: Evidence, one: int, other: int) -> None:
    course = course_of(found)
    assert course.conditions is not None
    shorter, longer = (
        course.under(course.conditions.under({timeouts.ESTABLISHED: seconds}))
        for seconds in sorted((one, other))
    )
    at_s = np.array([0.0, 30, 3_600, DAY, 5 * DAY])
    for pace in ("slow", "likely", "fast"):
        less, more = shorter.at(at_s, pace), longer.at(at_s, pace)
        assert ((less <= more + 1e-6) | np.isnan(less) | np.isnan(more)).all()
