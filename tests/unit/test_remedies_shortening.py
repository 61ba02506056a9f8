"""Shorter timeouts: where entries settle, and whom they would cut."""

from __future__ import annotations

import polars as pl
import pytest

from halftrack.diagnosis.document import Forecast, Timeline
from halftrack.diagnosis.settling import busiest
from halftrack.remedies import (
    REMEDIES,
    cap_unacknowledged,
    shorten_established,
)
from unit.flowrows import ASSURED, evidence, one_sided, row, table
from unit.situations import OLD_KERNEL, RAISED, STEADY, WEB, situation, ssh, stuck

NAT = (*ASSURED, "src-nat")


def test_shortening_settles_at_rate_times_lifetime_and_frees_nothing_by_itself() -> None:
    rows = [one_sided(WEB, f"198.51.{i >> 8}.{i & 255}", dport=50_000) for i in range(5_000)]
    found = shorten_established.advise(situation(evidence(table(*rows), kernel=OLD_KERNEL), forecast=STEADY))
    assert found is not None
    assert found.arguments == {"established": 7_440}
    assert found.effect.entries_freed == 0
    assert found.effect.settles_at == round(33.0 * 7_440 / 60)
    assert any("frees nothing by itself" in why for why in found.risk.why)


def test_shortening_names_the_silent_connections_it_would_cut() -> None:
    rows = [*stuck(), *ssh(3), *ssh(2, silent_s=60)]
    found = shorten_established.advise(situation(evidence(table(*rows), kernel=OLD_KERNEL)))
    assert found is not None
    assert found.risk.live_flows_affected == 3
    [cut] = found.risk.live_flows
    assert (cut.service, cut.entries) == ("tcp/22", 3)
    assert [(peer.address, peer.entries) for peer in cut.peers] == [("198.51.100.200", 3)]
    assert cut.outcome == "picked-up-again"
    assert cut.example == f"tcp 198.51.100.200:40000 -> {WEB}:22, silent for 8 h 53 min"


def test_silent_connections_whose_socket_is_gone_are_not_counted_as_live() -> None:
    ev = evidence(table(*ssh(3), *ssh(4, silent_s=90_000)))
    dead = pl.Series([True] * 3 + [False] * 4)
    found = shorten_established.advise(situation(ev, "orphaned", pl.lit(dead), dead=[dead]))
    assert found is not None
    assert found.risk.live_flows_affected == 4


def test_translated_connections_at_risk_are_told() -> None:
    nat = row("10.0.0.9", "198.51.100.9", 40_000, 22, reply_dst="203.0.113.1", left=400_000, status=NAT)
    found = shorten_established.advise(situation(evidence(table(*stuck(), nat), kernel=OLD_KERNEL)), 7_440)
    assert found is not None
    assert any("1 of them are translated" in why for why in found.risk.why)
    assert [flows.outcome for flows in found.risk.live_flows] == ["loses-translation"]


@pytest.mark.parametrize(
    ("silent_s", "chosen"), [(3_600, 7_440), (10_000, 14_400), (40_000, 86_400), (300_000, 7_440)]
)
def test_a_timeout_is_chosen_that_spares_translated_connections(silent_s: int, chosen: int) -> None:
    """Where none of those that are tried does, the usual one stays, and its risk says so."""
    rows = [
        row(
            "10.0.0.9",
            "198.51.100.9",
            40_000 + i,
            22,
            reply_dst="203.0.113.1",
            left=432_000 - silent_s,
            status=NAT,
        )
        for i in range(50)
    ]
    here = situation(evidence(table(*stuck(), *rows), kernel=OLD_KERNEL))
    found = shorten_established.advise(here)
    assert found is not None
    assert found.arguments == {"established": chosen}
    assert (found.risk.level == "high") == (silent_s == 300_000)
    assert any("2 h 4 min, which would cut 50 silent" in why for why in found.risk.why) == (chosen > 7_440)


