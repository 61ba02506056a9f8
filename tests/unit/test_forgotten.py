"""Sockets without an entry: which are, and what the rules would do with their next packet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from halftrack.diagnosis import diagnose
from halftrack.diagnosis.forgotten import lacking
from halftrack.evidence import addresses
from halftrack.evidence.tcp_sockets import SCHEMA, TcpSockets
from halftrack.evidence.values import Evidence, Front, Gap, LocalAddress, Namespace, Owner, Table
from unit import rules
from unit.flowrows import evidence, flows, row, sockets, table

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, Sides

HOST = (LocalAddress("192.0.2.1", 24, "eth0"), LocalAddress("10.88.0.1", 16, "podman0"))
OWNER = Owner("mqtt-edge", "3f2a91c0d7e4", "podman", ("10.88.0.14",), 7)
INPUT = """*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp --dport 80 --syn -j ACCEPT
COMMIT
"""
FORWARD = INPUT.replace("INPUT", "FORWARD")
OPEN = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT\nCOMMIT\n"
QUIET_MS = 90_000


def tcp(*ends: tuple[Any, ...], quiet_ms: int | None = QUIET_MS, state: int = 1) -> TcpSockets:
    """``(local, port, remote, port)`` in a state, ``(local, port)`` listening."""
    rows = []
    for local, local_port, *peer in ends:
        remote, remote_port = peer or ("::", 0)
        mine, theirs = addresses.parse(local), addresses.parse(remote)
        rows.append(
            dict.fromkeys(SCHEMA)
            | {
                "state": state if peer else 10,
                "local_hi": mine[0],
                "local_lo": mine[1],
                "local_port": local_port,
                "remote_hi": theirs[0],
                "remote_lo": theirs[1],
                "remote_port": remote_port,
                "last_data_recv_ms": quiet_ms,
                "last_ack_recv_ms": quiet_ms,
            }
        )
    return TcpSockets(pl.DataFrame(rows, schema=dict(SCHEMA), orient="row"))


def known(number: int) -> dict[str, Any]:
    return row(f"198.51.100.{number}", "192.0.2.1", 50_000, 80)


def open_to(number: int) -> tuple[str, int, str, int]:
    return "192.0.2.1", 80, f"198.51.100.{number}", 50_000


def server(*entries: dict[str, Any], of: TcpSockets, by: str = INPUT, **fields: Any) -> Evidence:
    given = {"addresses": HOST, "tcp": of, "rules": rules.saved(by), "limit": 262_144} | fields
    return evidence(table(*entries, **given))


def beside(seen: Evidence) -> Sides:
    found = diagnose(seen).tables[0].sockets
    assert found is not None
    return found


def forgotten(found: Diagnosis) -> list[tuple[int, str]]:
    return [(each.entries, each.severity) for each in found.findings if each.symptom == "forgotten"]


def test_what_no_entry_stands_for_is_told_from_what_one_does() -> None:
    listening = ("192.0.2.1", 80)
    seen = server(*(known(n) for n in range(30)), of=tcp(listening, *(open_to(n) for n in range(55))))

    both = beside(seen)
    assert (both.connected, both.with_entry, both.without_entry, both.untold) == (55, 30, 25, 0)
    (group,) = both.groups
    assert (group.service, group.side, group.sockets, group.peers) == ("tcp/80", "server", 25, 25)
    assert (group.outcome, group.by) == ("dropped", "ip filter INPUT: policy drop")
    assert group.example.startswith("192.0.2.1:80 -> 198.51.100.")
    (finding,) = [each for each in diagnose(seen).findings if each.symptom == "forgotten"]
    assert (finding.severity, finding.entries) == ("warning", 25)
    assert "55 connected sockets: 30 with an entry, 25 without." in finding.explanation
    assert "ip filter INPUT: policy drop" in finding.explanation
    assert diagnose(seen).verdict.endswith("; 25 connected sockets without an entry.")


def test_those_of_services_beyond_the_first_are_counted_all_the_same() -> None:
    ends = [("192.0.2.1", 40_000 + n, "198.51.100.7", 1_000 + n) for n in range(25)]
    seen = server(known(1), of=tcp(open_to(1), *ends))

    both = beside(seen)
    assert (len(both.groups), both.more_groups, both.outcomes) == (10, 15, {"dropped": 25})
    assert forgotten(diagnose(seen)) == [(25, "warning")]


def test_a_few_among_many_are_worth_a_word_and_no_alarm() -> None:
    seen = server(*(known(n) for n in range(60)), of=tcp(*(open_to(n) for n in range(61))))
    assert forgotten(diagnose(seen)) == [(1, "info")]


def test_what_rules_let_pass_is_no_finding() -> None:
    seen = server(known(1), of=tcp(open_to(1), open_to(2)), by=OPEN)

    (group,) = beside(seen).groups
    assert (group.outcome, group.by) == ("picked-up-again", None)
    assert forgotten(diagnose(seen)) == []


def test_strict_pick_up_makes_it_invalid() -> None:
    rule = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
    socket = tcp(open_to(1), open_to(2))
    strict = {"net.netfilter.nf_conntrack_tcp_loose": "0"}

    assert beside(server(known(1), of=socket, by=rule)).groups[0].outcome == "picked-up-again"
    found = beside(server(known(1), of=socket, by=rule, settings=strict)).groups[0]
    assert (found.outcome, found.by) == (
        "dropped",
        "ip filter INPUT: -A INPUT -m conntrack --ctstate INVALID -j DROP",
    )


@pytest.mark.parametrize("state", [2, 3, 6, 7, 10, 12])
def test_what_has_no_connection_or_no_packet_to_come_is_not_compared(state: int) -> None:
    """SYN_SENT, SYN_RECV, TIME_WAIT, CLOSE, LISTEN, NEW_SYN_RECV."""
    assert diagnose(server(known(1), of=tcp(open_to(2), state=state))).tables[0].sockets is None


@pytest.mark.parametrize("quiet_ms", [None, 0, 3_900])
def test_what_was_heard_while_both_were_read_is_not_counted(quiet_ms: int | None) -> None:
    seen = replace(server(known(1), of=tcp(open_to(2), quiet_ms=quiet_ms)), seconds=2.0)

    both = beside(seen)
    assert (both.connected, both.without_entry, both.untold) == (1, 0, 1)
    assert forgotten(diagnose(seen)) == []


def test_what_a_slow_look_left_untold_is_a_gap() -> None:
    quick = replace(server(known(1), of=tcp(open_to(2), quiet_ms=900)), seconds=2.0)
    assert beside(quick).untold == 1
    assert not any("forgotten" in gap.would_tell for gap in diagnose(quick).gaps)

    slow = diagnose(replace(quick, seconds=9.0))
    [gap] = [gap for gap in slow.gaps if "forgotten" in gap.would_tell]
    assert gap.what == "whether 1 connected socket lost an entry"
    assert not slow.complete


def test_whose_rules_nobody_read_says_nothing() -> None:
    assert diagnose(server(known(1), of=tcp(open_to(2)), rules=None)).tables[0].sockets is None


def test_entries_that_were_not_all_read_are_missed_by_nobody() -> None:
    seen = server(known(1), of=tcp(open_to(1), open_to(2)))
    late = Gap("the rest of the entries of host", "the time was up", (), ("one-sided",), "host")
    elsewhere = replace(late, netns="web")

    assert diagnose(replace(seen, gaps=(late,))).tables[0].sockets is None
    assert diagnose(replace(seen, gaps=(elsewhere,))).tables[0].sockets is not None
    assert diagnose(server(known(1), of=tcp(open_to(2)), unreadable=1)).tables[0].sockets is None


@pytest.mark.parametrize(
    ("entry", "end"),
    [
        (row("198.51.100.7", "192.0.2.1", 50_000, 80), ("192.0.2.1", 80, "198.51.100.7", 50_000)),
        (row("192.0.2.1", "198.51.100.7", 41_000, 443), ("192.0.2.1", 41_000, "198.51.100.7", 443)),
        # A published port, as the container behind it sees the connection.
        (
            row("198.51.100.7", "192.0.2.1", 50_000, 8883, reply_src="10.88.0.14", reply_sport=1883),
            ("10.88.0.14", 1883, "198.51.100.7", 50_000),
        ),
        # What masquerading sends on under another address, as whoever opened it sees it.
        (
            row("10.88.0.14", "198.51.100.7", 41_000, 443, reply_dst="192.0.2.1", reply_dport=61_000),
            ("10.88.0.14", 41_000, "198.51.100.7", 443),
        ),
        # The source rewritten on the way in, before the socket and behind it.
        (
            row("198.51.100.7", "192.0.2.1", 50_000, 80, reply_dst="10.88.0.1", reply_dport=61_000),
            ("192.0.2.1", 80, "10.88.0.1", 61_000),
        ),
        (
            row("198.51.100.7", "192.0.2.1", 50_000, 80, reply_dst="10.88.0.1", reply_dport=61_000),
            ("192.0.2.1", 80, "198.51.100.7", 50_000),
        ),
        (row("2001:db8::7", "2001:db8::1", 50_000, 80), ("2001:db8::1", 80, "2001:db8::7", 50_000)),
        # A dual-stack socket calls an IPv4 peer by its mapped address.
        (
            row("198.51.100.7", "192.0.2.1", 50_000, 80),
            ("::ffff:192.0.2.1", 80, "::ffff:198.51.100.7", 50_000),
        ),
        (row(state="TIME_WAIT"), ("192.0.2.1", 40_000, "198.51.100.7", 80)),
    ],
)
def test_a_socket_is_found_by_however_its_connection_is_translated(
    entry: dict[str, Any], end: tuple[Any, ...]
) -> None:
    other = ("192.0.2.1", 80, "198.51.100.99", 50_000)
    assert lacking(flows(entry, row(proto="udp", state=None)).frame, tcp(end, other).frame).to_list() == [
        False,
        True,
    ]


def test_nothing_to_look_up() -> None:
    assert lacking(flows().frame, tcp(open_to(1)).frame).to_list() == [True]
    assert lacking(flows(known(1)).frame, tcp(("::", 1)).frame.clear()).to_list() == []


def through(*ends: tuple[Any, ...], fronts: tuple[Front, ...] = ()) -> Evidence:
    """A node that forwards to a container which has these sockets."""
    host = table(
        row("198.51.100.7", "192.0.2.1", 50_000, 8883, reply_src="10.88.0.14", reply_sport=1883),
        addresses=HOST,
        rules=rules.saved(FORWARD),
        limit=262_144,
    )
    inside = Table(
        Namespace("mqtt-edge", 7, owner=OWNER),
        addresses=(LocalAddress("10.88.0.14", 16, "eth0"), LocalAddress("127.0.0.1", 8, "lo")),
        tcp=tcp(("10.88.0.14", 1883), *ends),
        sockets=sockets(("10.88.0.14", 1883)),
        skipped=True,
    )
    return evidence(host, inside, owners=(OWNER,), fronts=fronts)


TRACKED = ("10.88.0.14", 1883, "198.51.100.7", 50_000)
LOST = ("10.88.0.14", 1883, "198.51.100.8", 50_000)


def test_sockets_of_a_container_are_looked_up_in_the_table_that_they_lead_through() -> None:
    found = beside(through(TRACKED, LOST))

    assert (found.connected, found.with_entry, found.without_entry) == (2, 1, 1)
    (group,) = found.groups
    assert group.owner is not None
    assert (group.netns, group.owner.name, group.service) == ("mqtt-edge", "mqtt-edge", "tcp/1883")
    assert (group.outcome, group.by) == ("dropped", "ip filter FORWARD: policy drop")


def test_what_a_published_port_led_to_loses_its_translation() -> None:
    """Its answers would go out under the container's own address."""
    fronts = (Front("tcp", 8883, (("10.88.0.14", 1883),)),)
    seen = through(TRACKED, LOST, fronts=fronts)
    host = replace(seen.tables[0], rules=rules.saved(OPEN))
    (group,) = beside(replace(seen, tables=(host, seen.tables[1]))).groups
    assert group.outcome == "loses-translation"


