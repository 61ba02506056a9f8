"""The diagnosis as a whole: the founding case, groups, verdict, what was assumed and what was not seen."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from halftrack.diagnosis import diagnose
from halftrack.diagnosis.document import Diagnosis, Forecast
from halftrack.diagnosis.standing import Standing, Weights, severity
from halftrack.evidence.values import (
    Counters,
    Evidence,
    Gap,
    Input,
    LocalAddress,
    Namespace,
    Owner,
    Table,
)
from unit.flowrows import TAKEN_AT, evidence, one_sided, row, sockets, table, udp

QUIET = 432_000 - 8_000
OLD = "2.6.32-042stab092.1"
WEB = Owner("web-1", "101", "openvz", ("203.0.113.73",))
SHOP = Owner("shop", "114", "openvz", ("203.0.113.80",))


def founding() -> Evidence:
    """The three lines as they were published."""
    here = "xx.xx.xx.73"
    return evidence(
        table(
            one_sided(here, "yy.yy.yy.254", left=363_312, dport=60_440),
            one_sided(here, "46.202.252.61", left=363_090, dport=63_423, reply_src="yy.yy.yy.61"),
            one_sided(here, "yy.yy.yy.6", left=362_908, dport=1_853),
        ),
        node="dump.txt",
        source="dump",
        kernel=None,
        taken_at=None,
        input=Input(files=("dump.txt",), lines=3, masked="visible"),
    )


def node17(web: int = 60, shop: int = 20, rest: int = 20, **fields: Any) -> Evidence:
    """An old node with two containers whose clients have gone."""
    rows = [
        *(one_sided("203.0.113.73", f"198.51.100.{n}", left=400_000 - 60 * n) for n in range(web)),
        *(one_sided("203.0.113.80", "198.51.100.7", sport=443, left=400_000 - n) for n in range(shop)),
        *(row("198.51.100.7", "203.0.113.73", 40_000 + n) for n in range(rest)),
    ]
    given: dict[str, Any] = {"limit": 1_000, "addresses": (LocalAddress("192.0.2.1", 24, "eth0"),)}
    about = {name: fields.pop(name) for name in ("kernel", "gaps", "source", "taken_at") if name in fields}
    return evidence(table(*rows, **(given | fields)), owners=(WEB, SHOP), **({"kernel": OLD} | about))


def readings(drop: int = 0, early_drop: int = 0) -> tuple[Counters, Counters]:
    return (
        Counters(0.0, {"drop": 0, "early_drop": 0, "insert_failed": 0}),
        Counters(10.0, {"drop": drop, "early_drop": early_drop, "insert_failed": 0}),
    )


def test_the_founding_case() -> None:
    diagnosis = diagnose(founding())
    (finding,) = diagnosis.findings
    (group,) = finding.groups

    assert (diagnosis.severity, diagnosis.complete) == ("warning", False)
    assert diagnosis.verdict == "3 entries, all 3 stuck: web traffic seen in one direction."
    assert (finding.id, finding.entries, finding.share) == ("one-sided/xx.xx.xx.73/tcp/80", 3, 1.0)
    assert (group.address, group.service, group.side) == ("xx.xx.xx.73", "tcp/80", "server")
    assert (group.idle_min_s, group.idle_max_s) == (68_688, 69_092)
    assert (group.peers, group.owner, group.rate_per_minute) == (3, None, None)
    assert "4 d 4 h" in finding.explanation
    assert finding.causes[0].cause == "unknown"


def test_what_the_founding_case_rests_on_is_said() -> None:
    diagnosis = diagnose(founding())

    assert diagnosis.input.assumed == {
        "net.netfilter.nf_conntrack_tcp_timeout_established": "432000 (default)"
    }
    assert {need for gap in diagnosis.gaps for need in gap.needs} >= {
        "uname -r",
        "date -u",
        "sysctl net.netfilter",
    }
    assert diagnosis.findings[0].enabled_by[-1].value == "432000"
    assert "assumed" in diagnosis.findings[0].enabled_by[-1].why


def test_nothing_is_assumed_where_it_was_read() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "432000"}

    assert diagnose(node17(settings=settings)).input.assumed == {}


def test_groups_by_owner_address_service_and_side_largest_first() -> None:
    (finding,) = (each for each in diagnose(node17()).findings if each.symptom == "one-sided")
    first, second = finding.groups

    assert finding.id == "one-sided/web-1/tcp/80"
    assert (first.owner and first.owner.name, first.entries, first.peers) == ("web-1", 60, 60)
    assert (second.owner and second.owner.id, second.service, second.entries) == ("114", "tcp/443", 20)
    assert [(peer.address, peer.entries) for peer in second.top_peers] == [("198.51.100.7", 20)]
    assert first.rate_per_minute == pytest.approx(1.0)
    assert finding.share == pytest.approx(0.8)
    assert finding.timeline is not None
    assert sum(finding.timeline.entries) == 80


def stuck(count: int, service: int, oldest_s: int, youngest_s: int = 0) -> list[dict[str, object]]:
    """One-sided entries of one service, last heard evenly between the two."""
    span_s = oldest_s - youngest_s
    return [
        one_sided(
            dst=f"198.{service % 100}.{n >> 8}.{n & 255}",
            sport=service,
            left=432_000 - youngest_s - span_s * n // count,
        )
        for n in range(count)
    ]


def test_a_burst_is_in_no_pace_of_the_screen() -> None:
    """A hundred a minute come since a burst: the group says what the forecast says."""
    burst = stuck(20_000, 80, 8_060, 8_030)
    seen = evidence(table(*burst, *stuck(13_333, 80, 8_000), limit=262_144), kernel=OLD)
    [finding, *_] = diagnose(seen).findings
    assert finding.forecast is not None
    assert finding.forecast.net_per_minute is not None
    (group,) = finding.groups
    assert group.rate_per_minute == pytest.approx(finding.forecast.net_per_minute, rel=0.001)
    assert 95 <= group.rate_per_minute <= 105


def test_a_burst_and_what_came_long_after_it_have_no_mean() -> None:
    burst = stuck(20_000, 80, 11_030, 11_000)
    seen = evidence(table(*burst, *stuck(13_333, 80, 8_000), limit=262_144), kernel=OLD)
    [finding, *_] = diagnose(seen).findings
    assert finding.forecast is not None
    assert finding.forecast.net_per_minute is None
    assert finding.groups[0].rate_per_minute is None


def test_the_paces_of_groups_are_parts_of_one() -> None:
    """One that began of late has the pace since it began; what ended long ago has none."""
    rows = [*stuck(8_000, 80, 48_000), *stuck(4_000, 81, 48_000), *stuck(150, 82, 9_000)]
    [finding, *_] = diagnose(evidence(table(*rows, limit=262_144), kernel=OLD)).findings
    rates = {group.service: group.rate_per_minute for group in finding.groups}
    assert rates["tcp/80"] == pytest.approx(10, rel=0.05)
    assert rates["tcp/81"] == pytest.approx(5, rel=0.05)
    assert rates["tcp/82"] == pytest.approx(1, rel=0.15)


def test_peers_are_the_largest_and_equal_ones_by_address() -> None:
    rows = [one_sided(dst=f"198.51.{n // 200}.{n % 200}", dport=40_000 + n) for n in range(500)]
    rows += [one_sided(dst="203.0.113.9", dport=40_000 + n) for n in range(7)]
    (finding,) = diagnose(evidence(table(*rows), kernel=OLD)).findings
    (group,) = finding.groups

    assert group.peers == 501
    assert (group.top_peers[0].address, group.top_peers[0].entries) == ("203.0.113.9", 7)
    assert len(group.top_peers) == 5


def test_more_groups_than_are_shown_are_counted() -> None:
    rows = [one_sided(f"203.0.113.{n}", f"198.51.100.{m}") for n in range(25) for m in range(2)]
    owners = tuple(Owner(f"c{n:02}", str(n), "podman", (f"203.0.113.{n}",)) for n in range(25))
    (finding,) = diagnose(evidence(table(*rows), owners=owners, kernel=OLD)).findings

    assert (len(finding.groups), finding.more_groups) == (10, 15)
    assert [group.owner.name for group in finding.groups if group.owner] == [f"c{n:02}" for n in range(10)]


def test_groups_keep_null_services_and_ipv6_apart() -> None:
    rows = [
        one_sided("2001:db8::1", "2001:db8::7"),
        one_sided("2001:db8::1", "2001:db8::8"),
        one_sided("192.0.2.1", "198.51.100.7", sport=50_000, dport=50_001),
    ]
    (finding,) = diagnose(evidence(table(*rows), kernel=OLD)).findings

    assert [(group.address, group.service, group.peers) for group in finding.groups] == [
        ("2001:db8::1", "tcp/80", 2),
        ("192.0.2.1", None, 1),
    ]


# The verdict


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


# The document


def test_findings_stand_worst_first_and_have_ids_of_their_own() -> None:
    rows = [*(one_sided(dport=n + 1) for n in range(60)), *(row(sport=n + 1, left=QUIET) for n in range(15))]
    tables = [table(*rows, netns=name, limit=1_000) for name in ("host", "a", "b")]
    findings = diagnose(evidence(*tables, kernel=OLD)).findings
    order = ["critical", "warning", "info"]

    assert [order.index(each.severity) for each in findings] == sorted(
        order.index(each.severity) for each in findings
    )
    assert len({each.id for each in findings}) == len(findings) == 6


def test_the_document_can_be_written_and_read_back() -> None:
    for this in (founding(), node17(limit=100, counters=readings(drop=7)), evidence()):
        diagnosis = diagnose(this)

        assert msgspec.json.decode(msgspec.json.encode(diagnosis), type=Diagnosis) == diagnosis


def test_sentences_end_and_numbers_are_spelled() -> None:
    diagnosis = diagnose(node17(limit=100, counters=readings(drop=7)))

    for finding in diagnosis.findings:
        assert finding.title.endswith(".")
        assert not re.search(r"\d{5}", finding.title)
        assert not re.search(r"\bNone\b|\bnan\b|  ", finding.title + finding.explanation)
    assert diagnosis.verdict.endswith(".")


# Severity

WEIGHTS = Weights(of_limit=0.01, share=0.1, fewest=20, many=1_000)


@pytest.mark.parametrize(
    ("entries", "standing", "level"),
    [
        (3, Standing(3, 3, None), "warning"),
        (3, Standing(3, 3, 262_144), "info"),
        (30, Standing(100, 100, 262_144), "warning"),
        (30, Standing(100_000, 100_000, 262_144), "info"),
        (1_000, Standing(100_000, 100_000, 262_144), "warning"),
        (3_000, Standing(100_000, 100_000, 262_144), "warning"),
        (400, Standing(1_000, 1_000, 1_000), "critical"),
        (200, Standing(1_000, 1_000, 1_000), "warning"),
        (400, Standing(800, 800, 1_000, dropped=5), "critical"),
        (400, Standing(800, 800, 1_000, dropped=0), "warning"),
    ],
)
def test_thresholds_of_severity(entries: int, standing: Standing, level: str) -> None:
    assert severity(entries, standing, WEIGHTS) == level


@pytest.mark.parametrize(("hours", "level"), [(1, "critical"), (48, "warning"), (24 * 30, "info")])
def test_what_fills_the_table_soon_is_serious(hours: int, level: str) -> None:
    standing = Standing(40, 40, 262_144, taken_at=TAKEN_AT)
    ahead = Forecast(full_at=TAKEN_AT + timedelta(hours=hours), basis="")

    assert severity(15, standing, WEIGHTS, ahead) == level


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


def test_a_pace_is_not_told_of_a_few_known_clocks() -> None:
    """More left than the timeout gives: when these were last heard nobody knows."""
    timeless = [one_sided(dst=f"198.51.100.{n}", left=500_000) for n in range(90)]
    known = [one_sided(dst=f"198.51.100.{100 + n}", left=400_000 - 60 * n) for n in range(10)]
    [finding, *_] = diagnose(evidence(table(*timeless, *known), kernel=OLD)).findings
    assert finding.groups[0].rate_per_minute is None
    assert finding.forecast is not None
    assert finding.forecast.basis == "of only 10 of these 100 entries is it known when they were last heard"
