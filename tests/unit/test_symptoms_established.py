"""One-sided, silent and orphaned connections: which entries show which, and what is said of them."""

from __future__ import annotations

from halftrack.diagnosis import diagnose
from halftrack.evidence.values import (
    LocalAddress,
    Namespace,
    Sockets,
    Table,
)
from unit.flowrows import evidence, one_sided, row, sockets, table
from unit.symptomcases import (
    DAYS,
    HOST,
    LISTENER,
    MAX_RETRANS,
    QUIET,
    UNACKNOWLEDGED,
    entries,
    found,
    node,
    served,
)


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


def test_idle_established_is_silent_for_longer_than_a_keepalive() -> None:
    this = evidence(table(row(left=QUIET), row(left=432_000 - 7_200), row(left=200)))

    assert entries(this) == {"idle-established": 1}


def test_a_longer_keepalive_here_makes_longer_silence_normal() -> None:
    this = evidence(table(row(left=QUIET), settings={"net.ipv4.tcp_keepalive_time": "14400"}))

    assert entries(this) == {}


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


def behind(
    router: Table, *others: tuple[str, str], count: int = 0, **inside: Sockets | None
) -> dict[str, int]:
    """What is found in a router's table, with namespaces ``(name, address)`` that have no owner.

    ``inside``: sockets by name, None for not read; without, none are open there. ``count``: entries that
    each tracks itself.
    """
    tables = [
        Table(
            Namespace(name, 100 + number),
            addresses=(LocalAddress(address, 24, "eth0"),),
            sockets=inside.get(name, sockets()),
            count=count,
            skipped=True,
        )
        for number, (name, address) in enumerate(others)
    ]
    return entries(evidence(router, *tables))


ROUTED = [row("198.51.100.7", "10.66.1.2", 40_000 + n, 80, left=QUIET) for n in range(8)]


def test_a_namespace_without_an_owner_speaks_for_the_address_that_it_alone_has() -> None:
    router = table(*ROUTED, addresses=HOST, sockets=sockets(("192.0.2.1", 22)))

    assert behind(router, ("server", "10.66.1.2")) == {"orphaned": 8}
    assert behind(router, ("server", "10.66.1.2"), ("twin", "10.66.1.2")) == {"idle-established": 8}


def test_sockets_in_a_namespace_without_an_owner_prove_life() -> None:
    router = table(*ROUTED, addresses=HOST, sockets=sockets(("192.0.2.1", 22)))
    live = sockets(*(("10.66.1.2", 80, "198.51.100.7", 40_000 + n) for n in range(5)))

    assert behind(router, ("server", "10.66.1.2"), server=live) == {"orphaned": 3, "idle-established": 5}


def test_what_tracks_itself_may_hand_connections_on_to_a_socket_elsewhere() -> None:
    router = table(*ROUTED, addresses=HOST, sockets=sockets(("192.0.2.1", 22)))

    assert behind(router, ("server", "10.66.1.2"), count=8) == {"idle-established": 8}


def test_a_namespace_that_nobody_could_look_into_may_have_the_same_address() -> None:
    router = table(*ROUTED, addresses=HOST, sockets=sockets(("192.0.2.1", 22)))
    server = Table(
        Namespace("server", 100),
        addresses=(LocalAddress("10.66.1.2", 24, "eth0"),),
        sockets=sockets(),
        count=0,
        skipped=True,
    )
    closed = Table(Namespace("closed", 101), count=0, skipped=True)

    assert entries(evidence(router, server)) == {"orphaned": 8}
    assert entries(evidence(router, server, closed)) == {"idle-established": 8}


def test_sockets_of_the_router_prove_nothing_about_another_namespace() -> None:
    router = table(*ROUTED, addresses=HOST, sockets=sockets(("192.0.2.1", 22)))

    assert behind(router, ("server", "10.66.1.2"), server=None) == {"idle-established": 8}


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
