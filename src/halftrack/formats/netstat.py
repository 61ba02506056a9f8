"""``/proc/net/netstat`` and ``/proc/net/snmp``: pairs of lines, names and then numbers.

Both lines of a pair begin with the same group (net/ipv4/proc.c, snmp_seq_show and netstat_seq_show).
Which names there are, and in which order, differs between kernels.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from halftrack.evidence.stack import StackCounters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_GROUP: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_NSTAT: Final = re.compile(
    r"(?P<group>MPTcpExt|TcpExt|IpExt|IcmpMsg|Icmp6|Icmp|Ip6|Ip|Tcp|UdpLite6|UdpLite|Udp6|Udp)"
    r"(?P<name>[A-Z0-9]\w{0,62})\s+(?P<number>-?[0-9]{1,20})\s",
    re.ASCII,
)
"""nstat glues the group's name to the counter's."""
_NAMED: Final = re.compile(r"(?P<name>[A-Z][A-Za-z0-9_]{0,63}): (?P<number>[0-9]{1,20})", re.ASCII)
_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "Tcp": {
        "active connection openings": "ActiveOpens",
        "active connections openings": "ActiveOpens",
        "passive connection openings": "PassiveOpens",
        "failed connection attempts": "AttemptFails",
        "connection resets received": "EstabResets",
        "segments received": "InSegs",
        "segments sent out": "OutSegs",
        "segments send out": "OutSegs",
        "segments retransmitted": "RetransSegs",
        "segments retransmited": "RetransSegs",
        "resets sent": "OutRsts",
    },
    "TcpExt": {
        "SYN cookies sent": "SyncookiesSent",
        "SYN cookies received": "SyncookiesRecv",
        "invalid SYN cookies received": "SyncookiesFailed",
        "times the listen queue of a socket overflowed": "ListenOverflows",
        "SYNs to LISTEN sockets dropped": "ListenDrops",
        "SYNs to LISTEN sockets ignored": "ListenDrops",
        "connections aborted due to timeout": "TCPAbortOnTimeout",
    },
}
"""How net-tools of all ages word what is looked at here (statistics.c)."""


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
                for name, word in zip(names[1], words, strict=True):
                    # One string for all namespaces of a node and all moments.
                    values[sys.intern(f"{group}.{name}")] = int(word)
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
    return _pairs(groups)


def from_sentences(text: str) -> str:
    """What ``netstat -s`` says in sentences and in names, likewise. What it leaves out is not known."""
    groups: dict[str, dict[str, str]] = {}
    group = ""
    for line in text.splitlines():
        if line[:1].strip():
            group = line.strip().removesuffix(":")
            continue
        said = line.strip()
        named = _NAMED.fullmatch(said)
        number, _, words = said.partition(" ")
        name = named["name"] if named else _SENTENCES.get(group, {}).get(words)
        value = named["number"] if named else number
        if name is not None and _GROUP.fullmatch(group) and _NUMBER.fullmatch(value):
            groups.setdefault(group, {})[name] = value
    return _pairs(groups)


def _pairs(groups: Mapping[str, Mapping[str, str]]) -> str:
    lines = [
        f"{group}: {' '.join(words)}"
        for group, pairs in groups.items()
        for words in (pairs.keys(), pairs.values())
    ]
    return "\n".join(lines)


def _all(form: re.Pattern[str], words: list[str]) -> bool:
    return all(form.fullmatch(word) for word in words)
