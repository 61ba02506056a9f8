"""Causes on more than the table: sockets, queues and counters of the owner's namespace, one by one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from halftrack.diagnosis import gaps
from halftrack.diagnosis.causes import connections, home, limiters, weigh_all
from halftrack.diagnosis.causes.weighing import LIKELY
from halftrack.evidence import flows, uapi
from halftrack.evidence.events import Events
from halftrack.evidence.flows import FlowTable
from halftrack.evidence.routing import DefaultRoute, Routing, WayBack
from halftrack.evidence.shaping import Interface, Queue, RateSetting, Shaping
from halftrack.evidence.stack import StackCounters
from halftrack.evidence.tcp_sockets import SCHEMA, TcpSockets
from halftrack.evidence.values import Counters, Gap, LocalAddress, Namespace, Owner, Table
from unit.caserows import V4, case, one_sided, rows, spread_evenly

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

SERVER = V4 + 0x0A58000E
DAY = 86_400
IDLE = spread_evenly(500, 4 * DAY)
SLOW = {"rtt_us": 800_000, "min_rtt_us": 700_000}
QUIET = {"TcpExt.SyncookiesSent": 0, "TcpExt.SyncookiesRecv": 0, "TcpExt.SyncookiesFailed": 0}
ETH = Interface(2, "eth0", "veth", link=9, link_elsewhere=True)


def sockets(count: int = 20, **columns: Any) -> TcpSockets:
    """Connections of the service on tcp/80; each column one value or a list of them."""
    given: dict[str, Any] = {
        "state": 1,
        "local_hi": 0,
        "local_lo": SERVER,
        "local_port": 80,
        "remote_hi": 0,
        "remote_lo": list(range(V4 + 1, V4 + 1 + count)),
        "remote_port": 50_000,
        "timer": 0,
        "retransmits": 0,
        "rqueue": 0,
        "wqueue": 0,
        "rtt_us": 20_000,
        "rttvar_us": 2_000,
        "min_rtt_us": 15_000,
        "last_ack_recv_ms": 10,
        "bytes_sent": 100_000,
        "bytes_retrans": 0,
        **columns,
    }
    spread = {n: given.get(n) if isinstance(given.get(n), list) else [given.get(n)] * count for n in SCHEMA}
    return TcpSockets(pl.DataFrame(spread, schema=dict(SCHEMA)))


def stack(*values: dict[str, int]) -> tuple[StackCounters, ...]:
    return tuple(StackCounters(float(at), each) for at, each in enumerate(values))


def shaped(*queues: Queue, before: tuple[Queue, ...] | None = None) -> tuple[Shaping, ...]:
    first = queues if before is None else before
    return Shaping(0.0, (ETH,), first), Shaping(1.0, (ETH,), queues)


def tbf(**counted: int) -> Queue:
    return Queue(2, "tbf", "1:", "root", rate=50_000, sent_packets=1_000, **counted)


def weighed(one: Case, cause: str) -> Cause:
    (found,) = [each for each in weigh_all(one) if each.cause == cause]
    return found


def first(one: Case) -> str:
    return weigh_all(one)[0].cause


def told(cause: Cause) -> str:
    return " | ".join(reason.what for reason in cause.for_)


def against(cause: Cause) -> str:
    return " | ".join(reason.what for reason in cause.against)


def trouble(**table: Any) -> Case:
    return case("one-sided", one_sided(500, idle_s=IDLE), **table)


class TestSlowPath:
    def test_long_round_trips_make_it_likely(self) -> None:
        one = trouble(tcp=sockets(**SLOW))
        assert first(one) == "slow-path"
        found = weighed(one, "slow-path")
        assert found.confidence >= LIKELY
        assert ("ms: the middle round trip of 20 open connections", 800) in [
            (reason.what, reason.value) for reason in found.for_
        ]
        assert not found.missing

    def test_quick_round_trips_speak_against_it(self) -> None:
        quick, unread = weighed(trouble(tcp=sockets()), "slow-path"), weighed(trouble(), "slow-path")
        assert quick.confidence < unread.confidence
        assert "are quicker" in against(quick)

    def test_unknown_asks_for_nothing_that_is_there(self) -> None:
        lacking = weighed(trouble(tcp=sockets(3)), "unknown").missing
        assert not any("ss -tino" in what for what in lacking)
        assert any("tc -s qdisc" in what for what in lacking)
        assert any("ss -tino" in what for what in weighed(trouble(), "unknown").missing)

    def test_what_is_sent_again(self) -> None:
        found = weighed(trouble(tcp=sockets(bytes_retrans=8_000)), "slow-path")
        assert found.confidence >= LIKELY
        assert 0.08 in [reason.value for reason in found.for_]

    def test_segments_where_bytes_are_not_counted(self) -> None:
        """Kernels before 4.19."""
        old = sockets(bytes_sent=None, bytes_retrans=None, segs_out=200, total_retrans=30)
        assert 0.15 in [reason.value for reason in weighed(trouble(tcp=old), "slow-path").for_]

    def test_data_that_waits_for_an_answer(self) -> None:
        held = sockets(wqueue=[4000] * 8 + [0] * 12, last_ack_recv_ms=[9000] * 8 + [10] * 12)
        found = weighed(trouble(tcp=held), "slow-path")
        assert "has waited over 3 s" in told(found)
        assert found.confidence >= LIKELY

    def test_a_handful_tells_of_itself_alone(self) -> None:
        found = weighed(trouble(tcp=sockets(3, **SLOW)), "slow-path")
        assert "too few to tell" in told(found)
        assert found.confidence < LIKELY

    def test_other_services_do_not_count(self) -> None:
        other = sockets(local_port=443, **SLOW)
        (lacking,) = weighed(trouble(tcp=other), "slow-path").missing
        assert "none of the service's connections was open" in lacking
        assert first(trouble(tcp=other)) == "unknown"

    def test_behind_a_shaper_that_holds_long_round_trips_are_its_doing(self) -> None:
        """They grow with the queue: then they are no evidence of the way beyond it."""
        one = trouble(tcp=sockets(**SLOW), shaping=shaped(tbf(backlog=60_000, drops=5, overlimits=900)))
        assert first(one) == "shaping"
        assert weighed(one, "slow-path").confidence < LIKELY

    def test_the_namespace_remembers_what_was_lost(self) -> None:
        lossy = stack({"Tcp.RetransSegs": 9_000, "Tcp.OutSegs": 100_000})
        found = weighed(trouble(stack=lossy), "slow-path")
        assert ("/proc/net/snmp of host", 0.09) in [(reason.source, reason.value) for reason in found.for_]
        sound = stack({"Tcp.RetransSegs": 9, "Tcp.OutSegs": 100_000})
        assert weighed(trouble(stack=sound), "slow-path").against

    def test_a_delay_made_on_purpose(self) -> None:
        delayed = shaped(Queue(2, "netem", "1:", "root", delay_s=0.4))
        assert "netem" in told(weighed(trouble(shaping=delayed), "slow-path"))


class TestShaping:
    def test_bytes_held_back_all_the_while(self) -> None:
        one = trouble(shaping=shaped(tbf(backlog=60_000)))
        assert first(one) == "shaping"
        found = weighed(one, "shaping")
        assert "bytes held back by tbf 400kbit on eth0 of host all the while" in told(found)
        assert not found.missing

    def test_bytes_held_back_for_a_moment(self) -> None:
        """A busy limit has a queue now and then."""
        one = trouble(shaping=shaped(tbf(backlog=3_000), before=(tbf(),)))
        found = weighed(one, "shaping")
        assert "bytes held back now" in told(found)
        assert found.confidence < weighed(trouble(shaping=shaped(tbf(backlog=3_000))), "shaping").confidence

    def test_packets_dropped_between_two_readings(self) -> None:
        one = trouble(shaping=shaped(tbf(drops=4), before=(tbf(drops=1),)))
        found = weighed(one, "shaping")
        assert 3 in [reason.value for reason in found.for_]
        assert found.confidence >= LIKELY

    def test_what_it_once_dropped_counts_too(self) -> None:
        """The entries are days old; the limit may have been met then."""
        found = weighed(trouble(shaping=shaped(tbf(drops=250))), "shaping")
        assert 0.2 in [reason.value for reason in found.for_]
        assert found.confidence >= LIKELY

    def test_that_the_rate_is_reached_does_not_make_it_likely(self) -> None:
        """It is what a limit is for."""
        now = weighed(trouble(shaping=shaped(tbf(overlimits=470), before=(tbf(overlimits=400),))), "shaping")
        once = weighed(trouble(shaping=shaped(tbf(overlimits=400))), "shaping")
        rarely = weighed(trouble(shaping=shaped(tbf(overlimits=2))), "shaping")
        assert 70 in [reason.value for reason in now.for_]
        assert 0.4 in [reason.value for reason in once.for_]
        assert "under 1 %" in told(rarely)
        assert rarely.confidence < once.confidence < LIKELY
        assert now.confidence < LIKELY

    def test_a_limit_that_was_never_met_speaks_against_it(self) -> None:
        found = weighed(trouble(shaping=shaped(tbf(drops=0, overlimits=0))), "shaping")
        assert "has ever held back" in against(found)

    def test_no_limit_anywhere_speaks_against_it(self) -> None:
        plain = shaped(Queue(2, "fq_codel", "0:", "root", drops=3, backlog=100))
        found = weighed(trouble(shaping=plain), "shaping")
        assert "rate limits on the way" in against(found)
        assert found.confidence < weighed(trouble(), "shaping").confidence

    def test_what_a_discipline_and_its_class_count_counts_once(self) -> None:
        root = Queue(2, "htb", "1:", "root", sent_packets=100, drops=6, overlimits=10)
        leaf = dataclasses.replace(root, handle="1:10", is_class=True, rate=125_000, ceil=125_000)
        way = limiters.of(trouble(shaping=shaped(root, leaf)))
        assert way is not None
        (limiter,) = way.limiters
        assert (limiter.what, limiter.lost_share, limiter.slowed_share) == ("htb 1mbit", 6 / 106, 10 / 106)

    def test_a_queue_made_anew_has_no_rise(self) -> None:
        other = Queue(2, "htb", "2:", "root", drops=1)
        way = limiters.of(trouble(shaping=shaped(tbf(overlimits=500), before=(other,))))
        assert way is not None
        assert (way.limiters[0].slowed, way.limiters[0].standing) == (0, 0)

    def test_a_rate_that_a_container_was_given(self) -> None:
        """Of the owner, or of the node; never another container's."""
        one = TestBothEndsOfALink().node()
        settings = (
            RateSetting("/etc/vz/vz.conf", 3, "RATE", "venet0:1:500", None),
            RateSetting("/etc/vz/conf/1.conf", 9, "RATE", "venet0:1:300", "1"),
            RateSetting("/etc/vz/conf/2.conf", 9, "RATE", "venet0:1:200", "2"),
        )
        evidence = dataclasses.replace(one.view.evidence, rate_settings=settings)
        found = weighed(
            dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence)), "shaping"
        )
        assert [(r.value, r.source) for r in found.for_ if "configuration" in r.what] == [
            ("venet0:1:500", "/etc/vz/vz.conf:3"),
            ("venet0:1:300", "/etc/vz/conf/1.conf:9"),
        ]

    def test_a_program_that_may_limit_is_named(self) -> None:
        """Then no rate limit is no evidence."""
        filtered = Queue(2, "clsact", "ffff:", "ingress", filters=("bpf", "u32 mirred"))
        found = weighed(trouble(shaping=shaped(filtered)), "shaping")
        assert "which may limit it: bpf on eth0 of host" in told(found)
        assert not found.against
        assert found.confidence == weighed(trouble(), "shaping").confidence

    def test_a_policer_counts_as_a_limit(self) -> None:
        policed = Queue(
            2, "ingress", "ffff:", "ingress", filters=("matchall police",), drops=700, sent_packets=300
        )
        found = weighed(trouble(shaping=shaped(policed)), "shaping")
        assert "ingress matchall police on eth0" in told(found)


