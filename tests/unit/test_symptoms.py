"""Symptoms: which entries show which, which show none, and which comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from halftrack.diagnosis import cases, diagnose
from halftrack.diagnosis.symptoms import CONDITIONS, ENTRY_SYMPTOMS
from halftrack.evidence.values import (
    Counters,
    Evidence,
    Firewall,
    Gap,
    LocalAddress,
    Namespace,
    Owner,
    Sockets,
    SysctlLine,
    Table,
)
from unit.flowrows import ASSURED, ONE_SIDED, evidence, one_sided, row, sockets, table, udp

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Finding

HOST = (LocalAddress("192.0.2.1", 24, "eth0"), LocalAddress("10.88.0.1", 16, "podman0"))
DAYS = 363_312
QUIET = 432_000 - 8_000
"""Left of an entry that has been silent for longer than a keepalive."""
ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"
UNACKNOWLEDGED = "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged"
MAX_RETRANS = "net.netfilter.nf_conntrack_tcp_timeout_max_retrans"
MQTT = Owner("mqtt-edge", "3f2a91c0d7e4", "podman", ("10.88.0.14",), 4_026_532_001)


def found(*tables: Table, **fields: Any) -> dict[str, Finding]:
    """Findings of a node by symptom, at most one each."""
    findings = diagnose(evidence(*tables, **fields)).findings
    by_symptom = {finding.symptom: finding for finding in findings}
    assert len(by_symptom) == len(findings)
    return by_symptom


def entries(this: Evidence) -> dict[str, int]:
    return {case.symptom: case.rows.height for case in cases(this)}


def test_every_symptom_of_the_contract_has_its_file() -> None:
    assert {symptom.slug for symptom in (*ENTRY_SYMPTOMS, *CONDITIONS)} == {
        "one-sided",
        "orphaned",
        "idle-established",
        "half-open",
        "half-closed",
        "unreplied-udp",
        "stale-nat",
        "table-pressure",
        "hash-too-small",
        "settings",
    }


# one-sided


def test_one_sided_on_a_kernel_that_keeps_them_for_days() -> None:
    rows = [one_sided(dport=40_000 + n) for n in range(30)]
    finding = found(table(*rows, limit=262_144), kernel="2.6.32-042stab092.1")["one-sided"]

    assert (finding.entries, finding.severity) == (30, "warning")
    assert "keeps such an entry 5 days" in finding.explanation
    assert {by.setting.rpartition("_")[2] for by in finding.enabled_by} == {"loose", "established"}


def test_one_sided_that_a_clamping_kernel_drops_in_minutes_is_no_trouble() -> None:
    finding = found(table(one_sided(left=299), row(), limit=262_144))["one-sided"]

    assert finding.severity == "info"
    assert "5 min after its last packet" in finding.explanation


def test_one_sided_through_two_raised_timeouts() -> None:
    settings = {
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "432000",
        "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "432000",
    }
    finding = found(table(*(one_sided() for _ in range(30)), settings=settings))["one-sided"]

    assert "both raised" in finding.explanation
    assert {by.value for by in finding.enabled_by if "timeout" in by.setting} == {"432000"}


def test_one_sided_with_more_left_than_this_kernel_gives_was_injected_or_has_a_policy() -> None:
    settings = {
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "300",
        "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "300",
    }
    finding = found(table(*(one_sided(flags=(0x0A, 0x0A)) for _ in range(30)), settings=settings))[
        "one-sided"
    ]

    assert "injected" in finding.explanation
    assert not any(by.setting.endswith("tcp_timeout_unacknowledged") for by in finding.enabled_by)


def test_one_sided_of_an_unknown_kernel_names_both_readings() -> None:
    finding = found(table(one_sided()), kernel=None, source="dump")["one-sided"]

    assert "does not cut such entries short" in finding.explanation
    assert "or two timeouts were raised" in finding.explanation


def test_loose_off_is_not_blamed() -> None:
    finding = found(table(one_sided(), settings={"net.netfilter.nf_conntrack_tcp_loose": "0"}))["one-sided"]

    assert not any(by.setting.endswith("loose") for by in finding.enabled_by)


def test_the_side_that_was_heard_is_told() -> None:
    server = found(table(one_sided("192.0.2.1"), addresses=HOST))["one-sided"]
    client = found(table(one_sided("192.0.2.1", sport=40_000, dport=443), addresses=HOST))["one-sided"]

    assert "Only the server's packets" in server.explanation
    assert "Only the client's packets" in client.explanation


# idle-established and orphaned


def test_idle_established_is_silent_for_longer_than_a_keepalive() -> None:
    this = evidence(table(row(left=QUIET), row(left=432_000 - 7_200), row(left=200)))

    assert entries(this) == {"idle-established": 1}


def test_a_longer_keepalive_here_makes_longer_silence_normal() -> None:
    this = evidence(table(row(left=QUIET), settings={"net.ipv4.tcp_keepalive_time": "14400"}))

    assert entries(this) == {}


def node(*rows: dict[str, Any], inside: Sockets | None, **fields: Any) -> Evidence:
    """A node with one container, whose sockets are ``inside``."""
    host = table(*rows, addresses=HOST, sockets=sockets(("192.0.2.1", 22)), limit=262_144)
    container = Table(
        Namespace("mqtt-edge", MQTT.netns_inode, owner=MQTT),
        addresses=(LocalAddress("10.88.0.14", 16, "eth0"),),
        sockets=inside,
        skipped=True,
    )
    return evidence(host, container, owners=(MQTT,), **fields)


def served(client: str, port: int, **columns: Any) -> dict[str, Any]:
    """A connection to the container through the node's published port."""
    given = {"reply_src": "10.88.0.14", "reply_sport": 1883, "left": QUIET} | columns
    return row(client, "192.0.2.1", port, 8883, **given)


