"""asymmetric-path and direct-return: what routes say of packets that pass here in one direction only."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from halftrack.diagnosis.causes import weigh_all
from halftrack.diagnosis.document import LIKELY
from halftrack.evidence import uapi
from halftrack.evidence.routing import DefaultRoute, Routing, WayBack
from halftrack.evidence.values import Counters, Front, LocalAddress
from unit.caserows import V4, case, one_sided
from unit.causecases import (
    against,
    contained,
    stack,
    told,
    trouble,
    weighed,
)

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause


class TestAnotherWay:
    """Routes of the owner and of the node, for what passes here in one direction only."""

    GATEWAY = DefaultRoute(uapi.AF_INET, "eth0", "10.88.0.1", 0, 254)

    def seen(self, owner: Routing, node: Routing = Routing(), **about: Any) -> Case:  # noqa: B008  # immutable
        one = contained()
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

    def test_a_way_that_is_not_told_is_said_to_be_missing(self) -> None:
        why = "policy rule 100 goes by the mark of packets"
        untold = dataclasses.replace(self.way(None), untold=why)
        frame = one_sided(500, idle_s=[5] * 500, owner=0, here=False)
        rows = case("one-sided", frame).rows
        one = dataclasses.replace(self.seen(Routing(ways=(untold, self.way("eth0"))), Routing()), rows=rows)
        found = weighed(one, "asymmetric-path")
        assert f"which way 1 of 2 answers take: {why}" in found.missing
        assert "the way of both directions: ip route get; tcpdump on both interfaces" in found.missing
        whole = dataclasses.replace(self.seen(Routing(ways=(self.way("eth0"),)), Routing()), rows=rows)
        told_all = weighed(whole, "asymmetric-path").missing
        assert "the way of both directions: tcpdump on both interfaces" in told_all
        assert not any(what.startswith("which way") for what in told_all)

    def test_ways_of_the_address_in_question_count(self) -> None:
        here = self.way("eth0")
        others = tuple(WayBack("10.88.0.99", f"198.51.100.{last}", "eth1", "eth0") for last in range(4))
        one = self.seen(Routing(ways=(here, *others)))
        assert "asymmetric-path" not in {cause.cause for cause in weigh_all(one)}

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

    def test_packets_that_the_tracker_found_invalid(self) -> None:
        """The counter is 32 bits wide and may have wrapped."""
        readings = (Counters(0.0, {"invalid": 2**32 - 5}), Counters(2.0, {"invalid": 15}))
        one = trouble(counters=readings)
        lately = dataclasses.replace(one, rows=case("one-sided", one_sided(500, idle_s=[5] * 500)).rows)
        assert 20 in [reason.value for reason in weighed(lately, "asymmetric-path").for_]

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

    def test_a_service_that_ipvs_hands_on_by_route(self) -> None:
        frame = one_sided(
            60, idle_s=[5] * 60, local_src=False, orig_dst_hi=0, orig_dst_lo=V4 + 0xC6336401, orig_dport=80
        )
        one = case("one-sided", frame)

        def behind(*fronts: Front) -> list[str]:
            evidence = dataclasses.replace(one.view.evidence, fronts=fronts)
            return ranked(dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence)))

        ends = (("10.0.0.5", 80),)
        past = Front("tcp", 80, ends, "198.51.100.1", past=True)
        assert behind(past)[0] == "direct-return"
        for other in (
            dataclasses.replace(past, past=False),
            dataclasses.replace(past, port=443),
            dataclasses.replace(past, address="198.51.100.2"),
            dataclasses.replace(past, protocol="udp"),
        ):
            assert behind(other)[0] == "unknown"


def ranked(one: Case) -> list[str]:
    return [cause.cause for cause in weigh_all(one)]