class TestBothEndsOfALink:
    """The owner's queues, and of the node's those on the other end of its link and on the uplink."""

    OWNER = Owner("web-1", "1", "podman", ("10.88.0.14",), 4711)

    def node(self, *queues: Queue, inside: tuple[Queue, ...] = ()) -> Case:
        frame = one_sided(500, idle_s=IDLE, owner=0, here=False)
        ends = (
            Interface(4, "uplink"),
            Interface(9, "veth1", "veth", link=2, link_elsewhere=True),
            Interface(11, "veth2", "veth", link=3, link_elsewhere=True),
        )
        node = (Shaping(0.0, ends, queues), Shaping(1.0, ends, queues))
        one = case("one-sided", frame, shaping=node)
        container = Table(
            Namespace("web-1", 4711, owner=self.OWNER),
            skipped=True,
            shaping=shaped(*inside),
            tcp=sockets(**SLOW),
            addresses=(LocalAddress("10.88.0.14", 16, "eth0"),),
        )
        evidence = dataclasses.replace(
            one.view.evidence, tables=(one.view.table, container), owners=(self.OWNER,)
        )
        return dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence))

    def queue(self, interface: int, **counted: int) -> Queue:
        return Queue(interface, "htb", "1:10", "1:", is_class=True, rate=12_500, sent_packets=10, **counted)

    def named(self, one: Case) -> list[str]:
        way = limiters.of(one)
        assert way is not None
        assert way.both_ends
        return [limiter.where for limiter in way.limiters]

    def test_all_of_the_way_and_nothing_beside_it(self) -> None:
        one = self.node(
            self.queue(4), self.queue(9), self.queue(11, backlog=9_000), inside=(tbf(backlog=10),)
        )
        assert self.named(one) == ["eth0 of web-1", "uplink of host", "veth1 of host"]

    def test_what_holds_most_comes_first(self) -> None:
        assert self.named(self.node(self.queue(4, backlog=1), self.queue(9, backlog=2)))[0] == "veth1 of host"

    def test_the_sockets_are_the_owners(self) -> None:
        one = self.node()
        found = connections.fares(one)
        assert found is not None
        assert (found.where, found.sockets, found.rtt_ms) == (
            "sockets of web-1 (sock_diag, tcp_info)",
            20,
            800.0,
        )
        assert first(one) == "slow-path"

    def test_an_end_that_nobody_is_known_to_own(self) -> None:
        """An address of one namespace alone leads there; of two it leads nowhere."""
        one = self.node()
        frame = one_sided(500, idle_s=IDLE, owner=None, here=False)
        lone = dataclasses.replace(one, rows=case("one-sided", frame).rows)
        at = home.of(lone)
        assert at is not None
        assert at.name == "web-1"
        twin = dataclasses.replace(one.view.evidence.tables[1], namespace=Namespace("web-2", 4712))
        evidence = dataclasses.replace(one.view.evidence, tables=(*one.view.evidence.tables, twin))
        assert (
            home.of(dataclasses.replace(lone, view=dataclasses.replace(lone.view, evidence=evidence))) is None
        )


