"""Which services a plan is about, and whom a rehearsal talks to."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.changes.rehearsal.services import About, about, choose
from halftrack.diagnosis.view import view
from halftrack.evidence.values import LocalAddress
from halftrack.plans.actions import AddRules, Drain, SetSysctl, TimeoutPolicy, Untracked
from unit.anything import node
from unit.flowrows import evidence, one_sided, row, sockets, table, udp

if TYPE_CHECKING:
    from halftrack.changes.rehearsal.acting import Placed
    from halftrack.changes.rehearsal.services import Service
    from halftrack.diagnosis.view import View

HERE = "203.0.113.73"
INNER = "10.88.0.14"
SHORTER = SetSysctl(name="net.netfilter.nf_conntrack_tcp_timeout_established", after="7440")
POLICY = AddRules(rule=TimeoutPolicy(port=80, timeouts={"established": 7440}))
NOTRACK = AddRules(rule=Untracked(protocol="tcp", port=8080, address=HERE))
DRAIN = Drain(filter=("one-sided",))


def seen(*rows: dict[str, Any]) -> View:
    given = table(*rows, addresses=(LocalAddress(HERE, 24, "out0"),), sockets=sockets())
    return view(given, evidence(given))


def of(shown: View, *actions: Placed) -> About:
    return about(shown, [(0, list(enumerate(actions)))])


def services(shown: View, *actions: Placed) -> list[Service]:
    return choose(shown, of(shown, *actions).affected)[0]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([SHORTER, POLICY, NOTRACK, DRAIN]))
def test_any_table_gives_services_whose_ends_keep_apart(seed: int, height: int, action: Placed) -> None:
    node_seen = node(seed, height)
    shown = view(node_seen.tables[0], node_seen)
    found = of(shown, action)
    assert len(found.affected) == shown.flows.height
    assert found.affected.null_count() == 0
    chosen, others = choose(shown, found.affected)
    assert len(chosen) <= 8
    assert others >= 0
    servers = {one.back[0] for one in chosen if not one.local}
    strangers = {one.stranger for one in chosen} - {None}
    for one in chosen:
        for address in (one.front[0], one.back[0], one.client):
            ipaddress.ip_address(address)
        assert one.client == one.back[0] or one.client not in servers
        assert one.client not in strangers
        assert one.entries > 0


def test_a_drain_and_a_rule_are_about_their_service_with_its_live_connections() -> None:
    rows = (
        one_sided(HERE, "198.51.100.1"),
        row("198.51.100.2", HERE, dport=80),
        row("198.51.100.3", HERE, dport=22),
        udp(HERE, "198.51.100.4"),
    )
    shown = seen(*rows)
    found = of(shown, DRAIN)
    assert found.affected.to_list() == [True, True, False, False]
    assert found.drains[0, 0].to_list() == [True, False, False, False]
    assert of(shown, POLICY).affected.to_list() == [True, True, False, False]
    assert of(shown, SHORTER).affected.to_list() == [True, True, True, False]


def test_a_picked_up_entry_has_its_server_first_all_the_same() -> None:
    [one] = services(seen(*(one_sided(HERE, f"198.51.100.{n}") for n in range(1, 4))), DRAIN)
    assert (one.front, one.back, one.local) == ((HERE, 80), (HERE, 80), True)
    assert one.client == "198.51.100.1"
    assert one.stranger == "198.51.100.2"


def test_translation_tells_the_front_from_the_back() -> None:
    rows = [
        row(f"198.51.100.{n}", HERE, dport=8080, reply_src=INNER, reply_sport=80, sport=40_000)
        for n in range(1, 4)
    ]
    [one] = services(seen(*rows), SHORTER)
    assert (one.front, one.back) == ((HERE, 8080), (INNER, 80))
    assert (one.local, one.front_local, one.client_local) == (False, True, False)


def test_the_services_with_most_entries_are_talked_to_and_the_others_counted() -> None:
    rows = [
        row(f"198.51.100.{n}", HERE, dport=1_000 + port, sport=40_000)
        for port in range(12)
        for n in range(1, port + 2)
    ]
    shown = seen(*rows)
    every = pl.repeat(value=True, n=len(rows), dtype=pl.Boolean, eager=True)
    chosen, others = choose(shown, every)
    assert [one.name for one in chosen] == [f"tcp/{1_000 + port}" for port in range(11, 3, -1)]
    assert others == 4