def test_with_strict_pickup_a_forgotten_connection_is_dropped() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_loose": "0"}
    rows = [*ssh(4, silent_s=90_000), row("198.51.100.7", WEB, 40_000, 22, left=431_000)]
    ev = evidence(table(*rows, settings=settings))
    found = shorten_established.advise(situation(ev, "orphaned", pl.col("idle_s") < 2_000))
    assert found is not None
    assert [(flows.entries, flows.outcome) for flows in found.risk.live_flows] == [(4, "dropped")]


def test_values_below_the_safe_one_carry_their_warning() -> None:
    here = situation(evidence(table(*stuck()), kernel=OLD_KERNEL))
    low, safe = shorten_established.advise(here, 600), shorten_established.advise(here)
    assert low is not None
    assert safe is not None
    assert any("RFC 5382" in why for why in low.risk.why)
    assert not any("RFC 5382" in why for why in safe.risk.why)


def test_a_long_keepalive_is_warned_of() -> None:
    settings = {"net.ipv4.tcp_keepalive_time": "14400"}
    found = shorten_established.advise(
        situation(evidence(table(*stuck(), settings=settings), kernel=OLD_KERNEL))
    )
    assert found is not None
    assert any("every 4 h" in why for why in found.risk.why)


def test_nothing_to_shorten_where_the_timeout_is_short_already() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "7440"}
    assert (
        shorten_established.advise(situation(evidence(table(*stuck(), settings=settings), kernel=OLD_KERNEL)))
        is None
    )


def test_idle_pools_are_left_alone() -> None:
    here = situation(
        evidence(table(*ssh(9))), "idle-established", pl.lit(value=True), causes=[("idle-pool", 0.9)]
    )
    assert [each.REMEDY for each in REMEDIES if each.advise(here)] == []


def test_raised_caps_are_lowered_instead_of_the_established_timeout() -> None:
    here = situation(evidence(table(*stuck(), settings=RAISED)))
    assert shorten_established.advise(here) is None
    found = cap_unacknowledged.advise(here)
    assert found is not None
    assert [c for c in found.commands if c.startswith("sysctl")] == [
        "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_unacknowledged=300",
        "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_max_retrans=300",
    ]


def test_one_raised_cap_alone_changes_nothing_and_is_not_lowered() -> None:
    settings = {
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "7200",
        "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "300",
    }
    assert cap_unacknowledged.advise(situation(evidence(table(*stuck(), settings=settings)))) is None


def test_windows_of_a_timeline_in_steps() -> None:
    steps = Timeline(clock="timeout", bucket_s=3_600, start=None, entries=(31, 0, 0, 30, 0, 0, 32, 1))
    assert busiest(steps, 7_440) == 33
    assert busiest(steps, 60) == 32
    assert busiest(steps, 1 << 20) == 94
    assert busiest(Timeline(clock="timeout", bucket_s=60, start=None, entries=()), 60) == 0


def test_a_leak_in_steps_settles_at_its_largest_step_not_at_its_mean() -> None:
    steps = Timeline(clock="timeout", bucket_s=3_600, start=None, entries=(20, 0, 0, 0, 0, 0, 0, 0, 20))
    shape = Forecast(shape="steps", net_per_minute=0.01, basis="")
    found = shorten_established.advise(
        situation(evidence(table(*stuck(40)), kernel=OLD_KERNEL), timeline=steps, forecast=shape)
    )
    assert found is not None
    assert found.effect.settles_at == 20


def test_a_steady_leak_younger_than_the_lifetime_settles_above_what_is_there() -> None:
    young = Timeline(clock="timeout", bucket_s=10, start=None, entries=(20,) * 12)
    seen = evidence(table(*stuck(240)), kernel=OLD_KERNEL)
    found = shorten_established.advise(situation(seen, timeline=young, forecast=STEADY))
    assert found is not None
    assert found.effect.settles_at == 2 * 7_440


def test_steps_seen_for_less_than_the_lifetime_tell_no_level() -> None:
    young = Timeline(clock="timeout", bucket_s=10, start=None, entries=(20, 0, 0, 0, 0, 20))
    shape = Forecast(shape="steps", net_per_minute=24.0, basis="")
    seen = evidence(table(*stuck(40)), kernel=OLD_KERNEL)
    found = shorten_established.advise(situation(seen, timeline=young, forecast=shape))
    assert found is not None
    assert found.effect.settles_at is None
