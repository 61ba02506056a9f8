"""Line 1: of which table it speaks, what it says of it, and when it may say OK."""

from __future__ import annotations

import re
from typing import Any

import pytest

from halftrack.diagnosis import diagnose
from halftrack.evidence.values import (
    Evidence,
    Gap,
    Input,
    LocalAddress,
    Namespace,
    Owner,
    Table,
)
from unit.flowrows import evidence, one_sided, row, sockets, table, udp
from unit.nodes import OLD, QUIET, node17, readings


def verdict(this: Evidence) -> tuple[str, str]:
    diagnosis = diagnose(this)
    return diagnosis.severity, diagnosis.verdict


def test_the_verdict_of_a_full_table_says_whose_it_is() -> None:
    assert verdict(node17(limit=100, counters=readings(drop=7, early_drop=46))) == (
        "critical",
        "connection table full, 7 dropped in 10 s; 80 % of it is stuck, mostly web-1's.",
    )


def test_the_verdict_of_a_healthy_node_is_ok_and_complete() -> None:
    this = evidence(table(row(), udp(), limit=262_144, counters=readings(), sockets=sockets()))
    diagnosis = diagnose(this)

    assert (diagnosis.severity, diagnosis.complete) == ("ok", True)
    assert diagnosis.verdict == "2 of 262,144 entries (under 1 %), nothing stuck, nothing dropped."


def test_settings_alone_leave_a_healthy_node_healthy() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "432000"}
    diagnosis = diagnose(evidence(table(row(), limit=262_144, counters=readings(), settings=settings)))

    assert (diagnosis.severity, [each.severity for each in diagnosis.findings]) == ("ok", ["info"])


def test_a_few_stuck_entries_are_not_called_nothing() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "432000"}
    rows = [one_sided(dport=n + 1) for n in range(3)] + [row(sport=n + 1) for n in range(1_000)]
    level, text = verdict(evidence(table(*rows, limit=262_144, settings=settings), kernel=OLD))

    assert level == "ok"
    assert "nothing stuck" not in text
    assert "3 stuck" in text


def test_the_verdict_where_the_entries_were_not_seen() -> None:
    unread = Table(Namespace("host"), count=238_907, limit=262_144)
    almost_empty = Table(Namespace("host"), count=2_000, limit=262_144, counters=readings())

    assert verdict(evidence(unread)) == (
        "warning",
        "238,907 of 262,144 entries (91 %). Whose they are: not seen.",
    )
    assert verdict(evidence(almost_empty)) == (
        "ok",
        "2,000 of 262,144 entries (1 %), nothing dropped; entries not seen.",
    )
    assert diagnose(evidence(almost_empty)).complete is False


def test_a_containers_own_table_is_never_called_the_nodes() -> None:
    inside = table(row(), netns="self", limit=262_144, counters=readings())
    _, text = verdict(evidence(inside, in_container=True))

    assert text.startswith("this is the table of this container, not the node's: 1 of 262,144 entries")


def test_the_verdict_names_the_namespace_that_is_sick() -> None:
    sick = table(*(one_sided(dport=n + 1) for n in range(100)), netns="edge", limit=1_000)
    well = table(row(), limit=1_000)
    _, text = verdict(evidence(well, sick, kernel=OLD))

    assert text.startswith("in edge: 100 of 1,000 entries")


def test_a_table_that_cannot_be_counted_says_why() -> None:
    why = "the kernel does not track connections: nf_conntrack is not loaded"
    this = evidence(Table(Namespace("host")), gaps=(Gap("connection table of this node", why, netns="host"),))

    assert diagnose(this).verdict == f"{why}."
    assert (
        diagnose(evidence(Table(Namespace("host")))).verdict == "number of entries unknown; entries not seen."
    )


def test_where_one_namespace_was_asked_for_the_verdict_is_about_it() -> None:
    host = Table(Namespace("host"), count=7, skipped=True)
    _, text = verdict(evidence(host, table(row(), netns="edge", limit=1_000)))

    assert text == "in edge: 1 of 1,000 entries (under 1 %), nothing stuck."


def test_nothing_at_all_was_read() -> None:
    diagnosis = diagnose(evidence())

    assert (diagnosis.severity, diagnosis.complete) == ("ok", False)
    assert diagnosis.verdict == "no connection table could be read."


@pytest.mark.parametrize(
    ("fields", "complete"),
    [
        ({}, True),
        ({"gaps": (Gap("netns ns7", "it ended while we looked"),)}, True),
        ({"gaps": (Gap("entries", "no permission", ("CAP_NET_ADMIN",), ("one-sided",)),)}, False),
        ({"input": Input(truncated=True)}, False),
        ({"input": Input(unreadable=1)}, False),
        ({"input": Input(visible=0.5)}, False),
    ],
)
def test_ok_is_only_said_where_nothing_that_could_hide_the_disease_was_unread(
    fields: dict[str, Any],
    complete: bool,
) -> None:
    assert diagnose(evidence(table(row(), limit=1_000), **fields)).complete is complete


