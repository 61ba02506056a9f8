"""Ends that go away without a word: what their sockets still had to say does not get out."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

from halftrack.lab.scene import reset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.lab.place import Place

_RULES: Final = """table {family} {table} {{
  set ends {{ type {kind} . inet_service . {kind} . inet_service; elements = {{ {ends} }} }}
  chain sent {{ type filter hook output priority 0;
    {family} saddr . tcp sport . {family} daddr . tcp dport @ends drop; }}
  chain heard {{ type filter hook input priority 0;
    {family} daddr . tcp dport . {family} saddr . tcp sport @ends drop; }}
}}
"""


def fall_silent(place: Place, sockets: Sequence[socket.socket]) -> None:
    """These sockets of ``place`` end, and nothing of that can be heard. Raises HalftrackError."""
    # With all of both ends: another address at either may use the same port.
    ends = [
        " . ".join(str(part) for part in (*one.getsockname()[:2], *one.getpeername()[:2])) for one in sockets
    ]
    family, kind = ("ip6", "ipv6_addr") if sockets[0].family == socket.AF_INET6 else ("ip", "ipv4_addr")
    table = "gone_" + re.sub("[^0-9a-f]", "_", ends[0])
    place.run(["nft", "-f", "-"], _RULES.format(table=table, kind=kind, family=family, ends=", ".join(ends)))
    for one in sockets:
        reset(one)
