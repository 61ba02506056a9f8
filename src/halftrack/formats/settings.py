"""Settings in text: sysctl lines pasted beside a table, and what ``--assume`` supplies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from halftrack.errors import UsageError
from halftrack.evidence.provenance import KERNEL, TAKEN_AT, Origin, said
from halftrack.evidence.sysctls import OLD_PREFIXES, PREFIX
from halftrack.formats.moments import instant

_LINE: Final = re.compile(r"(?:sysctl )?(?:/proc/sys/)?(net[./][\w./-]+)\s*[=:]\s*(-?\d+(?:\s+-?\d+)*)")
_RELEASE: Final = re.compile(r"(?:Linux \S+ )?(\d+\.\d+\S*)(?: .*)?")
_NUMBER: Final = re.compile(r"\d{1,12}", re.ASCII)
_TCP: Final = (
    "syn_sent",
    "syn_recv",
    "established",
    "fin_wait",
    "close_wait",
    "last_ack",
    "time_wait",
    "close",
    "max_retrans",
    "unacknowledged",
)
_SCTP: Final = (
    "closed",
    "cookie_wait",
    "cookie_echoed",
    "established",
    "shutdown_sent",
    "shutdown_recd",
    "shutdown_ack_sent",
    "heartbeat_sent",
    "heartbeat_acked",
)
_DCCP: Final = ("request", "respond", "partopen", "open", "closereq", "closing", "timewait")
_SHORT: Final = frozenset(
    {
        "max",
        "count",
        "buckets",
        "acct",
        "checksum",
        "dccp_loose",
        "events",
        "expect_max",
        "frag6_timeout",
        "generic_timeout",
        "gre_timeout",
        "gre_timeout_stream",
        "helper",
        "icmp_timeout",
        "icmpv6_timeout",
        "log_invalid",
        "tcp_be_liberal",
        "tcp_ignore_invalid_rst",
        "tcp_loose",
        "tcp_max_retrans",
        "timestamp",
        "udp_timeout",
        "udp_timeout_stream",
        "udplite_timeout",
        "udplite_timeout_stream",
        *(f"tcp_timeout_{state}" for state in _TCP),
        *(f"sctp_timeout_{state}" for state in _SCTP),
        *(f"dccp_timeout_{state}" for state in _DCCP),
    }
)
"""Names under net.netfilter.nf_conntrack_ of all kernels since 2.6.20."""


def full_name(name: str) -> str:
    """A sysctl by its present full name, whatever its age or separators."""
    name = name.replace("/", ".")
    for prefix in OLD_PREFIXES:
        if name.startswith(prefix):
            return PREFIX + name.removeprefix(prefix)
    return name


def assignment(text: str) -> tuple[str, str] | None:
    """Full name and value of a line such as ``net.netfilter.nf_conntrack_max = 262144``."""
    match = _LINE.fullmatch(text.strip())
    return (full_name(match[1]), match[2]) if match else None


def release_of(text: str) -> str | None:
    """The release in a line of ``uname -r`` or ``uname -a``."""
    match = _RELEASE.fullmatch(text.strip())
    return match[1] if match else None


@dataclass(frozen=True, slots=True)
class Assumed:
    """What the user says that the text does not. ``shown``: as it was said, for the report."""

    kernel: str | None = None
    taken_at: datetime | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)

    def read_from(self, names: Iterable[str]) -> dict[str, tuple[Origin, ...]]:
        """Where those of these that were said were read: nowhere. Full names, ``kernel``, ``taken_at``."""
        told = {KERNEL: self.kernel is not None, TAKEN_AT: self.taken_at is not None}
        return {name: (said(name),) for name in names if name in self.settings or told.get(name)}


def assumed(pairs: Mapping[str, str]) -> Assumed:
    """Check ``--assume`` values. Raises UsageError for an unknown key or a value that is none."""
    kernel: str | None = None
    taken_at: datetime | None = None
    settings: dict[str, str] = {}
    for key, value in pairs.items():
        if key == "kernel":
            if not re.fullmatch(r"\d+\.\d+\S*", value):
                raise UsageError(f"--assume kernel={value}: a release is written like 2.6.32-042stab092.1")
            kernel = value
        elif key == "taken-at":
            taken_at = _moment(value)
        else:
            settings[_setting(key)] = _number(key, value)
    return Assumed(kernel, taken_at, settings, dict(pairs))


def _setting(key: str) -> str:
    if key in ("limit", "buckets"):
        return PREFIX + {"limit": "max"}.get(key, key)
    name = full_name(key)
    short = name.removeprefix(PREFIX).removeprefix("nf_conntrack_")
    if short in _SHORT and short != "count":
        return PREFIX + short
    if re.fullmatch(r"net(\.[\w-]+){2,}", name) and not name.startswith(PREFIX):
        return name
    raise UsageError(
        f"--assume {key}: unknown; known are kernel, limit, buckets, taken-at and sysctls such as"
        " tcp_timeout_established or net.ipv4.tcp_syncookies"
    )


def _number(key: str, value: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise UsageError(f"--assume {key}={value}: a whole number is needed")
    return value


def _moment(value: str) -> datetime:
    moment = instant(value)
    if moment is None:
        raise UsageError(f"--assume taken-at={value}: a time is written like 2026-11-23T03:12:00+01:00")
    return moment