def test_where_nothing_shows_that_packets_pass_the_table_nothing_is_missing() -> None:
    assert diagnose(through(LOST)).tables[0].sockets is None


def test_what_stays_on_the_containers_link_or_within_it_is_left_out() -> None:
    """Between the ports of a bridge nothing is tracked as a rule."""
    inside = ("127.0.0.1", 1883, "127.0.0.1", 40_000)
    on_the_bridge = ("10.88.0.14", 1883, "10.88.77.1", 40_000)
    routed = ("10.88.0.14", 1883, "10.89.0.1", 40_000)
    assert beside(through(TRACKED, inside, on_the_bridge)).connected == 1
    assert beside(through(TRACKED, inside, on_the_bridge, routed)).connected == 2


def test_orphaned_entries_and_forgotten_sockets_are_shown_side_by_side() -> None:
    dead = [row(f"198.51.100.{n}", "192.0.2.1", 50_000, 80, left=400_000) for n in range(30, 55)]
    seen = server(
        known(1),
        *dead,
        of=tcp(("192.0.2.1", 80), open_to(1), open_to(2)),
        sockets=sockets(("192.0.2.1", 80), open_to(1), open_to(2)),
    )
    (finding,) = [each for each in diagnose(seen).findings if each.symptom == "orphaned"]
    assert finding.entries == 25
    assert finding.explanation.endswith(
        "The other way round, 2 connected sockets: 1 with an entry, 1 without."
    )


