"""Strict pick-up, no tracking, policies: when they fit a service and when they are refused."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import polars as pl
import pytest

from halftrack.diagnosis.ends import SIDES
from halftrack.diagnosis.rows import MarkedRows
from halftrack.evidence.values import (
    Firewall,
    LocalAddress,
    Namespace,
    Owner,
    PublishedPort,
    Table,
)
from halftrack.remedies import (
    drain,
    notrack,
    shorten_established,
    strict_pickup,
    timeout_policy,
)
from unit.flowrows import ASSURED, REPLIED, evidence, one_sided, row, sockets, table
from unit.situations import OLD_KERNEL, WEB, situation, ssh, stuck


def test_strict_pickup_counts_what_lives_on_pick_up() -> None:
    picked_up = [
        row("198.51.100.9", WEB, 41_000 + i, 443, flags=(0x0A, 0x2A), wscale=(0, 0)) for i in range(4)
    ]
    shaken = [row("198.51.100.9", WEB, 42_000 + i, 443, flags=(0x23, 0x23)) for i in range(5)]
    found = strict_pickup.advise(situation(evidence(table(*stuck(), *picked_up, *shaken), kernel=OLD_KERNEL)))
    assert found is not None
    assert found.risk.live_flows_affected == 4
    assert found.risk.level == "high"


def test_strict_pickup_counts_one_sided_connections_in_use() -> None:
    """A kernel that drops them after minutes holds those alone that had a packet just now."""
    used = [
        one_sided(WEB, f"198.51.100.{n + 1}", dport=50_000 + n, left=10 + n, flags=(0x0A, 0x08))
        for n in range(9)
    ]
    found = strict_pickup.advise(situation(evidence(table(*used), kernel="6.12.48")))
    assert found is not None
    assert found.risk.live_flows_affected == 9
    assert found.risk.level == "high"


def test_strict_pickup_says_when_pick_ups_cannot_be_told() -> None:
    found = strict_pickup.advise(situation(evidence(table(*stuck(), *ssh(3)), kernel=OLD_KERNEL)))
    assert found is not None
    assert found.risk.live_flows_affected is None


@pytest.mark.parametrize("cause", ["asymmetric-path", "direct-return"])
def test_one_sided_traffic_in_use_is_neither_refused_nor_removed(cause: str) -> None:
    here = situation(evidence(table(*stuck()), kernel=OLD_KERNEL), causes=[(cause, 0.7)])
    assert strict_pickup.advise(here) is None
    assert drain.advise(here) is None


def test_notrack_counts_the_connections_that_lose_tracking() -> None:
    web = [row("198.51.100.9", WEB, 40_000 + i, 80) for i in range(6)]
    found = notrack.advise(situation(evidence(table(*stuck(), *web), kernel=OLD_KERNEL)))
    assert found is not None
    assert found.risk.live_flows_affected == 6
    assert found.effect.settles_at == 0


def test_notrack_is_never_advised_for_translated_flows() -> None:
    nat = row("198.51.100.9", WEB, 40_000, 80, reply_src="10.0.0.5", status=(*ASSURED, "dst-nat"))
    here = situation(evidence(table(*stuck(30), *stuck(3, "10.0.0.5"), nat), kernel=OLD_KERNEL))
    assert notrack.advise(here) is None
    assert "translat" in (notrack.refused(here) or "")
    other = shorten_established.advise(here)
    assert other is not None
    assert not any("notrack" in why for why in other.risk.why)


@pytest.mark.parametrize("bits", ["src-nat", "dst-nat"])
def test_notrack_believes_the_status_bits(bits: str) -> None:
    nat = row("198.51.100.9", WEB, 40_000, 80, status=(*ASSURED, bits))
    assert notrack.advise(situation(evidence(table(*stuck(), nat), kernel=OLD_KERNEL))) is None


def test_two_spellings_of_a_masked_address_are_not_translation() -> None:
    rows = [
        one_sided("xx.xx.xx.73", "46.202.252.61", reply_src="yy.yy.yy.61", dport=63_423),
        one_sided("xx.xx.xx.73", "yy.yy.yy.6", dport=1_853),
    ]
    found = notrack.advise(situation(evidence(table(*rows), kernel=None, source="dump")))
    assert found is not None
    assert found.arguments["address"] == "xx.xx.xx.73"
    assert found.commands[0] == "ADDR_1=    # the address shown as xx.xx.xx.73"


def test_notrack_is_refused_where_kube_proxy_or_a_runtime_translates() -> None:
    kube = evidence(
        table(*stuck()), kernel=OLD_KERNEL, firewall=Firewall(tool="iptables", managers=("kube-proxy",))
    )
    assert notrack.advise(situation(kube)) is None
    owner = Owner(
        "web",
        "3f2a",
        "podman",
        addresses=(WEB,),
        ports=(PublishedPort(protocol="tcp", host_port=8080, port=80),),
    )
    published = evidence(table(*stuck()), kernel=OLD_KERNEL, owners=(owner,))
    here = situation(published)
    assert here.finding.groups[0].owner is not None
    assert notrack.advise(here) is None
    assert "publishes" in (notrack.refused(here) or "")


def test_a_policy_for_the_service_that_stands_out() -> None:
    rows = [row(f"198.51.100.{i}", "10.88.0.14", 40_000, 8_883, left=100_000) for i in range(40)]
    ev = evidence(
        table(*rows, *ssh(3), addresses=(LocalAddress("10.88.0.14", 16, "eth0"),)),
        firewall=Firewall(tool="nft"),
    )
    here = situation(ev, "orphaned", pl.col("service") == "tcp/8883")
    found = timeout_policy.advise(here)
    assert found is not None
    assert found.arguments == {"service": "tcp/8883", "established": 7_440}


def test_no_policy_on_kernels_without_them() -> None:
    here = situation(evidence(table(*stuck()), kernel=OLD_KERNEL, firewall=Firewall(tool="iptables")))
    assert timeout_policy.advise(here) is None


def silent(count: int = 20, server: str = "192.0.2.80", **columns: object) -> list[dict[str, object]]:
    """Answered connections of which nobody sees the sockets."""
    given = {"left": 300_000} | columns
    return [row(f"198.51.100.{i + 1}", server, 40_000 + i, 8_883, **given) for i in range(count)]


IDLE = pl.col("idle_s") > 7_440


def test_silent_connections_whose_sockets_nobody_sees_are_given_less_time_not_removed() -> None:
    found = drain.advise(
        situation(evidence(table(*silent(20), *ssh(3, silent_s=10))), "idle-established", IDLE)
    )
    assert found is not None
    assert (found.arguments["timeout"], found.effect.entries_freed) == (7_440, None)
    assert found.risk.live_flows_affected == 20
    assert "conntrack -U --timeout 7440" in found.commands[-1]
    assert "-gt 7440 ]" in found.commands[-1]
    assert not any("conntrack -D" in command for command in found.commands)


def test_what_has_less_left_is_never_given_more() -> None:
    rows = [row(f"198.51.100.{i}", WEB, 40_000, 8_883, left=7_000) for i in range(1, 9)]
    assert drain.advise(situation(evidence(table(*rows)), "idle-established", IDLE)) is None


def test_a_connection_whose_socket_was_read_is_left_alone() -> None:
    held = silent(8, "192.0.2.1")
    seen = table(*held, addresses=(LocalAddress("192.0.2.1", 24, "eth0"),), sockets=sockets())
    assert drain.advise(situation(evidence(seen), "idle-established", IDLE)) is None


@pytest.mark.parametrize("cause", ["idle-pool", "asymmetric-path"])
def test_pools_at_rest_are_left_alone(cause: str) -> None:
    here = situation(evidence(table(*silent())), "idle-established", IDLE, causes=[(cause, 0.6)])
    assert drain.advise(here) is None


def test_handshakes_are_removed_where_they_stay_long_and_nobody_answered() -> None:
    def begun(left: int) -> list[dict[str, object]]:
        asked = [
            row("10.0.0.9", WEB, 40_000 + i, 443, state="SYN_SENT", left=left, status=("confirmed",))
            for i in range(9)
        ]
        return [*asked, row("10.0.0.9", WEB, 41_000, 443, state="SYN_RECV", left=left, status=REPLIED)]

    every = pl.lit(value=True)
    assert drain.advise(situation(evidence(table(*begun(110))), "half-open", every)) is None
    found = drain.advise(situation(evidence(table(*begun(3_000))), "half-open", every))
    assert found is not None
    assert found.effect.entries_freed == 9


def forwarding(*rows: dict[str, object]) -> Table:
    return table(*rows, addresses=(LocalAddress("192.0.2.1", 24, "eth0"),))


def test_a_policy_for_a_service_behind_this_node() -> None:
    translated = {"reply_src": "10.0.0.5", "status": (*ASSURED, "dst-nat"), "reply_sport": 8_883}
    public = silent(20, "203.0.113.9") + [
        row(f"198.51.100.{i}", "203.0.113.9", 50_000, 9_999, left=300_000, **translated) for i in range(5)
    ]
    ev = evidence(forwarding(*public), firewall=Firewall(tool="iptables"))
    here = situation(ev, "idle-established", IDLE)
    assert here.finding.groups[0].side == "forwarded"
    found = timeout_policy.advise(here)
    assert found is not None
    assert found.arguments["service"] == "tcp/8883"
    assert any("--dport 9999 -j CT" in command for command in found.commands)


def test_notrack_for_what_passes_through_is_for_one_server_that_stands_out() -> None:
    unanswered = {"state": "SYN_SENT", "left": 110, "status": ("confirmed",)}
    one = situation(
        evidence(forwarding(*silent(20, "203.0.113.9", **unanswered))), "half-open", pl.lit(value=True)
    )
    assert one.finding.groups[0].side == "forwarded"
    assert notrack.advise(one) is not None
    many = [row("198.51.100.1", f"203.0.113.{i}", 40_000, 443, **unanswered) for i in range(20)]
    assert notrack.advise(situation(evidence(forwarding(*many)), "half-open", pl.lit(value=True))) is None
    nat = silent(20, "203.0.113.9", **unanswered | {"status": ("confirmed", "src-nat")})
    assert notrack.advise(situation(evidence(forwarding(*nat)), "half-open", pl.lit(value=True))) is None


def orphans(*others: Table) -> list[str]:
    """Commands for orphans of an address that this table's namespace does not have."""
    rows = [row(f"198.51.100.{i + 1}", "10.88.0.14", 40_000, 8_883, left=300_000) for i in range(5)]
    ev = evidence(forwarding(*rows), *others)
    here = situation(ev, "orphaned", pl.lit(value=True))
    group = msgspec.structs.replace(here.finding.groups[0], side="server")
    here = replace(here, finding=msgspec.structs.replace(here.finding, groups=(group,)))
    rows_of = here.view
    assert rows_of is not None
    seen = replace(rows_of, flows=rows_of.flows.with_columns(side=pl.lit("server", SIDES)))
    here = replace(here, view=seen, rows=MarkedRows.of(seen.flows, seen.flows["side"].is_not_null()))
    found = drain.advise(here)
    return [] if found is None else list(found.commands)


def namespace(name: str, address: str) -> Table:
    return Table(
        Namespace(name, path=f"/run/netns/{name}"),
        addresses=(LocalAddress(address, 16, "eth0"),),
        skipped=True,
    )


def test_orphans_are_looked_for_in_the_namespace_that_has_their_address() -> None:
    commands = orphans(namespace("other", "10.88.0.15"), namespace("mqtt", "10.88.0.14"))
    assert any("ip netns exec mqtt ss " in command for command in commands)
    assert not any("netns exec other" in command for command in commands)


def test_orphans_stay_where_it_is_open_whose_sockets_to_ask() -> None:
    assert orphans(namespace("other", "10.88.0.15")) == []
    assert orphans(namespace("one", "10.88.0.14"), namespace("two", "10.88.0.14")) == []
