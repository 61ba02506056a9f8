"""Groups of a finding: whose, with which peers, and at which pace they grow."""

from __future__ import annotations

import pytest

from halftrack.diagnosis import diagnose
from halftrack.evidence.values import (
    Owner,
)
from unit.flowrows import evidence, one_sided, table
from unit.nodes import OLD, node17


def test_groups_by_owner_address_service_and_side_largest_first() -> None:
    (finding,) = (each for each in diagnose(node17()).findings if each.symptom == "one-sided")
    first, second = finding.groups

    assert finding.id == "one-sided/web-1/tcp/80"
    assert (first.owner and first.owner.name, first.entries, first.peers) == ("web-1", 60, 60)
    assert (second.owner and second.owner.id, second.service, second.entries) == ("114", "tcp/443", 20)
    assert [(peer.address, peer.entries) for peer in second.top_peers] == [("198.51.100.7", 20)]
    assert first.rate_per_minute == pytest.approx(1.0)
    assert finding.share == pytest.approx(0.8)
    assert finding.timeline is not None
    assert sum(finding.timeline.entries) == 80


def stuck(count: int, service: int, oldest_s: int, youngest_s: int = 0) -> list[dict[str, object]]:
    """One-sided entries of one service, last heard evenly between the two."""
    span_s = oldest_s - youngest_s
    return [
        one_sided(
            dst=f"198.{service % 100}.{n >> 8}.{n & 255}",
            sport=service,
            left=432_000 - youngest_s - span_s * n // count,
        )
        for n in range(count)
    ]


def test_a_burst_is_in_no_pace_of_the_screen() -> None:
    """A hundred a minute come since a burst: the group says what the forecast says."""
    burst = stuck(20_000, 80, 8_060, 8_030)
    seen = evidence(table(*burst, *stuck(13_333, 80, 8_000), limit=262_144), kernel=OLD)
    [finding, *_] = diagnose(seen).findings
    assert finding.forecast is not None
    assert finding.forecast.net_per_minute is not None
    (group,) = finding.groups
    assert group.rate_per_minute == pytest.approx(finding.forecast.net_per_minute, rel=0.001)
    assert 95 <= group.rate_per_minute <= 105


def test_a_burst_and_what_came_long_after_it_have_no_mean() -> None:
    burst = stuck(20_000, 80, 11_030, 11_000)
    seen = evidence(table(*burst, *stuck(13_333, 80, 8_000), limit=262_144), kernel=OLD)
    [finding, *_] = diagnose(seen).findings
    assert finding.forecast is not None
    assert finding.forecast.net_per_minute is None
    assert finding.groups[0].rate_per_minute is None


def test_the_paces_of_groups_are_parts_of_one() -> None:
    """One that began of late has the pace since it began; what ended long ago has none."""
    rows = [*stuck(8_000, 80, 48_000), *stuck(4_000, 81, 48_000), *stuck(150, 82, 9_000)]
    [finding, *_] = diagnose(evidence(table(*rows, limit=262_144), kernel=OLD)).findings
    rates = {group.service: group.rate_per_minute for group in finding.groups}
    assert rates["tcp/80"] == pytest.approx(10, rel=0.05)
    assert rates["tcp/81"] == pytest.approx(5, rel=0.05)
    assert rates["tcp/82"] == pytest.approx(1, rel=0.15)


def test_peers_are_the_largest_and_equal_ones_by_address() -> None:
    rows = [one_sided(dst=f"198.51.{n // 200}.{n % 200}", dport=40_000 + n) for n in range(500)]
    rows += [one_sided(dst="203.0.113.9", dport=40_000 + n) for n in range(7)]
    (finding,) = diagnose(evidence(table(*rows), kernel=OLD)).findings
    (group,) = finding.groups

    assert group.peers == 501
    assert (group.top_peers[0].address, group.top_peers[0].entries) == ("203.0.113.9", 7)
    assert len(group.top_peers) == 5


def test_more_groups_than_are_shown_are_counted() -> None:
    rows = [one_sided(f"203.0.113.{n}", f"198.51.100.{m}") for n in range(25) for m in range(2)]
    owners = tuple(Owner(f"c{n:02}", str(n), "podman", (f"203.0.113.{n}",)) for n in range(25))
    (finding,) = diagnose(evidence(table(*rows), owners=owners, kernel=OLD)).findings

    assert (len(finding.groups), finding.more_groups) == (10, 15)
    assert [group.owner.name for group in finding.groups if group.owner] == [f"c{n:02}" for n in range(10)]


def test_groups_keep_null_services_and_ipv6_apart() -> None:
    rows = [
        one_sided("2001:db8::1", "2001:db8::7"),
        one_sided("2001:db8::1", "2001:db8::8"),
        one_sided("192.0.2.1", "198.51.100.7", sport=50_000, dport=50_001),
    ]
    (finding,) = diagnose(evidence(table(*rows), kernel=OLD)).findings

    assert [(group.address, group.service, group.peers) for group in finding.groups] == [
        ("2001:db8::1", "tcp/80", 2),
        ("192.0.2.1", None, 1),
    ]


def test_a_pace_is_not_told_of_a_few_known_clocks() -> None:
    """More left than the timeout gives: when these were last heard nobody knows."""
    timeless = [one_sided(dst=f"198.51.100.{n}", left=500_000) for n in range(90)]
    known = [one_sided(dst=f"198.51.100.{100 + n}", left=400_000 - 60 * n) for n in range(10)]
    [finding, *_] = diagnose(evidence(table(*timeless, *known), kernel=OLD)).findings
    assert finding.groups[0].rate_per_minute is None
    assert finding.forecast is not None
    assert finding.forecast.basis == "of only 10 of these 100 entries is it known when they were last heard"