LISTENER = ("0.0.0.0", 1883)  # noqa: S104  # any address


def test_orphaned_has_no_socket_in_the_owners_namespace() -> None:
    """The listener on the port is no proof of life."""
    live = ("10.88.0.14", 1883, "198.51.100.7", 40_001)
    this = node(
        served("198.51.100.7", 40_001), served("198.51.100.7", 40_002), inside=sockets(live, LISTENER)
    )

    assert entries(this) == {"orphaned": 1, "idle-established": 1}
    finding = next(each for each in diagnose(this).findings if each.symptom == "orphaned")
    assert finding.id == "orphaned/mqtt-edge/tcp/1883"
    assert finding.groups[0].owner is not None
    assert finding.groups[0].owner.runtime == "podman"


def test_silent_connections_whose_sockets_live_are_no_trouble() -> None:
    ends = [("10.88.0.14", 1883, "198.51.100.7", 40_000 + n) for n in range(40)]
    this = node(*(served("198.51.100.7", 40_000 + n) for n in range(40)), inside=sockets(*ends))
    finding = next(each for each in diagnose(this).findings if each.symptom == "idle-established")

    assert finding.severity == "info"
    assert "sockets live" in finding.title


def test_without_the_owners_sockets_nothing_is_called_orphaned() -> None:
    this = node(served("198.51.100.7", 40_001), inside=None)

    assert entries(this) == {"idle-established": 1}


def test_what_spoke_a_moment_ago_is_not_compared_with_the_sockets() -> None:
    this = node(served("198.51.100.7", 40_001, left=431_990), inside=sockets())

    assert entries(this) == {}


def test_orphaned_counts_the_time_that_the_examination_took() -> None:
    entry = served("198.51.100.7", 40_001, left=432_000 - 100)

    assert entries(node(entry, inside=sockets())) == {"orphaned": 1}
    assert entries(node(entry, inside=sockets(), seconds=90.0)) == {}


def test_a_connection_that_the_container_opened_through_masquerading() -> None:
    mine = row("10.88.0.14", "198.51.100.7", 40_001, 443, reply_dst="192.0.2.1", left=QUIET)
    live = sockets(("10.88.0.14", 40_001, "198.51.100.7", 443))

    assert entries(node(mine, inside=live)) == {"idle-established": 1}
    assert entries(node(mine, inside=sockets())) == {"orphaned": 1}


