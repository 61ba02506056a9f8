"""``/proc/net/netstat`` and ``/proc/net/snmp``: pairs of lines, names and then numbers.

Both lines of a pair begin with the same group (net/ipv4/proc.c, snmp_seq_show and netstat_seq_show).
Which names there are, and in which order, differs between kernels.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence.stack import StackCounters

if TYPE_CHECKING:
    from collections.abc import Iterable

_GROUP: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_NSTAT: Final = re.compile(
    r"(?P<group>MPTcpExt|TcpExt|IpExt|IcmpMsg|Icmp6|Icmp|Ip6|Ip|Tcp|UdpLite6|UdpLite|Udp6|Udp)"
    r"(?P<name>[A-Z0-9]\w{0,62})\s+(?P<number>-?[0-9]{1,20})\s",
    re.ASCII,
)
"""nstat glues the group's name to the counter's."""


def parse(texts: Iterable[str], at_s: float) -> StackCounters:
    """One reading from the texts of one file or more; lines that are no pair are left out.

    ``at_s``: when they were read, on a monotonic clock.
    """
    values: dict[str, int] = {}
    for text in texts:
        names: tuple[str, list[str]] | None = None
        for line in text.splitlines():
            group, colon, rest = line.partition(":")
            words = rest.split()
            if not colon or not _GROUP.fullmatch(group):
                names = None
            elif names and names[0] == group and len(words) == len(names[1]) and _all(_NUMBER, words):
                values |= {f"{group}.{name}": int(word) for name, word in zip(names[1], words, strict=True)}
                names = None
            else:
                names = (group, words) if _all(_NAME, words) else None
    return StackCounters(at_s, values)


def from_nstat(text: str) -> str:
    """What ``nstat -as`` prints, one name and its number to a line, as such pairs."""
    groups: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        found = _NSTAT.match(line)
        if found is not None:
            groups.setdefault(found["group"], {})[found["name"]] = found["number"]
    lines = [
        f"{group}: {' '.join(words)}"
        for group, pairs in groups.items()
        for words in (pairs.keys(), pairs.values())
    ]
    return "\n".join(lines)


def _all(form: re.Pattern[str], words: list[str]) -> bool:
    return all(form.fullmatch(word) for word in words)
