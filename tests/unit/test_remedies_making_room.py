"""Room, cookies, and settings that others own."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from msgspec import structs

from halftrack.evidence.sysctls import SysctlLine
from halftrack.evidence.values import Firewall, Namespace
from halftrack.planning import choosing
from halftrack.remedies import (
    advice,
    raise_limit,
    shorten_established,
    syncookies,
)
from unit.flowrows import ONE_SIDED, evidence, row, table
from unit.situations import OLD_KERNEL, STEADY, WEB, situation, ssh, stuck


def test_raising_takes_limit_and_buckets_together_and_states_memory() -> None:
    ev = evidence(table(*stuck(), limit=262_144, buckets=65_536, count=262_144), kernel=OLD_KERNEL)
    found = raise_limit.advise(situation(ev, summary={"forecast": STEADY}))
    assert found is not None
    assert found.arguments == {"limit": 524_288, "buckets": 262_144}
    assert "+82 MiB (an entry assumed to take 320 bytes): drops stop" in found.title
    assert "room for about 4 d" in found.title
    assert any("320 bytes an entry (assumed)" in why for why in found.risk.why)


def test_the_slab_tells_the_memory_where_it_was_read() -> None:
    ev = evidence(table(*stuck(), limit=262_144, buckets=262_144, count=200_000), entry_bytes=256)
    found = raise_limit.advise(situation(ev))
    assert found is not None
    assert found.title == "limit 262,144 -> 524,288, +64 MiB"
    assert any("256 bytes an entry" in why and "assumed" not in why for why in found.risk.why)


@pytest.mark.parametrize("limit", [0, None])
def test_no_limit_to_raise(limit: int | None) -> None:
    ev = evidence(table(*stuck(), limit=limit, count=20))
    assert raise_limit.advise(situation(ev, summary={"unlimited": limit == 0})) is None


def test_the_limit_is_raised_once_a_table() -> None:
    ev = evidence(table(*stuck(), limit=20, count=20))
    assert raise_limit.advise(situation(ev, first_of_table=False)) is None
    assert raise_limit.advise(situation(ev, "table-pressure", first_of_table=False)) is not None


def test_a_container_is_told_that_the_limit_is_the_nodes() -> None:
    ev = evidence(table(*stuck(), limit=20, count=20, netns="self"), in_container=True)
    found = raise_limit.advise(situation(ev))
    assert found is not None
    assert all(command.startswith("#") for command in found.commands)


def test_a_namespaces_limit_is_raised_on_the_host() -> None:
    inside = Namespace("web", path="/run/netns/web")
    ev = evidence(table(*stuck(), limit=20, count=20, namespace=inside))
    found = raise_limit.advise(situation(ev))
    assert found is not None
    assert "sysctl -w net.netfilter.nf_conntrack_max=40" in found.commands
    assert any("one value for all namespaces" in why for why in found.risk.why)


def test_a_small_hash_gets_buckets_and_keeps_its_limit() -> None:
    ev = evidence(table(*stuck(), limit=262_144, buckets=1_024, count=200_000))
    found = raise_limit.advise(situation(ev, "hash-too-small"))
    assert found is not None
    assert (found.kind, found.arguments) == ("cure", {"limit": 262_144, "buckets": 262_144})
    assert not any("nf_conntrack_max" in command for command in found.commands)


def test_cookies_for_a_server_whose_namespace_has_them_off() -> None:
    rows = [
        row(f"198.51.100.{i}", WEB, 40_000, 80, state="SYN_RECV", status=ONE_SIDED, left=50) for i in range(9)
    ]
    off, on = ({"net.ipv4.tcp_syncookies": value} for value in "01")
    half_open = pl.col("state") == 2
    found = syncookies.advise(situation(evidence(table(*rows, settings=off)), "half-open", half_open))
    assert found is not None
    assert found.effect.entries_freed == 0
    assert "sysctl -w net.ipv4.tcp_syncookies=1" in found.commands
    assert not any("modules-load" in command for command in found.commands)
    assert syncookies.advise(situation(evidence(table(*rows, settings=on)), "half-open", half_open)) is None


def half_closed() -> list[dict[str, object]]:
    return [
        row("10.244.1.5", f"203.0.113.{i}", 40_000, 443, state="CLOSE_WAIT", left=3_000) for i in range(9)
    ]


CLOSE_WAIT_HOUR = {"net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3600"}


def test_close_wait_belongs_to_kube_proxy() -> None:
    ev = evidence(
        table(*half_closed(), settings=CLOSE_WAIT_HOUR), firewall=Firewall(managers=("kube-proxy",))
    )
    found = advice.advise(situation(ev, "half-closed", pl.lit(value=True)))
    assert found is not None
    assert found.arguments["manager"] == "kube-proxy"
    assert "#     tcpCloseWaitTimeout: 60s" in found.commands
    assert not any("sysctl.d" in command for command in found.commands)


def test_close_wait_without_a_manager_is_set_and_kept() -> None:
    ev = evidence(
        table(*half_closed(), settings=CLOSE_WAIT_HOUR),
        sysctl_lines=(
            SysctlLine(
                "/etc/sysctl.d/99-tuning.conf", 4, "net/netfilter/nf_conntrack_tcp_timeout_close_wait", "3600"
            ),
        ),
    )
    found = advice.advise(situation(ev, "half-closed", pl.lit(value=True)))
    assert found is not None
    assert "/etc/sysctl.d/99-tuning.conf:4" in found.risk.why[-1]
    assert found.commands[-1].startswith("sed -i -E")


def test_kube_proxy_owns_the_established_timeout() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "86400"}
    ev = evidence(table(*ssh(5), settings=settings), firewall=Firewall(managers=("kube-proxy",)))
    found = shorten_established.advise(situation(ev, "orphaned", pl.lit(value=True)))
    assert found is not None
    assert (found.remedy, found.arguments["remedy"]) == ("advice", "shorten-established")
    assert "#     tcpEstablishedTimeout: 7440s" in found.commands


def test_values_that_do_not_reach_the_kernel() -> None:
    name = "net.netfilter.nf_conntrack_tcp_timeout_established"
    ev = evidence(
        table(settings={name: "432000"}),
        sysctl_lines=(SysctlLine("/etc/sysctl.conf", 12, name, "7440"),),
        firewall=Firewall(systemd=True, module_loaded_at_boot=False),
    )
    found = advice.advise(situation(ev, "settings", enabled=()))
    assert found is not None
    assert found.risk.why == (f"/etc/sysctl.conf:12 sets {name} to 7440, the kernel has 432000",)
    assert any("/etc/modules-load.d/halftrack.conf" in command for command in found.commands)


def test_buckets_that_are_not_known_are_never_made_fewer() -> None:
    ev = evidence(table(*stuck(), limit=20, count=20), source="dump")
    found = raise_limit.advise(situation(ev))
    assert found is not None
    assert found.commands[0] == (
        '[ "$(cat /sys/module/nf_conntrack/parameters/hashsize)" -ge 1024 ] || '
        "echo 1024 > /sys/module/nf_conntrack/parameters/hashsize"
    )
    assert not any("hashsize=1024" in command for command in found.commands)


def test_only_a_table_that_drops_is_promised_an_end_of_drops() -> None:
    ev = evidence(table(*stuck(), limit=1_024, buckets=1_024, count=1_000))
    calm = raise_limit.advise(situation(ev, summary={"dropped": 0}))
    dropping = raise_limit.advise(situation(ev, summary={"dropped": 7}))
    assert calm is not None
    assert dropping is not None
    assert "drops stop" not in calm.title
    assert "drops stop at once" in dropping.title


@pytest.mark.parametrize(("count", "dropped", "needed"), [(10, 0, False), (10, 3, True), (900, 0, True)])
def test_room_that_a_plan_leaves_out_is_said_not_to_be_needed(
    count: int, dropped: int, *, needed: bool
) -> None:
    ev = evidence(table(*stuck(), limit=1_024, buckets=1_024, count=count))
    seen = situation(ev, "table-pressure", summary={"dropped": dropped})
    found = raise_limit.advise(seen)
    assert found is not None
    assert found.title.endswith(", not needed yet") is not needed
    advised = replace(seen, finding=structs.replace(seen.finding, remedies=(found,)))
    assert bool(choosing.reliefs(advised, ()).picks) is needed