class TestSynFlood:
    def half_open(self, **table: Any) -> Case:
        frame = rows(
            2000,
            state=uapi.TCP_CONNTRACK_SYN_SENT,
            status=0,
            service="tcp/443",
            reply_sport=443,
            idle_s=spread_evenly(2000, 60),
        )
        return case("half-open", frame, **table)

    def test_cookies_that_do_not_come_back(self) -> None:
        counted = stack(QUIET, {**QUIET, "TcpExt.SyncookiesSent": 4_000, "TcpExt.SyncookiesRecv": 3})
        one = self.half_open(stack=counted)
        found = weighed(one, "syn-flood")
        assert first(one) == "syn-flood"
        values = [reason.value for reason in found.for_ if reason.source == "/proc/net/netstat of host"]
        assert values == [4_000, 0.0]
        assert not found.missing
        assert found.confidence > weighed(self.half_open(), "syn-flood").confidence

    def test_cookies_that_come_back_are_real_clients(self) -> None:
        counted = stack(QUIET, {**QUIET, "TcpExt.SyncookiesSent": 400, "TcpExt.SyncookiesRecv": 390})
        found = weighed(self.half_open(stack=counted), "syn-flood")
        assert "real clients do" in against(found)
        assert found.confidence < LIKELY

    def test_a_full_queue_without_cookies(self) -> None:
        counted = stack({"TcpExt.TCPReqQFullDrop": 10}, {"TcpExt.TCPReqQFullDrop": 250})
        assert 240 in [r.value for r in weighed(self.half_open(stack=counted), "syn-flood").for_]

    def test_quiet_counters_speak_against_it(self) -> None:
        found = weighed(self.half_open(stack=stack(QUIET, QUIET)), "syn-flood")
        assert "that ever found the queue full" in against(found)
        assert found.confidence < weighed(self.half_open(), "syn-flood").confidence

    def test_a_service_that_does_not_accept(self) -> None:
        """The other queue is full: clients are real and wait in vain."""
        listener = sockets(1, state=10, local_port=443, rqueue=129, wqueue=128, local_lo=V4)
        counted = stack({"TcpExt.ListenOverflows": 5}, {"TcpExt.ListenOverflows": 105})
        found = weighed(self.half_open(stack=counted, tcp=listener), "syn-flood")
        assert "the service does not" in against(found)
        values = [reason.value for reason in found.against]
        assert 129 in values
        assert 100 in values

    def test_one_reading_has_no_rise(self) -> None:
        found = weighed(self.half_open(stack=stack({"TcpExt.SyncookiesSent": 50})), "syn-flood")
        assert "once found the queue full" in told(found)

    def test_stray_packets_beside_one_sided_entries(self) -> None:
        counted = stack({"TcpExt.SyncookiesFailed": 0}, {"TcpExt.SyncookiesFailed": 90})
        frame = one_sided(500, idle_s=IDLE, orig_dport=50_000)
        found = weighed(case("one-sided", frame, stack=counted), "syn-flood")
        assert 90 in [reason.value for reason in found.for_]
        assert found.confidence < LIKELY