UNTRACKED = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp --dport 80 -j CT --notrack
-A OUTPUT -p tcp --sport 80 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED,UNTRACKED -j ACCEPT
COMMIT
"""
STATELESS = """*filter
:INPUT DROP [0:0]
-A INPUT -p tcp --dport 80 -j ACCEPT
COMMIT
"""
LOOPBACK = INPUT.replace(":INPUT DROP [0:0]\n", ":INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n")


@pytest.mark.parametrize(
    ("by", "end"),
    [
        (UNTRACKED, open_to(2)),
        (STATELESS, open_to(2)),
        (LOOPBACK, ("127.0.0.1", 80, "127.0.0.1", 50_000)),
        (LOOPBACK, ("192.0.2.1", 50_000, "192.0.2.1", 80)),
    ],
)
def test_what_never_is_tracked_or_passes_anyway_is_no_finding(by: str, end: tuple[Any, ...]) -> None:
    found = diagnose(server(known(1), of=tcp(open_to(1), end), by=by))
    both = found.tables[0].sockets
    assert both is not None
    assert both.without_entry == 1
    assert forgotten(found) == []


def test_masked_addresses_are_passed_over() -> None:
    masked = (LocalAddress("xx.xx.xx.73", 24, "eth0"), *HOST)
    assert beside(server(known(1), of=tcp(open_to(1), open_to(2)), addresses=masked)).without_entry == 1
    seen = through(TRACKED, LOST)
    inside = replace(seen.tables[1], addresses=(*masked, *(seen.tables[1].addresses or ())))
    both = beside(replace(seen, tables=(replace(seen.tables[0], addresses=masked[:1]), inside)))
    assert both.without_entry == 1