def test_a_namespace_too_small_to_be_worth_reading_is_no_gap() -> None:
    small = Table(Namespace("ns1"), count=3, limit=1_000, skipped=True)
    unread = Table(Namespace("ns1"), count=3, limit=1_000)

    assert diagnose(evidence(table(row(), limit=1_000), small)).complete is True
    assert diagnose(evidence(table(row(), limit=1_000), unread)).complete is False


def test_a_file_that_does_not_say_the_limit_cannot_be_ok() -> None:
    diagnosis = diagnose(evidence(table(row()), source="dump"))

    assert (diagnosis.severity, diagnosis.complete) == ("ok", False)
    assert "table-pressure" in {what for gap in diagnosis.gaps for what in gap.would_tell}


def test_a_leak_in_steps_is_foretold_with_its_next_wave() -> None:
    """Connections that die with their container every twelve hours, the last time 11.5 hours ago."""
    ends = [
        row(
            "198.51.100.7",
            "10.88.0.14",
            1_024 + number,
            8883,
            left=432_000 - (41_400 + step * 43_200 + number % 5),
        )
        for step in range(6)
        for number in range(300)
    ]
    container = Owner("mqtt-edge", "3f2a", "podman", ("10.88.0.14",), 4_026_532_001)
    inside = Table(Namespace("mqtt-edge", 4_026_532_001, owner=container), sockets=sockets(), skipped=True)
    host = table(*ends, limit=2_000, addresses=(LocalAddress("192.0.2.1", 24, "eth0"),), counters=readings())
    diagnosis = diagnose(evidence(host, inside, owners=(container,)))
    orphaned = diagnosis.findings[0]

    assert (orphaned.symptom, orphaned.severity, orphaned.entries) == ("orphaned", "critical", 1_800)
    assert re.fullmatch(
        r"full at about Mon 23 Nov 03:4[0-4] UTC, with the next wave; all of it is stuck, all mqtt-edge's\.",
        diagnosis.verdict,
    )


def test_half_closed_of_a_client_names_who_holds_them() -> None:
    payments = Owner("checkout/payments-gw", "6d9", "cri-o", ("10.4.1.7",))
    rows = [
        row(
            "10.4.1.7", "10.96.14.7", 1_024 + n, 443, state="CLOSE_WAIT", left=3_000 - n, reply_src="10.4.9.9"
        )
        for n in range(660)
    ]
    rows += [row("198.51.100.7", "10.4.1.7", 1_024 + n, 80) for n in range(340)]
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3600"}
    this = table(*rows, limit=1_235, settings=settings, counters=readings(), addresses=())
    diagnosis = diagnose(evidence(this, owners=(payments,)))
    finding = next(each for each in diagnosis.findings if each.symptom == "half-closed")

    assert diagnosis.verdict == (
        "1,000 of 1,235 entries (81 %), 66 % half closed, all checkout/payments-gw's, nothing dropped."
    )
    assert (finding.severity, finding.groups[0].side, finding.groups[0].service) == (
        "warning",
        "client",
        "tcp/443",
    )
    assert finding.groups[0].top_peers[0].address == "10.96.14.7"


def test_of_several_files_the_verdict_names_the_one_it_speaks_of() -> None:
    small = table(*(one_sided(dst=f"198.51.100.{n}") for n in range(3)), row(), netns="a.txt")
    large = table(*(one_sided(dst=f"198.51.100.{n}") for n in range(15)), row(), netns="b.txt")
    this = evidence(small, large, source="dump", kernel=None, taken_at=None)
    diagnosis = diagnose(this)
    assert diagnosis.focus == "b.txt"
    assert diagnosis.verdict.startswith("in b.txt: 16 entries, 94 % stuck")


def test_the_table_that_was_asked_for_is_in_focus_though_all_is_well() -> None:
    host = Table(Namespace("host"), skipped=True)
    diagnosis = diagnose(evidence(host, table(row(), netns="edge", limit=1_000)))
    assert diagnosis.focus == "edge"
    assert diagnosis.verdict.startswith("in edge: 1 of 1,000 entries")


def test_stuck_is_what_is_proven_and_silent_what_is_not() -> None:
    silent = [row(f"198.51.100.{n}", "192.0.2.1", 40_000 + n, left=QUIET) for n in range(60)]
    stuck = [one_sided(dst=f"198.51.100.{n}") for n in range(30)]
    diagnosis = diagnose(evidence(table(*silent, *stuck), kernel=OLD))
    assert diagnosis.tables[0].stuck == 30
    assert "67 % silent for hours, 33 % stuck" in diagnosis.verdict


def test_entries_that_live_for_minutes_are_not_stuck_and_not_passed_over() -> None:
    rows = [one_sided(dst=f"198.51.100.{n}", left=200) for n in range(20)]
    diagnosis = diagnose(evidence(table(*rows, limit=262_144)))
    assert diagnosis.tables[0].stuck == 0
    assert "20 one-sided for minutes at most, nothing stuck" in diagnosis.verdict
