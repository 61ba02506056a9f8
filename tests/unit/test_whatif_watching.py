"""Two moments of one table: how far apart they are, and what came in between."""

from __future__ import annotations

from typing import Any

import pytest

from halftrack import whatif
from halftrack.diagnosis.since.moments import apart
from halftrack.whatif import watching
from halftrack.whatif.answering import Seen, answer
from unit.asking import DAY, HORIZON_S, node, seen_of
from unit.flowrows import one_sided
from unit.planned import leak, silent


def later(rows: list[dict[str, Any]], by_s: int) -> list[dict[str, Any]]:
    return [{**each, "timeout": each["timeout"] - by_s} for each in rows if each["timeout"] > by_s]


def fresh(count: int, within_s: int) -> list[dict[str, Any]]:
    return [
        one_sided(
            "203.0.113.73", f"198.20.{n >> 8}.{n & 255}", dport=50_000, left=432_000 - within_s * n // count
        )
        for n in range(count)
    ]


def test_two_moments_measure_what_comes() -> None:
    before = [*leak(6, over_s=DAY), *silent(20, idle_s=100)]
    after = [*later(before[:6], 7_200), *fresh(720, 7_200), *silent(20, idle_s=100)]
    first, second = node(*before), node(*after)
    one, other = first.tables[0].flows, second.tables[0].flows
    assert one is not None
    assert other is not None
    assert apart(one, other) == (True, 7_200)
    assert apart(other, one) == (False, 7_200)
    earlier, now = seen_of(first), seen_of(second)
    watched = watching.watched(earlier, now, 7_200)
    assert watched.rates["one-sided"].likely == pytest.approx(0.1)
    found = answer(
        Seen(now.view, now.cases, watched), whatif.parse(["tcp_timeout_established=7200"]), HORIZON_S
    )
    assert found.growth == "measured"
    assert "720 new one-sided entries in the 2 h" in found.basis
    assert found.settles_at == pytest.approx(720 + 20, rel=0.05)


def test_moments_that_share_nothing_are_not_told_apart() -> None:
    one, other = node(*leak(20)).tables[0].flows, node(*fresh(20, 100)).tables[0].flows
    assert one is not None
    assert other is not None
    assert apart(one, other) == (True, None)


def test_masked_addresses_are_compared_as_they_are_written() -> None:
    rows = [
        one_sided("xx.xx.xx.73", f"yy.yy.{n}.9", dport=1_000 + n, left=400_000 - 60 * n) for n in range(20)
    ]
    one = node(*rows).tables[0].flows
    other = node(*reversed(later(rows, 600)), *fresh(3, 100)).tables[0].flows
    assert one is not None
    assert other is not None
    assert apart(one, other) == (True, 600)
