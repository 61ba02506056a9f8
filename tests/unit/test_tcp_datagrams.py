"""Protocols without connections, and how a full table makes room."""

from __future__ import annotations

import pytest

from halftrack.evidence import uapi
from halftrack.tcp import rules
from halftrack.tcp.profiles import EL7, PRESENT
from halftrack.tcp.segments import Segment
from halftrack.tcp.settings import Policy, Settings
from halftrack.tcp.table import TH_ACK, TH_SYN
from halftrack.tcp.tracker import DROPPED, ESTABLISHED, EXEMPT, INVALID, NEW, Tracker

_UDP = uapi.IPPROTO_UDP


def _udp(tracker: Tracker, now: float, source: str, target: str) -> tuple[str, int | None, str | None]:
    step = tracker.datagram(now, _UDP, source, target)
    return step.verdict, step.timeout, step.rule


def test_udp_is_a_stream_once_it_has_lasted_two_seconds() -> None:
    tracker = Tracker()
    assert _udp(tracker, 0.0, "a", "b") == (NEW, 30, rules.SINGLE)
    assert _udp(tracker, 0.1, "b", "a") == (ESTABLISHED, 30, rules.SINGLE)
    assert _udp(tracker, 2.0, "a", "b") == (ESTABLISHED, 30, rules.SINGLE)
    assert _udp(tracker, 2.1, "b", "a") == (ESTABLISHED, 120, rules.STREAM)
    entry = tracker.exchange(_UDP, "a", "b")
    assert entry is not None
    assert entry.status == uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED


def test_udp_was_a_stream_at_its_third_packet_before() -> None:
    tracker = Tracker(EL7, Settings(udp_stream=180))
    _udp(tracker, 0.0, "a", "b")
    _udp(tracker, 0.1, "b", "a")
    assert _udp(tracker, 0.2, "a", "b") == (ESTABLISHED, 180, rules.STREAM)


def test_what_nobody_answers_stays_new() -> None:
    tracker = Tracker()
    assert {_udp(tracker, second, "a", "b") for second in range(9)} == {(NEW, 30, rules.SINGLE)}


def test_an_exchange_that_ran_out_begins_again_from_whoever_speaks() -> None:
    tracker = Tracker()
    tracker.datagram(0.0, _UDP, "a", "b")
    step = tracker.datagram(40.0, _UDP, "b", "a")
    assert (step.event, step.expired_s, step.verdict) == (rules.OPENED, 10.0, NEW)
    assert len(tracker) == 1


def test_gre_is_a_stream_as_soon_as_it_was_answered() -> None:
    tracker = Tracker()
    tracker.datagram(0.0, uapi.IPPROTO_GRE, "a", "b")
    tracker.datagram(0.0, uapi.IPPROTO_GRE, "b", "a")
    assert tracker.datagram(0.0, uapi.IPPROTO_GRE, "a", "b").timeout == 180


def test_a_protocol_that_nobody_knows_has_one_timeout_and_is_never_assured() -> None:
    tracker = Tracker()
    for source, target in (("a", "b"), ("b", "a"), ("a", "b")):
        assert tracker.datagram(9.0, 112, source, target).timeout == 600
    assert all(not entry.status & uapi.IPS_ASSURED for entry in tracker)


@pytest.mark.parametrize("protocol", [uapi.IPPROTO_TCP, uapi.IPPROTO_SCTP, uapi.IPPROTO_ICMP])
def test_protocols_with_rules_of_their_own_are_refused(protocol: int) -> None:
    with pytest.raises(ValueError, match="rules of its own"):
        Tracker().datagram(0.0, protocol, "a", "b")


def test_a_ping_and_its_answer_are_one_entry_and_a_ping_back_is_another() -> None:
    tracker = Tracker()
    assert tracker.icmp(0.0, "a", "b", 8, ident=1).verdict == NEW
    assert tracker.icmp(0.0, "b", "a", 0, ident=1).verdict == ESTABLISHED
    assert tracker.icmp(0.0, "b", "a", 8, ident=1).verdict == NEW
    assert tracker.icmp(0.0, "a", "b", 8, ident=2).verdict == NEW
    assert len(tracker) == 3


@pytest.mark.parametrize("kind", [0, 14, 5, 200])
def test_what_asks_nothing_begins_no_entry(kind: int) -> None:
    tracker = Tracker()
    assert tracker.icmp(0.0, "a", "b", kind).verdict == INVALID
    assert not len(tracker)


def test_icmpv6_leaves_neighbours_alone() -> None:
    tracker = Tracker(settings=Settings(icmpv6=7))
    v6 = uapi.IPPROTO_ICMPV6
    assert tracker.icmp(0.0, "a", "b", 135, l4proto=v6) is EXEMPT
    assert tracker.icmp(0.0, "a", "b", 128, l4proto=v6).timeout == 7
    assert tracker.icmp(0.0, "b", "a", 129, l4proto=v6).verdict == ESTABLISHED


def test_a_policy_goes_before_the_settings() -> None:
    tracker = Tracker()
    policy = Policy(single=5, stream=9)
    assert tracker.datagram(0.0, _UDP, "a", "b", policy=policy).timeout == 5
    tracker.datagram(0.0, _UDP, "b", "a")
    assert tracker.datagram(3.0, _UDP, "b", "a").timeout == 9


def test_a_broken_packet_begins_nothing_and_prolongs_nothing() -> None:
    tracker = Tracker()
    assert tracker.datagram(0.0, _UDP, "a", "b", broken=True).event == rules.BROKEN
    tracker.datagram(0.0, _UDP, "a", "b")
    assert tracker.datagram(9.0, _UDP, "a", "b", broken=True).timeout is None
    assert [entry.deadline for entry in tracker] == [30.0]


def _established(tracker: Tracker, client: str) -> None:
    for source, target, flags in (
        (client, "s", TH_SYN),
        ("s", client, TH_SYN | TH_ACK),
        (client, "s", TH_ACK),
    ):
        tracker.tcp(0.0, source, target, Segment(flags, 100, 101, 1000))


def test_a_full_table_gives_up_who_is_not_assured() -> None:
    tracker = Tracker(limit=3)
    _established(tracker, "a")
    tracker.datagram(0.0, _UDP, "b", "s")
    _established(tracker, "c")
    assert tracker.tcp(1.0, "d", "s", Segment(TH_SYN, 1, 0, 100)).event == rules.OPENED
    assert tracker.exchange(_UDP, "b", "s") is None
    assert len(tracker) == 3


def test_a_table_full_of_assured_entries_drops_whoever_is_new_and_nobody_else() -> None:
    tracker = Tracker(limit=20)
    for number in range(20):
        _established(tracker, f"client {number}")
    step = tracker.tcp(1.0, "d", "s", Segment(TH_SYN, 1, 0, 100))
    assert (step.event, step.verdict) == (rules.TABLE_FULL, DROPPED)
    assert tracker.datagram(1.0, _UDP, "d", "s").verdict == DROPPED
    assert tracker.tcp(1.0, "client 3", "s", Segment(TH_ACK, 101, 101, 1000)).verdict == ESTABLISHED


def test_what_ran_out_counts_until_it_is_collected() -> None:
    tracker = Tracker(PRESENT, Settings(udp=1))
    for number in range(5):
        tracker.datagram(0.0, _UDP, f"client {number}", "s")
    assert len(tracker) == 5
    assert tracker.collect(0.5) == 0
    assert tracker.collect(1.0) == 5
    assert len(tracker) == 0
