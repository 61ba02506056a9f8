"""``/proc/net/route`` and ``/proc/net/ipv6_route``, which is all there is without ip(8).

The first shows the main table alone, and of several next hops the first (net/ipv4/fib_trie.c,
fib_route_seq_show); the second routes of all tables, and not in which they are (net/ipv6/ip6_fib.c,
ipv6_route_native_seq_show). Neither shows policy rules.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.formats.routing.routes import LOCAL, MAIN, UNICAST, Hop, Prefix, Route

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ANY: Final = ""
"""The table of a route of which it is not told."""
_FOUR: Final = re.compile(
    r"(?P<dev>\S{1,64})\t(?P<to>[0-9A-F]{8})\t(?P<via>[0-9A-F]{8})\t(?P<flags>[0-9A-F]{4,8})\t-?\d+\t-?\d+"
    r"\t(?P<metric>-?\d{1,11})\t(?P<mask>[0-9A-F]{8})\t.*",
    re.ASCII,
)
_SIX: Final = re.compile(
    r"(?P<to>[0-9a-f]{32}) (?P<length>[0-9a-f]{2}) (?P<source>[0-9a-f]{32}) (?P<source_length>[0-9a-f]{2})"
    r" (?P<via>[0-9a-f]{32}) (?P<metric>[0-9a-f]{8}) [0-9a-f]{8} [0-9a-f]{8} (?P<flags>[0-9a-f]{8})"
    r"\s+(?P<dev>\S{1,64})\s*",
    re.ASCII,
)
# include/uapi/linux/route.h, ipv6_route.h
_REJECT: Final = 0x0200
_CACHED: Final = 0x0100_0000
_ANYCAST: Final = 0x0010_0000
_LOCAL: Final = 0x8000_0000
_NONE_AT_ALL: Final = (1 << 32) - 1
"""The metric of the entry by which the kernel says that there is no route."""
_ALL_V6: Final = (1 << 128) - 1
_TABLE: Final = re.compile(r"^(?:(Main|Local|Default)|Id (\d{1,10})):$", re.MULTILINE)


def routes(text: str, wanted: Collection[Prefix]) -> Iterator[Route]:
    """Of ``/proc/net/route``, as a little-endian machine prints them."""
    for found in filter(None, map(_FOUR.fullmatch, text.splitlines())):
        to, via, mask = (
            int.from_bytes(bytes.fromhex(found[name]), "little") for name in ("to", "via", "mask")
        )
        length = mask.bit_count()
        its = Prefix(AF_INET, to & mask, length)
        if its not in wanted or mask != (0xFFFF_FFFF << (32 - length)) & 0xFFFF_FFFF:
            continue
        gateway = ".".join(str(via >> shift & 255) for shift in (24, 16, 8, 0)) if via else None
        leads = found["dev"] != "*" and not int(found["flags"], 16) & _REJECT
        hop = Hop(escaped(found["dev"]) if leads else None, gateway)
        yield Route(its, UNICAST if leads else "unreachable", MAIN, max(int(found["metric"]), 0), (hop,))


def routes_v6(text: str, wanted: Collection[Prefix]) -> Iterator[Route]:
    """Of ``/proc/net/ipv6_route``."""
    for found in filter(None, map(_SIX.fullmatch, text.splitlines())):
        length, flags, metric = (int(found[name], 16) for name in ("length", "flags", "metric"))
        if length > 128 or flags & _CACHED or metric == _NONE_AT_ALL:
            continue
        its = Prefix(AF_INET6, int(found["to"], 16) & ~(_ALL_V6 >> length), length)
        if its not in wanted:
            continue
        kind = LOCAL if flags & (_LOCAL | _ANYCAST) else "unreachable" if flags & _REJECT else UNICAST
        via = int(found["via"], 16)
        gateway = _colons(found["via"]) if via else None
        source_length = min(int(found["source_length"], 16), 128)
        source = (
            Prefix(AF_INET6, int(found["source"], 16) & ~(_ALL_V6 >> source_length), source_length)
            if source_length
            else None
        )
        yield Route(its, kind, ANY, metric, (Hop(escaped(found["dev"]), gateway),), source)


def other_tables(text: str) -> bool | None:
    """Whether the heads of ``/proc/net/fib_trie`` name more tables than every node has; None: not told."""
    found = _TABLE.findall(text)
    return any(number for _, number in found) if found else None


def _colons(digits: str) -> str:
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