@pytest.mark.parametrize("symptom", ["one-sided", "half-open", "orphaned", "unreplied-udp"])
def test_nothing_in_what_was_read_is_weighed_all_the_same(symptom: str) -> None:
    """Empty sockets, queues without counters, counters without names."""
    empty = TcpSockets(pl.DataFrame(schema=dict(SCHEMA)), whole=False)
    bare = Shaping(
        0.0, (Interface(1, "lo"),), (Queue(1, "", "0:", "root", rate=1), Queue(5, "x", "1:", "2:"))
    )
    for frame in (rows(30), one_sided(30), rows(30, side=None, service=None, orig_sport=None)):
        for readings in ((), stack({}), stack({}, {})):
            one = case(symptom, frame, tcp=empty, shaping=(bare, bare), stack=readings)
            assert all(0 <= cause.confidence <= 1 for cause in weigh_all(one))


class TestNobodyLeftForThem:
    """One-sided entries whose owner has no socket for them: orphaned, and of the same making."""

    def orphaned(self, **table: Any) -> Case:
        return case("orphaned", one_sided(500, idle_s=IDLE), **table)

    def test_a_slow_way_leaves_them(self) -> None:
        one = self.orphaned(tcp=sockets(**SLOW))
        assert first(one) == "slow-path"

    def test_a_shaper_leaves_them(self) -> None:
        assert first(self.orphaned(shaping=shaped(tbf(backlog=60_000, drops=9)))) == "shaping"

    def test_their_peers_did_not_vanish(self) -> None:
        """Whoever never answered was not there to vanish."""
        assert first(self.orphaned()) == "unknown"
        found = weighed(self.orphaned(), "vanished-peer")
        assert "nobody was there to vanish" in against(found)
        assert any("tc -s qdisc" in what for what in weighed(self.orphaned(), "unknown").missing)

    def test_answered_ones_are_of_another_making(self) -> None:
        found = {cause.cause for cause in weigh_all(case("orphaned", rows(500, idle_s=IDLE)))}
        assert found.isdisjoint({"slow-path", "shaping"})


