"""How the tracker's settings are called, and what files and journals say of them.

Their full names begin alike, and began otherwise in old kernels; one is a parameter of the module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

PREFIX: Final = "net.netfilter.nf_conntrack_"
LEGACY_PREFIX: Final = "net.ipv4.netfilter.ip_conntrack_"
"""Up to 2.6.19 the only one; some settings had both names until 4.8 (net/ipv4/netfilter)."""
OLD_PREFIXES: Final = (LEGACY_PREFIX, "net.ipv4.ip_conntrack_", "net.nf_conntrack_")
"""In the order of their age."""
LOOSE: Final = "tcp_loose"
BE_LIBERAL: Final = "tcp_be_liberal"
MAX_RETRANS: Final = "tcp_max_retrans"
IGNORE_INVALID_RST: Final = "tcp_ignore_invalid_rst"
LIMIT: Final = "max"
"""Names without prefix of those that are no timeouts and decide about entries."""
HASHSIZE: Final = "/sys/module/nf_conntrack/parameters/hashsize"
"""The buckets of the hash, which all namespaces share; the kernel takes another size there."""


@dataclass(frozen=True, slots=True)
class SysctlLine:
    """An assignment in a sysctl configuration file, in the order in which boot applies them."""

    file: str
    line: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a setting, by its full name, was ``until`` somebody is known to have written another value.

    ``then``: that value, None where it is not known. Where the setting is yet another one later on,
    without anybody being known to have written it, a stranger did, at a moment that nobody knows.
    """

    setting: str
    value: str
    until: datetime
    then: str | None = None


def short(name: str) -> str:
    """Without what its full name begins with, as somebody typed it: of any age, by dots or as a path."""
    told = name.strip().lower().replace("/", ".")
    for prefix in (PREFIX, *OLD_PREFIXES, "nf_conntrack_", "ip_conntrack_"):
        told = told.removeprefix(prefix)
    return told
