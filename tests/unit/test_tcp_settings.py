"""Sysctls as the tracker's settings."""

from __future__ import annotations

from halftrack.evidence import uapi
from halftrack.tcp import releases, settings
from halftrack.tcp.profiles import EL7, PRESENT, V2_6_18
from halftrack.tcp.settings import Settings
from halftrack.tcp.table import RETRANS, UNACK

_PREFIX = "net.netfilter.nf_conntrack_"


def test_what_was_not_read_is_the_default() -> None:
    assert settings.resolve({}, releases.features("6.18.44"), PRESENT) == Settings()
    assert settings.resolve({}, releases.features("3.10.0-1160.el7.x86_64"), EL7).udp_stream == 180
    assert settings.resolve({}, releases.features("2.6.18-028stab056"), V2_6_18).loose == 3


def test_what_was_read_counts_under_either_name() -> None:
    found = settings.resolve(
        {
            f"{_PREFIX}tcp_timeout_established": "7440",
            f"{_PREFIX}tcp_timeout_unacknowledged": "200",
            "net.ipv4.netfilter.ip_conntrack_tcp_timeout_max_retrans": "100",
            f"{_PREFIX}tcp_loose": "0",
            f"{_PREFIX}tcp_be_liberal": "1",
            f"{_PREFIX}tcp_max_retrans": "5",
            f"{_PREFIX}tcp_ignore_invalid_rst": "1",
            f"{_PREFIX}icmp_timeout": "3",
        },
        releases.UNKNOWN,
        PRESENT,
    )
    assert found.tcp[uapi.TCP_CONNTRACK_ESTABLISHED] == 7440
    assert (found.tcp[UNACK], found.tcp[RETRANS]) == (200, 100)
    assert (found.loose, found.liberal, found.max_retrans, found.ignore_invalid_rst) == (0, True, 5, True)
    assert found.icmp == 3


def test_text_that_is_no_number_is_not_believed() -> None:
    found = settings.resolve(
        {f"{_PREFIX}tcp_loose": "maybe", f"{_PREFIX}udp_timeout": "-1"}, releases.UNKNOWN, PRESENT
    )
    assert found == Settings()
