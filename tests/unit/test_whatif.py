"""Answers to what if: what they say, and what they leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack import whatif
from halftrack.evidence.values import Input
from halftrack.reporters import whatif as screen
from halftrack.tcp import timeouts
from unit.asking import DAY, HORIZON_S, WORDS, ask, node
from unit.flowrows import evidence, one_sided, row, table, udp
from unit.planned import OLD_KERNEL, leak, silent

if TYPE_CHECKING:
    from halftrack.whatif.document import WhatIf


def at(found: WhatIf, at_s: int) -> tuple[int | None, int | None, int | None]:
    [point] = [each for each in found.points if each.at_s == at_s]
    return point.low, point.entries, point.high


LEAKING = node(*leak(3_000, over_s=3 * DAY), *silent(50, idle_s=100), *silent(5, idle_s=32_000))


def test_a_shorter_timeout_settles_lower_once_what_is_there_has_gone() -> None:
    found = ask(LEAKING, "tcp_timeout_established=7440")
    assert found.settles_at == pytest.approx(50 + 3_000 / (3 * DAY) * 7_440, rel=0.05)
    assert found.today.settles_at == pytest.approx(55 + 3_000 / 3 * 5, rel=0.05)
    assert at(found, 0) == (3_055, 3_055, 3_055)
    assert found.live_flows_lost == 5
    assert [(each.entries, each.service) for each in found.live_flows] == [(5, "tcp/22")]
    assert found.before == {"tcp_timeout_established": 432_000}
    assert found.growth == "inferred"


def test_strict_pick_up_ends_the_leak_and_cuts_nothing_now() -> None:
    found = ask(LEAKING, "tcp_loose=0")
    assert found.settles_at == pytest.approx(50, abs=7)
    assert found.live_flows_lost == 0


def test_no_tracking_lets_what_is_there_run_out() -> None:
    found = ask(LEAKING, "notrack:tcp/80")
    assert found.settles_at == pytest.approx(55, abs=7)
    _, half, _ = at(found, 3 * DAY)
    assert half is not None
    assert half < 3_055


def test_when_it_is_full_moves_with_the_limit() -> None:
    tight = node(*leak(3_000, over_s=3 * DAY), limit=4_000)
    found = ask(tight, "nf_conntrack_max=4500")
    assert found.today.full_at_s == pytest.approx(DAY, rel=0.05)
    assert found.full_at_s == pytest.approx(1.5 * DAY, rel=0.05)
    assert found.full_low_s is not None
    assert found.full_high_s is not None
    assert found.full_low_s <= found.full_at_s <= found.full_high_s
    assert ask(tight, "nf_conntrack_max=0").never_full is True
    assert ask(tight, "tcp_timeout_established=7440").never_full is True


def test_three_lines_leave_open_what_comes_but_not_what_goes() -> None:
    found = ask(node(*(one_sided(left=363_000, dst=f"198.51.100.{n}") for n in range(3))), "udp_timeout=10")
    assert at(found, 0) == (3, 3, 3)
    assert at(found, DAY) == (3, None, 262_144)
    assert found.growth == "unknown"
    assert found.settles_at is None
    assert any("--from FIRST --from SECOND" in need for need in found.needs)


def test_three_lines_are_enough_where_nothing_more_can_come() -> None:
    three = node(*(one_sided(left=363_000, dst=f"198.51.100.{n}") for n in range(3)))
    for word in ("tcp_loose=0", "notrack:tcp/80"):
        found = ask(three, word)
        assert at(found, HORIZON_S) == (0, 0, 0)
        assert found.settles_at == 0
        assert found.settled_at_s == pytest.approx(363_000, rel=0.01)
        assert not any("SECOND" in need for need in found.needs)


def test_a_dump_that_was_cut_gives_least_numbers_only() -> None:
    cut = node(*leak(3_000, over_s=3 * DAY), source="dump", input=Input(truncated=True))
    found = ask(cut, "tcp_timeout_established=7440")
    assert all(point.entries is None for point in found.points)
    assert all(point.low is not None for point in found.points)
    assert (found.settles_at, found.full_at_s, found.never_full) == (None, None, None)
    assert "the whole table" in found.needs[0]


def test_a_kernel_that_is_not_known_leaves_both_ways_open() -> None:
    """Nothing one-sided lasts long here, so it may be cut short; nobody has read by what."""
    rows = [one_sided(dst=f"198.51.100.{n}", left=299 - n % 290) for n in range(5)]
    found = ask(node(*rows, kernel=None), "tcp_timeout_established=7440")
    assert found.settles_at is None
    assert any(need.startswith("uname -r") for need in found.needs)


def test_closing_connections_scale_with_their_timeout() -> None:
    waiting = [row(sport=20_000 + n, state="TIME_WAIT", left=n % 120) for n in range(1_200)]
    found = ask(node(*waiting), "tcp_timeout_time_wait=30", horizon_s=3_600)
    assert at(found, 3_600)[1] == pytest.approx(300, rel=0.05)
    assert found.today.points[-1].entries == 1_200
    longer = ask(node(*waiting), "tcp_timeout_time_wait=240", horizon_s=3_600)
    low, likely, high = at(longer, 3_600)
    assert likely == pytest.approx(2_400, rel=0.05)
    assert low is not None
    assert high is not None
    # Nobody has seen whether they would be heard again.
    assert low <= 1_200 < likely <= high


def test_udp_scales_too() -> None:
    asked = [udp(sport=20_000 + n, left=n % 30) for n in range(600)]
    found = ask(node(*asked), "udp_timeout=10", horizon_s=3_600)
    assert at(found, 3_600)[1] == pytest.approx(200, rel=0.1)


def test_a_count_of_no_retransmissions_caps_every_state_at_once() -> None:
    found = ask(LEAKING, "tcp_max_retrans=0")
    assert found.settles_at == pytest.approx(50 + 3_000 / (3 * DAY) * 300, abs=8)


def test_a_sweep_has_a_knee_and_the_lowest_value_that_cuts_nobody() -> None:
    found = ask(LEAKING, "tcp_timeout_established=600..86400").sweep
    assert found is not None
    sizes = [each.settles_at for each in found.tried]
    assert sizes == sorted(sizes, key=lambda size: size or 0)
    lost = [each.live_flows_lost for each in found.tried]
    assert lost == sorted(lost, key=lambda each: -(each or 0))
    assert found.cuts_none_from == 32_000
    assert found.knee in [each.value for each in found.tried]


def test_a_setting_that_changes_nothing_has_no_knee() -> None:
    found = ask(LEAKING, "icmp_timeout=10..100").sweep
    assert found is not None
    assert (found.knee, found.cuts_none_from) == (None, None)


def test_the_screen_of_a_sweep_fits_narrow_terminals() -> None:
    for word in ("tcp_timeout_established=600..86400", "nf_conntrack_max=1000..2000"):
        for width in (40, 80):
            text = screen.render(ask(LEAKING, word), width=width)
            assert max(map(len, text.splitlines())) <= width


def test_names_are_those_that_can_be_typed_again() -> None:
    found = ask(LEAKING, "net.netfilter.nf_conntrack_max=5000", "net.netfilter.nf_conntrack_udp_timeout=9")
    assert found.settings == {"nf_conntrack_max": 5_000, "udp_timeout": 9}
    assert found.before == {"nf_conntrack_max": 262_144, "udp_timeout": 30}
    assert whatif.parse([f"{name}={value}" for name, value in found.settings.items()]).shown == found.settings


def test_what_changes_nothing_is_said() -> None:
    notes = ask(
        LEAKING, "tcp_timeout_established=432000", "tcp_timeout_unacknowledged=60", "notrack:tcp/8080"
    ).notes
    assert "tcp_timeout_established is 432000 already" in notes
    assert "no entry of this table belongs to tcp/8080" in notes
    assert any("does not cut one-sided entries short" in note for note in notes)


@pytest.mark.parametrize("word", ["tcp_timeout_established=21474836", "udp_timeout=1..21474836", *WORDS])
def test_the_largest_numbers_that_a_kernel_holds(word: str) -> None:
    """Timeouts and limits as no node has them."""
    most = str(timeouts.LONGEST)
    told = {f"net.netfilter.nf_conntrack_{name}": most for name in ("tcp_timeout_established", "udp_timeout")}
    rows = [
        one_sided(left=left, dst=f"198.51.100.{n}")
        for n, left in enumerate([0, 1, 2**31 - 2, 2**31 - 1, 2**31, 10**12 - 1] * 3)
    ]
    rows += [udp(sport=n, left=2**31 - 1 - n) for n in range(9)]
    found = ask(evidence(table(*rows, settings=told, limit=2**31 - 1), kernel=OLD_KERNEL), word)
    assert found.points[0].entries == 27


def test_a_kernel_that_cuts_short_is_not_cured_by_another_established_timeout() -> None:
    """One-sided entries last five minutes there, by two other settings."""
    rows = [one_sided(dst=f"198.51.{n >> 8}.{n & 255}", left=1 + n % 299) for n in range(900)]
    new = node(*rows, kernel="6.12.48")
    assert ask(new, "tcp_timeout_established=7440").settles_at == pytest.approx(900, abs=5)
    assert ask(new, "tcp_timeout_unacknowledged=100").settles_at == pytest.approx(300, rel=0.05)
    assert ask(new, "tcp_timeout_max_retrans=100").settles_at == pytest.approx(300, rel=0.05)
    # Before 5.4 and its like only one of the two counts.
    el7 = node(*rows, kernel="3.10.0-1160.el7.x86_64")
    assert ask(el7, "tcp_timeout_max_retrans=100").settles_at == pytest.approx(900, abs=5)
    assert ask(el7, "tcp_timeout_unacknowledged=100").settles_at == pytest.approx(300, rel=0.05)
