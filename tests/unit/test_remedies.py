"""Remedies: which fit a finding, with what effect and risk."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest

from halftrack.diagnosis.case import Case
from halftrack.diagnosis.document import Diagnosis, Forecast, Input, TableSummary, Timeline
from halftrack.evidence.values import (
    Firewall,
    LocalAddress,
    Namespace,
    Owner,
    PublishedPort,
    SysctlLine,
    Table,
)
from halftrack.remedies import (
    KINDS,
    REMEDIES,
    advice,
    advise,
    cap_unacknowledged,
    drain,
    notrack,
    raise_limit,
    shorten_established,
    strict_pickup,
    syncookies,
    timeout_policy,
)
from halftrack.remedies.settle import busiest
from unit.flowrows import ASSURED, ONE_SIDED, evidence, one_sided, row, table, udp
from unit.situations import OLD_KERNEL, situation

WEB = "203.0.113.73"
STEADY = Forecast(shape="steady", net_per_minute=33.0, basis="")
RAISED = {
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "432000",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "432000",
}


def stuck(count: int = 20, address: str = WEB) -> list[dict[str, object]]:
    return [one_sided(address, f"198.51.100.{i + 1}", dport=50_000 + i) for i in range(count)]


def ssh(count: int, *, silent_s: int = 32_000, **columns: object) -> list[dict[str, object]]:
    return [
        row("198.51.100.200", WEB, 40_000 + i, 22, left=432_000 - silent_s, **columns) for i in range(count)
    ]


def test_shortening_settles_at_rate_times_lifetime_and_frees_nothing_by_itself() -> None:
    rows = [one_sided(WEB, f"198.51.{i >> 8}.{i & 255}", dport=50_000) for i in range(5_000)]
    found = shorten_established.advise(situation(evidence(table(*rows), kernel=OLD_KERNEL), forecast=STEADY))
    assert found is not None
    assert found.arguments == {"established": 7_440}
    assert found.effect.entries_freed == 0
    assert found.effect.settles_at == round(33.0 * 7_440 / 60)
    assert any("frees nothing by itself" in why for why in found.risk.why)


def test_shortening_names_the_silent_connections_it_would_cut() -> None:
    rows = [*stuck(), *ssh(3), *ssh(2, silent_s=60)]
    found = shorten_established.advise(situation(evidence(table(*rows), kernel=OLD_KERNEL)))
    assert found is not None
    assert found.risk.live_flows_affected == 3
    [cut] = found.risk.live_flows
    assert (cut.service, cut.entries) == ("tcp/22", 3)
    assert cut.example == f"tcp 198.51.100.200:40000 -> {WEB}:22, silent for 8 h 53 min"


def test_silent_connections_whose_socket_is_gone_are_not_counted_as_live() -> None:
    ev = evidence(table(*ssh(3), *ssh(4, silent_s=90_000)))
    dead = pl.Series([True] * 3 + [False] * 4)
    found = shorten_established.advise(situation(ev, "orphaned", pl.lit(dead), dead=[dead]))
    assert found is not None
    assert found.risk.live_flows_affected == 4


def test_translated_connections_at_risk_are_told() -> None:
    nat = [
        row("10.0.0.9", "198.51.100.9", 40_000, 22, reply_dst="203.0.113.1", left=400_000) for _ in range(1)
    ]
    found = shorten_established.advise(situation(evidence(table(*stuck(), *nat), kernel=OLD_KERNEL)))
    assert found is not None
    assert any("1 of them are translated" in why for why in found.risk.why)


def test_values_below_the_safe_one_carry_their_warning() -> None:
    here = situation(evidence(table(*stuck()), kernel=OLD_KERNEL))
    low, safe = shorten_established.advise(here, 600), shorten_established.advise(here)
    assert low is not None
    assert safe is not None
    assert any("RFC 5382" in why for why in low.risk.why)
    assert not any("RFC 5382" in why for why in safe.risk.why)


def test_a_long_keepalive_is_warned_of() -> None:
    settings = {"net.ipv4.tcp_keepalive_time": "14400"}
    found = shorten_established.advise(
        situation(evidence(table(*stuck(), settings=settings), kernel=OLD_KERNEL))
    )
    assert found is not None
    assert any("every 4 h" in why for why in found.risk.why)


def test_nothing_to_shorten_where_the_timeout_is_short_already() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "7440"}
    assert (
        shorten_established.advise(situation(evidence(table(*stuck(), settings=settings), kernel=OLD_KERNEL)))
        is None
    )


def test_idle_pools_are_left_alone() -> None:
    here = situation(
        evidence(table(*ssh(9))), "idle-established", pl.lit(value=True), causes=[("idle-pool", 0.9)]
    )
    assert [each.REMEDY for each in REMEDIES if each.advise(here)] == []


def test_raised_caps_are_lowered_instead_of_the_established_timeout() -> None:
    here = situation(evidence(table(*stuck(), settings=RAISED)))
    assert shorten_established.advise(here) is None
    found = cap_unacknowledged.advise(here)
    assert found is not None
    assert [c for c in found.commands if c.startswith("sysctl")] == [
        "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_unacknowledged=300",
        "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_max_retrans=300",
    ]


def test_one_raised_cap_alone_changes_nothing_and_is_not_lowered() -> None:
    settings = {
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "7200",
        "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "300",
    }
    assert cap_unacknowledged.advise(situation(evidence(table(*stuck(), settings=settings)))) is None


def test_strict_pickup_counts_what_lives_on_pick_up() -> None:
    picked_up = [
        row("198.51.100.9", WEB, 41_000 + i, 443, flags=(0x0A, 0x2A), wscale=(0, 0)) for i in range(4)
    ]
    shaken = [row("198.51.100.9", WEB, 42_000 + i, 443, flags=(0x23, 0x23)) for i in range(5)]
    found = strict_pickup.advise(situation(evidence(table(*stuck(), *picked_up, *shaken), kernel=OLD_KERNEL)))
    assert found is not None
    assert found.risk.live_flows_affected == 4
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
    nat = row("198.51.100.9", WEB, 40_000, 80, reply_src="10.0.0.5", reply_sport=80)
    here = situation(evidence(table(*stuck(30), *stuck(3, "10.0.0.5"), nat), kernel=OLD_KERNEL))
    assert notrack.advise(here) is None
    other = shorten_established.advise(here)
    assert other is not None
    assert any("not notrack for tcp/80" in why and "translat" in why for why in other.risk.why)


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


def test_raising_takes_limit_and_buckets_together_and_states_memory() -> None:
    ev = evidence(table(*stuck(), limit=262_144, buckets=65_536, count=262_144), kernel=OLD_KERNEL)
    found = raise_limit.advise(situation(ev, summary={"forecast": STEADY}))
    assert found is not None
    assert found.arguments == {"limit": 524_288, "buckets": 262_144}
    assert "+82 MiB" in found.title
    assert "room for about 4 d" in found.title
    assert any("320 bytes an entry (assumed)" in why for why in found.risk.why)


def test_the_slab_tells_the_memory_where_it_was_read() -> None:
    ev = evidence(table(*stuck(), limit=1_024, buckets=1_024, count=1_000), entry_bytes=256)
    found = raise_limit.advise(situation(ev))
    assert found is not None
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


def test_windows_of_a_timeline_in_steps() -> None:
    steps = Timeline(clock="timeout", bucket_s=3_600, start=None, entries=(31, 0, 0, 30, 0, 0, 32, 1))
    assert busiest(steps, 7_440) == 33
    assert busiest(steps, 60) == 32
    assert busiest(steps, 1 << 20) == 94
    assert busiest(Timeline(clock="timeout", bucket_s=60, start=None, entries=()), 60) == 0


def test_a_leak_in_steps_settles_at_its_largest_step_not_at_its_mean() -> None:
    steps = Timeline(clock="timeout", bucket_s=3_600, start=None, entries=(20, 0, 0, 0, 0, 0, 0, 0, 20))
    shape = Forecast(shape="steps", net_per_minute=0.01, basis="")
    found = shorten_established.advise(
        situation(evidence(table(*stuck(40)), kernel=OLD_KERNEL), timeline=steps, forecast=shape)
    )
    assert found is not None
    assert found.effect.settles_at == 20


def test_advise_fills_every_finding_in_order_of_kind() -> None:
    ev = evidence(table(*stuck(), *ssh(3), limit=25, buckets=8, count=23), kernel=OLD_KERNEL)
    here = situation(ev)
    assert here.view is not None
    assert here.rows is not None
    diagnosis = Diagnosis(
        node="n",
        source="live",
        severity="critical",
        complete=True,
        verdict="",
        input=Input(),
        tables=(TableSummary(netns="host", entries=23, limit=25),),
        findings=(here.finding, msgspec.structs.replace(here.finding, symptom="settings", groups=())),
    )
    case = Case("one-sided", here.view, here.rows, None, "unknown", here.chosen)
    first, second = advise(diagnosis, ev, [case]).findings
    assert [each.remedy for each in first.remedies] == [
        "raise-limit",
        "shorten-established",
        "strict-pickup",
        "notrack",
        "drain",
    ]
    assert sorted(first.remedies, key=lambda each: KINDS.index(each.kind)) == list(first.remedies)
    assert [each.remedy for each in second.remedies] == ["shorten-established"]


def test_unread_entries_leave_the_advice_that_needs_none() -> None:
    ev = evidence(Table(Namespace("host"), count=240, limit=262, buckets=262), kernel=OLD_KERNEL)
    diagnosis = Diagnosis(
        node="n",
        source="live",
        severity="warning",
        complete=False,
        verdict="",
        input=Input(),
        tables=(TableSummary(netns="host", entries=240, limit=262, buckets=262),),
        findings=(
            msgspec.structs.replace(
                situation(evidence(table(*stuck(1)))).finding, symptom="table-pressure", groups=()
            ),
        ),
    )
    [finding] = advise(diagnosis, ev, []).findings
    assert [each.remedy for each in finding.remedies] == ["raise-limit"]


def test_unanswered_questions_to_a_gone_backend_are_removed() -> None:
    rows = [udp("192.0.2.9", "10.96.0.10", sport=40_000 + i) for i in range(5)]
    found = drain.advise(situation(evidence(table(*rows)), "unreplied-udp", pl.lit(value=True)))
    assert found is not None
    assert found.effect.entries_freed == 5