def test_a_source_that_was_rewritten_before_the_socket() -> None:
    """The container sees the node's bridge address as its client."""
    hairpin = served("192.0.2.77", 40_001, reply_dst="10.88.0.1", reply_dport=50_000)
    live = sockets(("10.88.0.14", 1883, "10.88.0.1", 50_000))

    assert entries(node(hairpin, inside=live)) == {"idle-established": 1}


def test_the_nodes_own_connections_are_compared_with_its_own_sockets() -> None:
    ssh = row("198.51.100.7", "192.0.2.1", 40_001, 22, left=QUIET)
    alive = table(ssh, addresses=HOST, sockets=sockets(("192.0.2.1", 22, "198.51.100.7", 40_001)))
    dead = table(ssh, addresses=HOST, sockets=sockets(("192.0.2.1", 22)))

    assert entries(evidence(alive)) == {"idle-established": 1}
    assert entries(evidence(dead)) == {"orphaned": 1}


def behind(router: Table, *others: tuple[str, str]) -> dict[str, int]:
    """What is found in a router's table, with namespaces ``(name, address)`` that have no owner."""
    tables = [
        Table(
            Namespace(name, 100 + number),
            addresses=(LocalAddress(address, 24, "eth0"),),
            sockets=sockets(),
            skipped=True,
        )
        for number, (name, address) in enumerate(others)
    ]
    return entries(evidence(router, *tables))


ROUTED = [row("198.51.100.7", "10.66.1.2", 40_000 + n, 80, left=QUIET) for n in range(8)]


def test_sockets_of_the_router_prove_nothing_about_another_namespace() -> None:
    router = table(*ROUTED, addresses=HOST, sockets=sockets(("192.0.2.1", 22)))

    assert behind(router, ("server", "10.66.1.2")) == {"idle-established": 8}
    assert behind(router, ("server", "10.66.1.2"), ("twin", "10.66.1.2")) == {"idle-established": 8}


def test_a_namespace_that_has_no_address_has_no_end_of_any_connection() -> None:
    router = table(*ROUTED, addresses=(), sockets=sockets(("192.0.2.1", 22)))

    assert behind(router) == {"idle-established": 8}


def test_forwarded_connections_have_no_socket_here_and_are_not_orphaned() -> None:
    passing = row("203.0.113.9", "198.51.100.7", 40_001, 443, left=QUIET)

    assert entries(node(passing, inside=sockets())) == {"idle-established": 1}


def test_ipv6_sockets_are_compared_too() -> None:
    entry = row("2001:db8::7", "2001:db8::1", 40_001, 443, left=QUIET)
    here = (LocalAddress("2001:db8::1", 64, "eth0"),)
    alive = table(entry, addresses=here, sockets=sockets(("2001:db8::1", 443, "2001:db8::7", 40_001)))
    dead = table(entry, addresses=here, sockets=sockets(("2001:db8::1", 443, "2001:db8::8", 40_001)))

    assert entries(evidence(alive)) == {"idle-established": 1}
    assert entries(evidence(dead)) == {"orphaned": 1}


def test_orphans_that_never_saw_a_reply_say_why_they_stay() -> None:
    raised = dict.fromkeys((UNACKNOWLEDGED, MAX_RETRANS), "432000")
    rows = [one_sided("192.0.2.1", dport=40_000 + n, left=DAYS) for n in range(9)]
    router = table(*rows, addresses=HOST, sockets=sockets(("192.0.2.1", 80)), settings=raised)
    finding = found(router)["orphaned"]

    assert "both raised" in finding.explanation
    assert {by.setting for by in finding.enabled_by} >= {UNACKNOWLEDGED, MAX_RETRANS}


