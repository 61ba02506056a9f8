"""tc(8)'s output: disciplines, classes, counters, and any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.shaping import Interface, Queue
from halftrack.formats import tc

QDISCS = """qdisc noqueue 0: dev lo root refcnt 2
 Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0)
 backlog 0b 0p requeues 0
qdisc htb 1: dev v1 root refcnt 3 r2q 10 default 0x10 direct_packets_stat 0 direct_qlen 1000
 Sent 2174 bytes 3 pkt (dropped 0, overlimits 3 requeues 0)
 backlog 39596b 38p requeues 0
qdisc clsact ffff: dev v1 parent ffff:fff1
 Sent 1824 bytes 24 pkt (dropped 0, overlimits 0 requeues 0)
 backlog 0b 0p requeues 0
qdisc tbf 1: dev v0 root refcnt 3 rate 400Kbit burst 2Kb lat 164ms
 Sent 2160 bytes 24 pkt (dropped 31, overlimits 44 requeues 0)
 backlog 9Kb 10p requeues 0
qdisc netem 8001: dev eth0 root refcnt 2 limit 1000 delay 250.5ms  10ms loss 5% rate 1Mbit
qdisc fq_codel 0: dev eth1 parent 1:10 limit 10240p flows 1024 quantum 1514
"""
CLASSES = """class htb 1:10 root prio 0 rate 1Mbit ceil 40Gbit burst 1600b cburst 0b
 Sent 3216 bytes 4 pkt (dropped 0, overlimits 4 requeues 0)
 backlog 38554b 37p requeues 0
 lended: 4 borrowed: 0 giants: 0
 tokens: -129914 ctokens: -4

class htb 1:20 parent 1:1 leaf 20: prio 3 rate 8bit ceil 12500Kbit burst 1Kb cburst 1600b
"""


def test_all_that_is_printed() -> None:
    found = tc.parse(QDISCS, {"v1": CLASSES}, 7.0)
    assert found.at_s == 7.0
    assert found.interfaces == (
        Interface(1, "lo"), Interface(2, "v1"), Interface(3, "v0"), Interface(4, "eth0"), Interface(5, "eth1"),
    )  # fmt: skip
    noqueue, htb, clsact, tbf, netem, fq, ten, twenty = found.queues
    assert (noqueue.kind, noqueue.drops, noqueue.limits) == ("noqueue", 0, False)
    assert (htb.handle, htb.parent, htb.backlog, htb.qlen, htb.limits) == ("1:", "root", 39_596, 38, False)
    assert clsact.parent == "ingress"
    assert tbf == Queue(
        3, "tbf", "1:", "root", rate=50_000, sent_bytes=2160, sent_packets=24,
        backlog=9 * 1024, qlen=10, drops=31, overlimits=44, requeues=0,
    )  # fmt: skip
    assert (netem.delay_s, netem.rate, netem.drops) == (0.2505, 125_000, None)
    assert (fq.parent, fq.rate) == ("1:10", None)
    assert (ten.interface, ten.is_class, ten.rate, ten.ceil) == (2, True, 125_000, 5_000_000_000)
    assert (ten.overlimits, ten.backlog) == (4, 38_554)
    assert (twenty.parent, twenty.rate, twenty.ceil, twenty.drops) == ("1:1", 1, 1_562_500, None)


def test_interfaces_that_are_known_keep_their_numbers() -> None:
    links = (Interface(7, "v1", "veth", 2, link_elsewhere=True), Interface(9, "dummy0", "dummy"))
    found = tc.parse(QDISCS, {"v1": CLASSES}, 7.0, links=links)
    assert found.interfaces[:2] == links
    assert [each.name for each in found.interfaces[2:]] == ["lo", "v0", "eth0", "eth1"]
    assert min(each.index for each in found.interfaces[2:]) > 9
    assert {each.kind for each in found.on(7)} == {"htb", "clsact"}


def test_a_class_of_no_interface_is_left_out() -> None:
    assert tc.parse(CLASSES, {}, 0.0).queues == ()


def test_more_than_are_worth_it() -> None:
    found = tc.parse("qdisc pfifo 1: dev a root\n" * (tc.MOST + 3), {}, 0.0)
    assert len(found.queues) == tc.MOST
    assert found.unread


LINES = st.sampled_from(QDISCS.splitlines() + CLASSES.splitlines())


@given(
    st.one_of(
        st.text(max_size=300), st.lists(st.one_of(LINES, st.text(max_size=30)), max_size=20).map("\n".join)
    )
)
def test_any_text_gives_queues(text: str) -> None:
    found = tc.parse(text, {"eth9\x1b": text}, 0.0)
    known = {each.index for each in found.interfaces}
    assert all(queue.interface in known for queue in found.queues)
    assert all(each.name.isprintable() for each in found.interfaces)
    assert len(found.queues) <= 2 * (text.count("qdisc") + text.count("class"))
