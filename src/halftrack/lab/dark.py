"""Ends that go away without a word: what their sockets still had to say does not get out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab.scene import reset

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from halftrack.lab.place import Place

_RULES: Final = """table inet {table} {{
  set ends {{ type inet_service . inet_service; elements = {{ {ends} }} }}
  chain sent {{ type filter hook output priority 0; tcp sport . tcp dport @ends drop; }}
  chain heard {{ type filter hook input priority 0; tcp dport . tcp sport @ends drop; }}
}}
"""


def fall_silent(place: Place, sockets: Sequence[socket.socket]) -> None:
    """These sockets of ``place`` end, and nothing of that can be heard. Raises HalftrackError."""
    ends = [f"{one.getsockname()[1]} . {one.getpeername()[1]}" for one in sockets]
    table = "gone_" + ends[0].replace(" . ", "_")
    place.run(["nft", "-f", "-"], _RULES.format(table=table, ends=", ".join(ends)))
    for one in sockets:
        reset(one)
