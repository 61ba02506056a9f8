"""How long the tracker keeps an entry: the sysctls in force, and the defaults where they are unknown.

Defaults are those of every kernel from 2.6.18 to 7.0 (``nf_conntrack_proto_*.c``); the UDP stream
timeout is the one that changed (180 s, since 5.0 120 s). SCTP's and DCCP's changed too often to be
assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.evidence.sysctls import LEGACY_PREFIX, LOOSE, PREFIX

if TYPE_CHECKING:
    from halftrack.tcp.releases import Features

ESTABLISHED: Final = "tcp_timeout_established"
UNACKNOWLEDGED: Final = "tcp_timeout_unacknowledged"
MAX_RETRANS: Final = "tcp_timeout_max_retrans"
CLOSE_WAIT: Final = "tcp_timeout_close_wait"
UDP: Final = "udp_timeout"
UDP_STREAM: Final = "udp_timeout_stream"

DEFAULTS: Final = MappingProxyType(
    {
        "tcp_timeout_syn_sent": 120,
        "tcp_timeout_syn_recv": 60,
        ESTABLISHED: 432_000,
        "tcp_timeout_fin_wait": 120,
        CLOSE_WAIT: 60,
        "tcp_timeout_last_ack": 30,
        "tcp_timeout_time_wait": 120,
        "tcp_timeout_close": 10,
        MAX_RETRANS: 300,
        UNACKNOWLEDGED: 300,
        UDP: 30,
        "icmp_timeout": 30,
        "icmpv6_timeout": 30,
        "gre_timeout": 30,
        "gre_timeout_stream": 180,
        "generic_timeout": 600,
    }
)
"""Sysctl name without its prefix to seconds."""

TCP_STATE_TIMEOUTS: Final = MappingProxyType(
    {
        uapi.TCP_CONNTRACK_SYN_SENT: "tcp_timeout_syn_sent",
        uapi.TCP_CONNTRACK_SYN_RECV: "tcp_timeout_syn_recv",
        uapi.TCP_CONNTRACK_ESTABLISHED: ESTABLISHED,
        uapi.TCP_CONNTRACK_FIN_WAIT: "tcp_timeout_fin_wait",
        uapi.TCP_CONNTRACK_CLOSE_WAIT: CLOSE_WAIT,
        uapi.TCP_CONNTRACK_LAST_ACK: "tcp_timeout_last_ack",
        uapi.TCP_CONNTRACK_TIME_WAIT: "tcp_timeout_time_wait",
        uapi.TCP_CONNTRACK_CLOSE: "tcp_timeout_close",
        # SYN_SENT2 has no sysctl; its default is SYN_SENT's.
    }
)
"""TCP state number to the sysctl that sets its timeout."""

KEEPING: Final = (*DEFAULTS, UDP_STREAM, "sctp_timeout_established")
"""Names of the timeouts that entries of the protocols are kept by that we know the rules of."""

LONGEST: Final = 2**31 - 1
"""A timeout is held as an int of jiffies (proc_dointvec_jiffies), so no number above is one."""
FIVE_DAYS: Final = DEFAULTS[ESTABLISHED]
SAFE_ESTABLISHED: Final = 7_440
"""2 h 4 min: what RFC 5382 (REQ-5) asks of a translator at least, and above the 2 h after which Linux
sends a keepalive where an application wants one (``net.ipv4.tcp_keepalive_time``)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of one namespace in seconds by sysctl name without prefix.

    ``values`` holds what is set and, where that is unknown, the default; ``assumed`` names the
    latter. A name in neither has no known value.
    """

    values: Mapping[str, int]
    assumed: frozenset[str]

    def get(self, name: str) -> int | None:
        """Seconds, set or assumed; None where neither is known."""
        return self.values.get(name)

    def known(self, name: str) -> int | None:
        """Seconds as set on the node; None where they would be assumed."""
        return None if name in self.assumed else self.values.get(name)


def resolve(settings: Mapping[str, str], features: Features) -> Timeouts:
    """Timeouts from sysctls as they were read (full names, text), defaults for those that were not.

    Text that is no whole number, or more than the kernel can hold, counts as not read.
    """
    values: dict[str, int] = dict(DEFAULTS)
    if features.udp_stream_s is not None:
        values[UDP_STREAM] = features.udp_stream_s
    assumed = set(values)
    for prefix in (LEGACY_PREFIX, PREFIX):
        for name, text in settings.items():
            short = name.removeprefix(prefix)
            number = whole(text)
            if short != name and "timeout" in short and number is not None and number <= LONGEST:
                values[short] = number
                assumed.discard(short)
    return Timeouts(MappingProxyType(values), frozenset(assumed))


def whole(text: str | None) -> int | None:
    """A sysctl's text as a whole number; None where it is none."""
    if text is None:
        return None
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) < 19 else None


def setting(settings: Mapping[str, str], name: str) -> str | None:
    """The text of a conntrack sysctl under its present or its legacy name."""
    return settings.get(PREFIX + name, settings.get(LEGACY_PREFIX + name))


def number(settings: Mapping[str, str], name: str, default: int) -> int:
    """The same as a whole number; the default where it was not read or is none."""
    found = whole(setting(settings, name))
    return default if found is None else found


def is_loose(settings: Mapping[str, str]) -> bool:
    """Whether connections are picked up in mid-stream, as they are unless that is known to be off."""
    return number(settings, LOOSE, 1) != 0
