"""Remedies found table by table are those that are found for all tables at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from halftrack import remedies
from halftrack.diagnosis import examine
from halftrack.evidence.values import Evidence, Namespace
from halftrack.remedies.by_table import examine_and_advise
from unit.flowrows import evidence, one_sided, row, table, udp


def leaking(netns: str, count: int, limit: int = 262_144) -> Evidence:
    rows = [
        one_sided(dst=f"198.51.100.{number % 250}", dport=1000 + number, left=300_000 + number * 300)
        for number in range(count)
    ]
    made = table(*rows, *(row() for _ in range(3)), *(udp() for _ in range(2)), limit=limit, buckets=1024)
    return replace(made, namespace=Namespace(netns))


CASES = {
    "nothing": (),
    "one table": (leaking("host", 400),),
    "several, one of them full": (leaking("host", 30), leaking("web", 500, 520), leaking("db", 300)),
    "none of the node's own": (leaking("web", 2_000, 2_200), leaking("db", 3)),
}


@pytest.mark.parametrize("kernel", ["2.6.32-042stab092.1", "6.12.48", None])
@pytest.mark.parametrize("name", CASES)
def test_the_same_document(name: str, kernel: str | None) -> None:
    seen = evidence(*CASES[name], kernel=kernel)
    judged = examine(seen)
    expected = remedies.advise(judged.diagnosis, seen, judged.cases)
    assert examine_and_advise(seen) == expected
    assert name == "nothing" or any(one.remedies for one in expected.findings)
