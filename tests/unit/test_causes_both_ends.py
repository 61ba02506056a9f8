"""Where the evidence of a container lies: in its own namespace and at the other end of its link."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from halftrack.diagnosis.causes import connections, home, limiters
from halftrack.evidence.shaping import Queue
from halftrack.evidence.values import Namespace
from unit.caserows import case, one_sided
from unit.causecases import (
    IDLE,
    contained,
    first,
    tbf,
)

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case


class TestBothEndsOfALink:
    """The owner's queues, and of the node's those on the other end of its link and on the uplink."""

    def queue(self, interface: int, **counted: int) -> Queue:
        return Queue(interface, "htb", "1:10", "1:", is_class=True, rate=12_500, sent_packets=10, **counted)

    def named(self, one: Case) -> list[str]:
        way = limiters.of(one)
        assert way is not None
        assert way.both_ends
        return [limiter.where for limiter in way.limiters]

    def test_all_of_the_way_and_nothing_beside_it(self) -> None:
        one = contained(
            self.queue(4), self.queue(9), self.queue(11, backlog=9_000), inside=(tbf(backlog=10),)
        )
        assert self.named(one) == ["eth0 of web-1", "uplink of host", "veth1 of host"]

    def test_what_holds_most_comes_first(self) -> None:
        assert self.named(contained(self.queue(4, backlog=1), self.queue(9, backlog=2)))[0] == "veth1 of host"

    def test_the_sockets_are_the_owners(self) -> None:
        one = contained()
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
        one = contained()
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