class TestHeard:
    """What was heard while somebody listened."""

    def listened(self, count: int, **rows_of: Any) -> Events:
        kept = one_sided(count, origin="pick-up", **rows_of).select(flows.SCHEMA.keys())
        return Events(30.0, new=count, picked_up=count, destroyed=0, peak_per_s=1.0, pick_ups=FlowTable(kept))

    def at_once(self, **table: Any) -> Case:
        return case("one-sided", one_sided(500, idle_s=[7_000] * 500, origin="pick-up"), **table)

    def test_pick_ups_that_go_on_are_no_flush(self) -> None:
        assert first(self.at_once()) == "table-flush"
        found = weighed(self.at_once(events=self.listened(40)), "table-flush")
        assert "in mid-stream within 30 s" in against(found)
        assert found.confidence < LIKELY

    def test_they_fit_a_slow_way_and_a_shaper_alike(self) -> None:
        one = trouble(events=self.listened(40))
        for cause in ("slow-path", "shaping"):
            assert 40 in [reason.value for reason in weighed(one, cause).for_]
            assert weighed(one, cause).confidence < LIKELY

    def test_those_of_others_do_not_count(self) -> None:
        others = (self.listened(40, orig_sport=443), self.listened(40, local_lo=V4 + 5), self.listened(2))
        for events in others:
            assert "in mid-stream within" not in told(weighed(trouble(events=events), "slow-path"))


