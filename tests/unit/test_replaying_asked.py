"""Settings by the words that somebody types."""

from __future__ import annotations

import pytest

from halftrack.errors import UsageError
from halftrack.replaying import asked
from halftrack.tcp import profiles


@pytest.mark.parametrize(
    "word",
    [
        "tcp_timeout_established=7200",
        "nf_conntrack_tcp_timeout_established=7200",
        "net.netfilter.nf_conntrack_tcp_timeout_established=7200",
        "net/netfilter/nf_conntrack_tcp_timeout_established=7200",
        "net.ipv4.netfilter.ip_conntrack_tcp_timeout_established=7200",
        "TCP_TIMEOUT_ESTABLISHED=2h",
        "net.ipv4.ip_conntrack_tcp_timeout_established=7200",
        "tcp_timeout_established=120m",
        "tcp_timeout_established=1h60m",
    ],
)
def test_a_setting_may_be_written_as_sysctl_takes_it_or_shorter(word: str) -> None:
    assert asked.settings([word]) == {"tcp_timeout_established": 7200}


def test_the_later_of_two_counts_and_all_numbers_are_known() -> None:
    words = ["tcp_loose=1", "tcp_loose=0", "max=10", "tcp_be_liberal=1", "icmp_timeout=0"]
    assert asked.settings(words) == {"tcp_loose": 0, "max": 10, "tcp_be_liberal": 1, "icmp_timeout": 0}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("tcp_timeout_establishd=5", "did you mean tcp_timeout_established?"),
        ("loose=0", "did you mean tcp_loose?"),
        ("zzz=5", "there are tcp_timeout_syn_sent"),
        ("tcp_loose", "write SETTING=VALUE"),
        ("tcp_loose=-1", "0 to 255"),
        ("tcp_be_liberal=2", "0 to 1"),
        ("tcp_loose=1s", "0 to 255"),
        ("udp_timeout=", "seconds"),
        ("udp_timeout=s", "seconds"),
        ("udp_timeout=5x", "seconds"),
        ("udp_timeout=99999999999", "seconds"),
        ("udp_timeout=\u0663", "seconds"),
    ],
)
def test_what_is_none_is_refused_with_what_comes_near(word: str, told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("?", r"\?")):
        asked.settings([word])


def test_full_names_are_those_of_sysctl_and_the_limit_is_none_of_the_rules() -> None:
    assert asked.full_names({"tcp_loose": 0, "max": 5}) == {"net.netfilter.nf_conntrack_tcp_loose": "0"}


def test_what_a_kernel_does_not_have_is_told() -> None:
    names = ("tcp_ignore_invalid_rst", "tcp_timeout_unacknowledged", "tcp_loose")
    assert asked.unknown_to(names, profiles.PRESENT) == ()
    assert asked.unknown_to(names, profiles.EL7) == names[:1]
    assert asked.unknown_to(names, profiles.V2_6_18) == names[:2]
