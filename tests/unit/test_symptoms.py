"""Entries that are half open or half closed, unanswered or translated to nobody; what comes first."""

from __future__ import annotations

from typing import Any

import pytest

from halftrack.diagnosis import cases, diagnose
from halftrack.diagnosis.symptoms import CONDITIONS, ENTRY_SYMPTOMS
from halftrack.evidence.values import (
    Gap,
    LocalAddress,
    Namespace,
    Owner,
)
from unit.flowrows import ASSURED, ONE_SIDED, evidence, one_sided, row, sockets, table, udp
from unit.symptomcases import DAYS, QUIET, entries, found, node, served


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
        "forgotten",
        "settings",
    }


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


def translated(target: str, **columns: Any) -> dict[str, Any]:
    return udp("198.51.100.7", "192.0.2.1", reply_src=target, **columns)


def test_stale_nat_goes_to_a_container_that_is_gone() -> None:
    this = node(translated("10.88.0.99"), translated("10.88.0.14"), inside=sockets())

    assert entries(this) == {"stale-nat": 1}
    finding = next(each for each in diagnose(this).findings if each.symptom == "stale-nat")
    assert finding.severity == "warning"
    assert "Nobody has 10.88.0.99 any more" in finding.explanation


def test_the_address_that_most_stale_entries_lead_to_is_named() -> None:
    lost = [translated("10.88.0.98", sport=n) for n in range(3)]
    this = node(translated("10.88.0.99"), *lost, inside=sockets())
    finding = next(each for each in diagnose(this).findings if each.symptom == "stale-nat")
    assert "Nobody has 10.88.0.98 and 1 more any more" in finding.explanation


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
