"""Timeouts in force: what was read, what is assumed."""

from __future__ import annotations

import pytest

from halftrack.evidence.sysctls import PREFIX
from halftrack.tcp.releases import UNKNOWN, features
from halftrack.tcp.timeouts import DEFAULTS, ESTABLISHED, resolve, setting, whole


def test_what_was_not_read_is_assumed_and_says_so() -> None:
    known = resolve({"net.netfilter.nf_conntrack_tcp_timeout_established": "7440\n"}, UNKNOWN)

    assert known.known("tcp_timeout_established") == 7_440
    assert known.get("tcp_timeout_close_wait") == 60
    assert known.known("tcp_timeout_close_wait") is None


def test_the_udp_stream_timeout_follows_the_kernel_and_is_unknown_without_it() -> None:
    assert resolve({}, UNKNOWN).get("udp_timeout_stream") is None
    assert resolve({}, features("2.6.32-431.el6")).get("udp_timeout_stream") == 180
    assert resolve({}, features("6.1.0")).get("udp_timeout_stream") == 120


def test_present_names_win_over_legacy_ones() -> None:
    known = resolve(
        {
            "net.netfilter.nf_conntrack_udp_timeout": "31",
            "net.ipv4.netfilter.ip_conntrack_udp_timeout": "29",
            "net.ipv4.netfilter.ip_conntrack_tcp_timeout_established": "600",
        },
        UNKNOWN,
    )

    assert known.known("udp_timeout") == 31
    assert known.known("tcp_timeout_established") == 600


@pytest.mark.parametrize("text", ["", "-1", "5 days", "٣", "1" * 40, None])
def test_what_is_no_whole_number_counts_as_not_read(text: str | None) -> None:
    assert whole(text) is None


def test_a_setting_is_found_under_either_name() -> None:
    assert setting({"net.ipv4.netfilter.ip_conntrack_tcp_loose": "3"}, "tcp_loose") == "3"
    assert setting({}, "tcp_loose") is None


def test_a_number_that_no_kernel_holds_counts_as_not_read() -> None:
    known = resolve({PREFIX + ESTABLISHED: "4294967295"}, UNKNOWN)

    assert known.values[ESTABLISHED] == DEFAULTS[ESTABLISHED]
    assert ESTABLISHED in known.assumed