class TestAnotherWay:
    """Routes of the owner and of the node, for what passes here in one direction only."""

    GATEWAY = DefaultRoute(uapi.AF_INET, "eth0", "10.88.0.1", 0, 254)

    def seen(self, owner: Routing, node: Routing = Routing(), **about: Any) -> Case:  # noqa: B008  # immutable
        both = TestBothEndsOfALink()
        one = both.node()
        near = dataclasses.replace(
            one.view.table, routing=node, addresses=(LocalAddress("10.88.0.1", 16, "veth1"),), **about
        )
        container = dataclasses.replace(one.view.evidence.tables[1], routing=owner, tcp=None)
        evidence = dataclasses.replace(one.view.evidence, tables=(near, container))
        return dataclasses.replace(one, view=dataclasses.replace(one.view, table=near, evidence=evidence))

    def way(self, interface: str | None) -> WayBack:
        return WayBack("10.88.0.14", "198.51.100.7", interface, "eth0")

    def test_answers_that_leave_by_another_interface(self) -> None:
        one = self.seen(Routing(ways=(self.way("eth1"), self.way("eth1"), self.way("eth0"))))
        found = weighed(one, "asymmetric-path")
        assert 0.67 in [reason.value for reason in found.for_]
        assert "would not leave by eth0, where their questions come in, e.g. to 198.51.100.7 by eth1" in told(
            found
        )

    def test_no_way_at_all_is_not_another_way(self) -> None:
        one = self.seen(Routing(ways=(self.way(None),)))
        assert "asymmetric-path" not in {cause.cause for cause in weigh_all(one)}

    def test_they_need_not_be_silent(self) -> None:
        """Entries that were heard lately, and answers that go astray: likely."""
        one = self.seen(Routing(ways=(self.way("eth1"),)))
        lately = dataclasses.replace(
            one, rows=case("one-sided", one_sided(500, idle_s=[5] * 500, owner=0, here=False)).rows
        )
        assert weighed(lately, "asymmetric-path").confidence >= LIKELY

    def test_one_way_out_through_this_node_speaks_against_it(self) -> None:
        frame = one_sided(500, idle_s=[5] * 500, owner=0, here=False, side="forwarded")
        through, unread = (
            dataclasses.replace(self.seen(routing), rows=case("one-sided", frame).rows)
            for routing in (Routing(defaults=(self.GATEWAY,)), Routing())
        )
        assert "leads through this node" in against(weighed(through, "asymmetric-path"))
        assert weighed(through, "asymmetric-path").confidence < weighed(unread, "asymmetric-path").confidence

    def test_several_ways_out_of_the_node(self) -> None:
        forked = tuple(DefaultRoute(uapi.AF_INET, name, "192.0.2.1", 0, 254) for name in ("up0", "up1"))
        frame = one_sided(500, idle_s=[5] * 500, owner=0, here=False)
        one = self.seen(Routing(), Routing(defaults=forked, rules=2))
        found = weighed(dataclasses.replace(one, rows=case("one-sided", frame).rows), "asymmetric-path")
        assert "interfaces with a default route: up0, up1" in told(found)
        assert "policy rules" in told(found)
        assert found.confidence < LIKELY

    def test_what_the_reverse_path_filter_drops(self) -> None:
        counted = stack({"TcpExt.IPReversePathFilter": 3}, {"TcpExt.IPReversePathFilter": 30})
        one = self.seen(Routing(), stack=counted)
        lately = case("one-sided", one_sided(500, idle_s=[5] * 500, owner=0, here=False)).rows
        found = weighed(dataclasses.replace(one, rows=lately), "asymmetric-path")
        assert 27 in [reason.value for reason in found.for_]

    def answered_elsewhere(self, gateway: str) -> Cause | None:
        frame = one_sided(500, idle_s=[5] * 500, owner=0, here=False, local_src=False)
        other = dataclasses.replace(self.GATEWAY, gateway=gateway)
        one = dataclasses.replace(self.seen(Routing(defaults=(other,))), rows=case("one-sided", frame).rows)
        return next((cause for cause in weigh_all(one) if cause.cause == "direct-return"), None)

    def test_a_server_that_answers_through_another_machine(self) -> None:
        found = self.answered_elsewhere("10.88.0.254")
        assert found is not None
        assert found.confidence >= LIKELY
        assert "leave through another machine" in told(found)

    def test_a_server_that_answers_through_this_node(self) -> None:
        found = self.answered_elsewhere("10.88.0.1")
        assert found is None or "leave through this node" in against(found)

    def test_packets_that_the_tracker_found_invalid(self) -> None:
        """The counter is 32 bits wide and may have wrapped."""
        readings = (Counters(0.0, {"invalid": 2**32 - 5}), Counters(2.0, {"invalid": 15}))
        one = trouble(counters=readings)
        lately = dataclasses.replace(one, rows=case("one-sided", one_sided(500, idle_s=[5] * 500)).rows)
        assert 20 in [reason.value for reason in weighed(lately, "asymmetric-path").for_]


def test_what_would_only_have_told_why_hides_nothing() -> None:
    """A gap of that kind keeps nobody from saying that all was seen; any other does."""
    seen = trouble(sockets=None).view.evidence
    why = Gap("queues of host", "not told", would_tell=("shaping", "slow-path"))
    whether = Gap("entries of host", "not permitted", would_tell=("one-sided", "slow-path"))
    assert gaps.complete(dataclasses.replace(seen, gaps=(why,)), (why,))
    assert not gaps.complete(dataclasses.replace(seen, gaps=(whether,)), (whether,))