def test_a_one_sided_entry_without_a_socket_is_orphaned_and_counted_once() -> None:
    lone = one_sided("10.88.0.14", sport=1883, left=DAYS)
    dead = node(lone, inside=sockets(), kernel="2.6.32-042stab092.1")
    alive = node(
        lone,
        inside=sockets(("10.88.0.14", 1883, "198.51.100.7", 60_440)),
        kernel="2.6.32-042stab092.1",
    )

    assert entries(dead) == {"orphaned": 1}
    assert entries(alive) == {"one-sided": 1}


# half-open, half-closed, unreplied-udp


def test_a_flood_of_handshakes() -> None:
    rows = [row(f"198.51.{n // 250}.{n % 250}", "192.0.2.1", state="SYN_RECV", left=50) for n in range(60)]

    assert found(table(*rows))["half-open"].entries == 60
    assert "half-open" not in found(table(*rows[:49])), "a few are everyday life"


def test_the_direction_of_an_unfinished_handshake_is_told() -> None:
    rows = [row(sport=n, state="SYN_SENT", left=100, status=ONE_SIDED) for n in range(60)]

    assert "No answer to the SYN" in found(table(*rows))["half-open"].explanation


def test_half_closed_names_kube_proxys_hour() -> None:
    rows = [row(sport=n, state="CLOSE_WAIT", left=3_000, status=ASSURED) for n in range(60)]
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3600"}
    finding = found(table(*rows, settings=settings))["half-closed"]

    assert "kube-proxy" in finding.explanation
    assert finding.enabled_by[0].value == "3600"
    assert finding.groups[0].idle_min_s == 600


def test_half_closed_with_more_left_than_the_setting_gives_says_so() -> None:
    rows = [row(sport=n, state="CLOSE_WAIT", left=3_000, status=ASSURED) for n in range(60)]
    finding = found(table(*rows, settings={"net.netfilter.nf_conntrack_tcp_timeout_close_wait": "60"}))

    assert "it was higher when they were closed" in finding["half-closed"].explanation


def test_half_closed_in_small_numbers_is_everyday_life() -> None:
    rows = [row(sport=n, state="FIN_WAIT", left=100) for n in range(60)]
    others = [row(sport=n) for n in range(1_000)]

    assert "half-closed" not in found(table(*rows, *others))
    assert found(table(*rows, *others, limit=5_000))["half-closed"].entries == 60


def test_time_wait_is_no_symptom() -> None:
    assert entries(evidence(table(*(row(sport=n, state="TIME_WAIT", left=100) for n in range(100))))) == {}


def test_unreplied_udp() -> None:
    lone = [udp(sport=n) for n in range(60)]

    assert found(table(*lone))["unreplied-udp"].groups[0].service == "udp/53"
    assert "unreplied-udp" not in found(table(*(udp(sport=n, status=ASSURED) for n in range(60))))


# stale-nat


def translated(target: str, **columns: Any) -> dict[str, Any]:
    return udp("198.51.100.7", "192.0.2.1", reply_src=target, **columns)


def test_stale_nat_goes_to_a_container_that_is_gone() -> None:
    this = node(translated("10.88.0.99"), translated("10.88.0.14"), inside=sockets())

    assert entries(this) == {"stale-nat": 1}
    finding = next(each for each in diagnose(this).findings if each.symptom == "stale-nat")
    assert finding.severity == "warning"


def test_a_target_outside_the_containers_networks_may_be_another_machine() -> None:
    assert entries(node(translated("192.0.2.50"), translated("10.1.2.3"), inside=sockets())) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "dump"},
        {"gaps": (Gap("namespace", "no permission", ("CAP_SYS_ADMIN",)),)},
    ],
)
def test_an_address_is_gone_only_where_every_namespace_was_seen(fields: dict[str, Any]) -> None:
    assert "stale-nat" not in entries(node(translated("10.88.0.99"), inside=sockets(), **fields))


def test_the_table_of_a_named_namespace_is_judged_like_the_nodes() -> None:
    lab = Owner("lab", "lab", "netns", ("172.17.0.1",), 4_026_532_002)
    inside = table(
        translated("172.17.0.99"),
        namespace=Namespace("lab", 4_026_532_002, owner=lab),
        addresses=(LocalAddress("172.17.0.1", 16, "docker0"),),
    )
    assert entries(evidence(inside, owners=(lab,))) == {"stale-nat": 1}


