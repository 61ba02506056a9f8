"""What is said of the next packets of other protocols comes true as well."""

from __future__ import annotations

import ipaddress
import platform
import struct
import time
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.diagnosis.explained import explain
from halftrack.diagnosis.view import view
from halftrack.evidence import uapi
from halftrack.evidence.values import Evidence, Namespace, Table
from halftrack.kernel import ctnetlink
from halftrack.tcp.profiles import PRESENT
from kernel.campaigns import PROFILE
from kernel.foretold import namespace_settings
from kernel.wire import CLIENTS, SERVER, packet, tracked_wire

if TYPE_CHECKING:
    from halftrack.diagnosis.explained.document import Explained
    from kernel.wire import Wire

_BODIES: Final = {
    uapi.IPPROTO_UDP: (struct.pack("!HHHH", 5_000, 53, 8, 0), struct.pack("!HHHH", 53, 5_000, 8, 0)),
    uapi.IPPROTO_GRE: (struct.pack("!HH", 0, 0x0800),) * 2,
    uapi.IPPROTO_ICMP: (struct.pack("!BBHHH", 8, 0, 0, 77, 1), struct.pack("!BBHHH", 0, 0, 0, 77, 1)),
    253: (b"something",) * 2,
}
"""Of the client and of the server."""


def _send(wire: Wire, protocol: int, client: int, direction: int) -> str:
    ends = (client, SERVER) if direction == 0 else (SERVER, client)
    return wire.send(packet(protocol, *ends, _BODIES[protocol][direction]))


def _explained(wire: Wire, protocol: int, client: int) -> tuple[Explained, int, int]:
    """What is said of an entry, its status, and what it has left."""
    flows = ctnetlink.dump(netns_path=wire.netns.path).flows
    table = Table(Namespace("scratch"), flows=flows, settings=wire.netns.call(namespace_settings))
    seen = Evidence("node", "live", kernel=platform.release(), tables=(table,))
    for row in view(table, seen).flows.iter_rows(named=True):
        if row["l4proto"] == protocol and row["orig_src_lo"] & 0xFFFF_FFFF == client:
            return explain(seen, table, row, {}, matching=1), row["status"], row["timeout"]
    raise LookupError(f"no entry of {ipaddress.IPv4Address(client)}")


@pytest.mark.skipif(PROFILE is not PRESENT, reason="tried on kernels from 6.1 on")
@pytest.mark.parametrize("protocol", _BODIES)
@pytest.mark.parametrize("said", [(0,), (0, 1), (0, 1, 0)], ids=["asked", "answered", "talking"])
@pytest.mark.parametrize("pause_s", [0.0, 2.3], ids=["at once", "later"])
def test_each_packet_does_what_was_said(protocol: int, said: tuple[int, ...], pause_s: float) -> None:
    with tracked_wire("others") as wire:
        first, second = CLIENTS + 1, CLIENTS + 2
        for client in (first, second):
            for direction in said:
                _send(wire, protocol, client, direction)
        time.sleep(pause_s)
        foretold, _, _ = _explained(wire, protocol, first)
        assert len(foretold.next) == 2
        for direction, client in enumerate((first, second)):
            began = time.monotonic()
            verdict = _send(wire, protocol, client, direction)
            _, status, left = _explained(wire, protocol, client)
            took = time.monotonic() - began
            came_true = [
                one
                for one in foretold.next[direction].outcomes
                if one.timeout_s is not None
                and one.timeout_s - took - 1.1 <= left <= one.timeout_s
                and one.verdict == verdict
                and one.seen_reply == bool(status & uapi.IPS_SEEN_REPLY)
                and one.assured == bool(status & uapi.IPS_ASSURED)
            ]
            assert came_true, (foretold.next[direction], status, left)
