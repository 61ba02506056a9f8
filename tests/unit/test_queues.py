"""Queueing disciplines from recorded rtnetlink answers, and from any bytes."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.shaping import Interface, Queue, Shaping
from halftrack.kernel import queues
from halftrack.kernel.netlink_messages import attribute
from halftrack.kernel.traffic_control import TCMSG, Answers

FILE = Path(__file__).parent.parent / "fixtures/netlink/traffic-control.json"
RECORDED = {
    name: [bytes.fromhex(text) for text in texts] for name, texts in json.loads(FILE.read_text()).items()
}


def recorded() -> Shaping:
    return queues.shaping(Answers(1.0, **RECORDED))


def one(options: bytes, kind: bytes, *more: bytes) -> Queue:
    """A discipline on interface 7, as root."""
    body = TCMSG.pack(0, 7, 0x10000, 0xFFFF_FFFF, 0) + attribute(1, kind + b"\0") + attribute(2, options)
    (queue,) = queues.shaping(Answers(0.0, qdiscs=[body + b"".join(more)])).queues
    return queue


def test_interfaces() -> None:
    assert recorded().interfaces == (
        Interface(1, "lo"),
        Interface(2, "v1", "veth", link=3),
        Interface(3, "v0", "veth", link=2),
    )


def test_the_same_as_tc() -> None:
    """tc(8) in the same moment; the class it asked for a little later, when one more had left."""
    found = recorded()
    (tbf,) = found.on(3)
    assert (tbf.kind, tbf.handle, tbf.parent, tbf.rate) == ("tbf", "1:", "root", 50_000)
    assert (tbf.sent_bytes, tbf.sent_packets, tbf.drops, tbf.overlimits) == (2160, 24, 31, 44)
    assert (tbf.backlog, tbf.qlen, tbf.requeues) == (9468, 10, 0)
    htb, clsact, leaf = found.on(2)
    assert (htb.kind, htb.rate, htb.overlimits, htb.limits) == ("htb", None, 3, False)
    assert (leaf.handle, leaf.parent, leaf.rate, leaf.ceil) == ("1:10", "root", 125_000, 5_000_000_000)
    assert (leaf.is_class, leaf.limits) == (True, True)
    assert (clsact.kind, clsact.parent) == ("clsact", "ingress")
    assert "u32 mirred" in clsact.filters
    assert found.named(3) == "v0"


def test_counters_of_an_old_kernel() -> None:
    """struct tc_stats alone, as 2.6 kernels may give it."""
    old = attribute(3, struct.pack("=QIIIIIII", 5000, 10, 2, 3, 0, 0, 1, 1500))
    found = one(b"", b"pfifo_fast", old)
    assert (found.sent_bytes, found.sent_packets, found.drops, found.overlimits) == (5000, 10, 2, 3)
    assert (found.qlen, found.backlog, found.requeues) == (1, 1500, None)


def test_nothing_counted_is_not_zero() -> None:
    found = one(b"", b"fq_codel")
    assert (found.drops, found.backlog, found.rate) == (None, None, None)


def test_netem_delays() -> None:
    options = struct.pack("=IIIIII", 0, 1000, 0, 0, 0, 0) + attribute(10, struct.pack("=q", 250_000_000))
    options += attribute(6, struct.pack("=IiIi", 125_000, 0, 0, 0))
    found = one(options, b"netem")
    assert (found.delay_s, found.rate) == (0.25, 125_000)


def test_a_policer_is_named() -> None:
    """matchall with a police action on what comes in; and u32 with one of the old sort."""
    action = attribute(1, attribute(1, b"police\0"))
    entrance = TCMSG.pack(0, 7, 0, 0xFFFF_0000, 0)
    new = entrance + attribute(1, b"matchall\0") + attribute(2, attribute(2, action))
    old = entrance + attribute(1, b"u32\0") + attribute(2, attribute(6, b"\0" * 8))
    ingress = TCMSG.pack(0, 7, 0xFFFF_0000, 0xFFFF_FFF1, 0) + attribute(1, b"ingress\0")
    (found,) = queues.shaping(Answers(0.0, qdiscs=[ingress], filters=[new, old, new])).queues
    assert found.filters == ("matchall police", "u32 police")
    assert found.limits


@given(
    st.sampled_from(sorted(RECORDED)),
    st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), max_size=10),
    st.integers(0, 2048),
)
def test_any_bytes_give_queues(name: str, changes: list[tuple[int, int]], length: int) -> None:
    """Damaged and cut messages never raise, and no name is one that a terminal would obey."""
    bodies = []
    for body in RECORDED[name]:
        raw = bytearray(body)
        for place, value in changes:
            if place < len(raw):
                raw[place] = value
        bodies.append(bytes(raw[:length]))
    found = queues.shaping(Answers(0.0, **{**RECORDED, name: bodies}))
    assert len(found.queues) <= len(RECORDED["qdiscs"]) + len(RECORDED["classes"])
    texts = [each.name for each in found.interfaces] + [each.kind for each in found.queues]
    assert all(text.isprintable() for text in texts)