def unjudged(*rows: dict[str, Any], **fields: Any) -> list[str | None]:
    gaps = diagnose(node(*rows, inside=sockets(), **fields)).gaps
    return [gap.netns for gap in gaps if gap.would_tell == ("stale-nat",)]


def waiting(target: str, count: int = 40, **columns: Any) -> list[dict[str, Any]]:
    return [translated(target, sport=40_000 + n, **columns) for n in range(count)]


def test_entries_that_wait_for_an_address_outside_the_containers_networks_are_a_gap() -> None:
    assert unjudged(*waiting("10.244.1.9")) == ["host"]


def test_what_is_judged_or_known_or_answered_or_in_flight_is_no_gap() -> None:
    assert unjudged(*waiting("10.88.0.99")) == []
    assert unjudged(*waiting("10.88.0.14")) == []
    assert unjudged(*waiting("10.244.1.9", status=ASSURED)) == []
    assert unjudged(*(translated(f"10.244.1.{n}") for n in range(40))) == []


def test_a_namespace_that_was_not_seen_may_have_the_address() -> None:
    unread = (Gap("namespace", "no permission", ("CAP_SYS_ADMIN",)),)
    assert unjudged(*waiting("10.88.0.99"), gaps=unread) == ["host"]


def test_masquerading_of_a_container_that_is_gone_is_no_alarm() -> None:
    answered = row("10.88.0.99", "198.51.100.7", 40_001, 443, reply_dst="192.0.2.1")
    this = node(answered, inside=sockets())
    finding = next(each for each in diagnose(this).findings if each.symptom == "stale-nat")

    assert finding.severity == "info"


# precedence


def test_a_row_is_in_one_case_at_most() -> None:
    rows = [
        served("198.51.100.7", 40_001),
        one_sided("10.88.0.14", sport=1883, left=DAYS),
        one_sided("10.88.0.14", state="FIN_WAIT", left=100),
        translated("10.88.0.99"),
        *(row(sport=n, state="CLOSE_WAIT", left=30) for n in range(60)),
        *(udp(sport=n) for n in range(60)),
    ]
    this = node(*rows, inside=sockets())
    chosen = [case.rows.mask for case in cases(this)]

    assert max(sum(int(mask[place]) for mask in chosen) for place in range(len(rows))) == 1


def test_what_the_list_verb_shows_of_a_case_are_whole_rows() -> None:
    this = evidence(table(row(left=QUIET, mark=7), row()))
    (case,) = cases(this)

    assert case.rows.column("mark").to_list() == [7]


# table-pressure


def readings(**differences: int) -> tuple[Counters, Counters]:
    zero = dict.fromkeys(("drop", "early_drop", "insert_failed", "chaintoolong"), 0)
    return Counters(0.0, zero), Counters(10.0, zero | differences)


def full(count: int, limit: int = 1_000, **fields: Any) -> Table:
    return table(row(), count=count, limit=limit, **fields)


@pytest.mark.parametrize(
    ("this", "severity"),
    [
        (full(1_000, counters=readings(drop=7, early_drop=46)), "critical"),
        (full(990), "critical"),
        (full(800, counters=readings()), "warning"),
        (full(800, counters=readings(drop=7)), "critical"),
        (full(100, counters=readings(drop=7)), "warning"),
        (full(100, counters=readings(early_drop=7)), "warning"),
        (full(100, counters=readings(insert_failed=7)), "info"),
        (full(700, counters=readings()), None),
        (full(10_000, limit=0, counters=readings()), None),
    ],
)
def test_pressure_is_told_from_races_and_from_room(this: Table, severity: str | None) -> None:
    finding = found(this).get("table-pressure")

    assert (finding.severity if finding else None) == severity


def test_insert_failures_are_called_races() -> None:
    finding = found(full(100, counters=readings(insert_failed=7)))["table-pressure"]

    assert "races" in finding.explanation


# hash-too-small


@pytest.mark.parametrize(
    ("this", "severity"),
    [
        (full(10, limit=262_144, buckets=262_144), None),
        (full(10, limit=262_144, buckets=65_536), None),  # the default up to 5.10
        (full(10, limit=2_000_000, buckets=65_536), "info"),
        (full(600_000, limit=2_000_000, buckets=65_536), "warning"),
        (full(10, limit=1_024, buckets=1_024, counters=readings(chaintoolong=3)), "warning"),
    ],
)
def test_the_hash_is_too_small_for_what_it_holds_or_may_have_to(this: Table, severity: str | None) -> None:
    finding = found(this).get("hash-too-small")

    assert (finding.severity if finding else None) == severity


# settings


def advice(settings: dict[str, str], *lines: tuple[str, int, str, str], **firewall: Any) -> list[str]:
    given = tuple(SysctlLine(*line) for line in lines)
    finding = found(table(row(), settings=settings), sysctl_lines=given, firewall=Firewall(**firewall)).get(
        "settings"
    )
    if finding is None:
        return []
    assert finding.severity == "info"
    return [finding.title, *(f"{by.setting}: {by.why}" for by in finding.enabled_by)]


def test_the_five_day_default_is_told() -> None:
    assert advice({ESTABLISHED: "432000"})[0] == "established timeout is 5 days (the default)."
    assert advice({ESTABLISHED: "7440"}) == []


def test_loose_liberal_and_two_raised_timeouts_are_told() -> None:
    said = "\n".join(
        advice(
            {
                "net.netfilter.nf_conntrack_tcp_loose": "1",
                "net.netfilter.nf_conntrack_tcp_be_liberal": "1",
                "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "86400",
                "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "86400",
            }
        )
    )

    assert "one-sided entries stay 1 day" in said
    assert "tcp_loose" in said
    assert "tcp_be_liberal" in said


def test_one_raised_timeout_alone_changes_nothing() -> None:
    assert advice({"net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "86400"}) == []


def test_conflicting_lines_are_told_with_the_one_that_wins() -> None:
    said = advice(
        {ESTABLISHED: "7200"},
        ("/etc/sysctl.conf", 3, ESTABLISHED, "600"),
        ("/etc/sysctl.conf", 9, ESTABLISHED, "7200"),
    )

    assert "2 times with different values" in said[0]
    assert "/etc/sysctl.conf:9" in said[1]


def test_a_line_that_is_not_in_force_is_told_with_who_overwrites_it() -> None:
    line = ("/etc/sysctl.d/90-ct.conf", 1, ESTABLISHED, "7440")

    assert "kube-proxy writes it" in advice({ESTABLISHED: "86400"}, line, managers=("kube-proxy",))[1]
    assert "before the module" in advice({ESTABLISHED: "432000"}, line, module_loaded_at_boot=False)[1]
    assert "by hand" in advice({ESTABLISHED: "600"}, line)[1]


def test_a_line_that_kube_proxy_will_undo_is_told_while_it_still_holds() -> None:
    line = ("/etc/sysctl.d/90-ct.conf", 1, ESTABLISHED, "7440")

    assert "belongs to kube-proxy" in advice({ESTABLISHED: "7440"}, line, managers=("kube-proxy",))[0]
    assert advice({ESTABLISHED: "7440"}, line) == []


def test_lines_that_boot_will_lose_are_told() -> None:
    line = ("/etc/sysctl.d/90-ct.conf", 1, ESTABLISHED, "7440")

    assert "lost at boot" in advice({ESTABLISHED: "7440"}, line, module_loaded_at_boot=False, systemd=True)[0]


def test_how_long_one_sided_entries_stay_is_told_by_the_settings_not_by_the_time_left_today() -> None:
    settings = {
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "432000",
        "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "432000",
    }
    rows = [one_sided(dst=f"198.51.100.{n}", left=200) for n in range(60)]
    finding = found(table(*rows, settings=settings))["one-sided"]
    assert finding.severity == "warning"
    assert "stay 5 days after their last packet" in finding.title
    assert "both raised" in finding.explanation
