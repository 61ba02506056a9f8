"""A diagnosis as metrics: names, sums, and never more series than agreed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from halftrack.diagnosis.document import Finding, Forecast, Gap, Group, OwnerName
from halftrack.reporters import prometheus
from halftrack.reporters.prometheus import Sums, added, names
from unit.documents import NOW, diagnosis, table
from unit.promtool import lint, values
from unit.screens import SCREENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.diagnosis.document import Diagnosis

LOOSE = {"net.netfilter.nf_conntrack_tcp_loose": "1", "net.netfilter.nf_conntrack_max": "262144"}
KINDS = {
    "tcp": {"answered": 5, "one_sided": 4, "half_open": 3, "closing": 2, "other": 1},
    "udp": {"answered": 7, "other": 6},
    "icmp": {"answered": 9, "other": 8},
    "gre": {"other": 1},
}


def text(found: Diagnosis, settings: Mapping[str, str] = LOOSE, **more: Any) -> str:
    """As it would be scraped."""
    samples = [*prometheus.of(found, settings, **more), *prometheus.aged(2.5)]
    return prometheus.exposition(samples).decode()


def owner(name: str, **more: Any) -> OwnerName:
    return OwnerName(name=name, id=name, runtime="podman", **more)


def finding(symptom: str, groups: list[Group], entries: int | None = None) -> Finding:
    whole = sum(group.entries for group in groups) if entries is None else entries
    return Finding(
        id=symptom, symptom=symptom, severity="warning", title="", entries=whole, groups=tuple(groups)
    )


def group(entries: int, name: str | None, service: str | None = "tcp/80", netns: str = "host") -> Group:
    return Group(
        netns=netns,
        owner=owner(name) if name else None,
        address="203.0.113.7",
        service=service,
        entries=entries,
    )


def crowded(pods: int, owners: int, salt: int = 0) -> Diagnosis:
    """Everything at once: every kind of entry in each namespace, findings of each symptom for each owner."""
    ahead = Forecast(full_at=NOW + timedelta(hours=1), basis="")
    tables = [
        table(
            netns=f"app{number}-{salt:x}f1c2d{number:x}",
            entries=3000 + number,
            reclaimable=5,
            by_kind=KINDS,
            forecast=ahead,
        )
        for number in range(pods)
    ]
    tables += [
        table(netns=f"app{number}-9f1c2d{number:x}", entries=1 + number, by_kind={}, read=False)
        for number in range(pods)
    ]
    symptoms = (
        "one-sided",
        "orphaned",
        "idle-established",
        "half-open",
        "half-closed",
        "unreplied-udp",
        "stale-nat",
    )
    findings = [
        finding(symptom, [group(10 + number, f"app{number}", f"tcp/{1000 + number + salt}")])
        for symptom in symptoms
        for number in range(owners)
    ]
    gaps = tuple(Gap(what=f"kind {number} of {salt}", why="") for number in range(30))
    return diagnosis(
        tables=(
            table(by_kind=KINDS, reclaimable=4, insert_failed_total=0, dropped_early_total=0, forecast=ahead),
            *tables,
        ),
        findings=tuple(findings),
        gaps=gaps,
    )


def inodes(case: Diagnosis) -> dict[str, int]:
    """A namespace each, as the kernel tells them apart."""
    return {one.netns: 4_026_532_000 + number for number, one in enumerate(case.tables)}


ALL_SETTINGS = {f"net.netfilter.{name}": "1" for name in prometheus.series.SETTINGS}


def test_never_more_series_than_agreed_whatever_runs_there() -> None:
    sums = Sums()
    for salt in range(3):
        case = crowded(200, 60, salt)
        sums = added(sums, case.tables, inodes(case))
        found = values(text(case, ALL_SETTINGS, sums=sums))
        assert len(found) == names.MOST_SERIES, "everything is there"


def test_what_is_left_out_is_added_up_as_other() -> None:
    case = crowded(200, 60)
    found = values(text(case))
    entries = sum(value for series, value in found.items() if series.startswith("halftrack_entries{"))
    read = 201 * sum(sum(kinds.values()) for kinds in KINDS.values())
    assert entries == read + sum(range(1, 201))
    for symptom in ("one-sided", "stale-nat"):
        stuck = sum(value for series, value in found.items() if f'symptom="{symptom}"' in series)
        assert stuck == sum(range(10, 70))


def test_at_most_ten_owners_and_other() -> None:
    """And all ten, where each has entries of every symptom: one owner's do not crowd out the rest."""
    found = re.findall(r'halftrack_stuck_entries\{.*owner="([^"]*)"', text(crowded(5, 60)))
    assert set(found) == {"other", *(f"app{number}" for number in range(50, 60))}


def test_replicas_of_a_workload_are_one_series() -> None:
    pods = [
        Group(
            netns="host",
            owner=owner(f"shop/web-{number}", namespace="shop", pod=f"web-{number}", workload="web"),
            service="tcp/80",
            entries=5,
        )
        for number in range(4)
    ]
    found = values(
        text(diagnosis(findings=(finding("one-sided", [*pods, group(7, "lone-3"), group(8, "lone-4")]),)))
    )
    stuck = {series: value for series, value in found.items() if "stuck" in series}
    assert stuck == {
        'halftrack_stuck_entries{symptom="one-sided",owner="shop/web",service="tcp/80"}': 20,
        'halftrack_stuck_entries{symptom="one-sided",owner="lone",service="tcp/80"}': 15,
    }


def test_what_the_document_does_not_list_is_in_the_sum() -> None:
    found = values(text(diagnosis(findings=(finding("orphaned", [group(7, "web")], entries=10),))))
    assert found['halftrack_stuck_entries{symptom="orphaned",owner="other",service="other"}'] == 3


def test_no_address_is_ever_a_label() -> None:
    case = crowded(3, 3)
    nobody = finding("one-sided", [group(9, None, None)])
    found = text(diagnosis(tables=case.tables, findings=(nobody,)))
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", found)
    assert 'owner="unknown",service="other"' in found


def test_a_condition_of_the_table_is_no_entry() -> None:
    full = Finding(
        id="table-pressure/host", symptom="table-pressure", severity="critical", title="", entries=262_144
    )
    assert "stuck" not in text(diagnosis(findings=(full,)))


def test_the_node_has_every_kind_even_where_there_is_none() -> None:
    found = values(text(diagnosis(tables=(table(by_kind={"tcp": {"answered": 3}}),))))
    assert found['halftrack_entries{netns="host",protocol="tcp",kind="answered"}'] == 3
    assert found['halftrack_entries{netns="host",protocol="tcp",kind="one_sided"}'] == 0


def test_a_table_that_was_only_counted_is_said_to_be_so() -> None:
    found = values(text(diagnosis(tables=(table(), table(netns="small", read=False, entries=12)))))
    assert found['halftrack_entries{netns="small",protocol="unread",kind="other"}'] == 12


def test_a_namespace_alone_is_asked_for() -> None:
    beside = table(read=False, limit=None)
    found = text(diagnosis(tables=(beside, table(netns="web-7"))), only_read=True)
    assert 'netns="host"' not in found
    assert 'halftrack_dropped_total{netns="web"}' in found


def test_nobody_passes_for_the_node_by_a_name() -> None:
    found = text(diagnosis(tables=(table(), table(netns="host-4026531840", by_kind=KINDS))))
    assert 'halftrack_entries{netns="host-",protocol="tcp",kind="answered"} 5' in found


@pytest.mark.parametrize(("hours", "told"), [(2, 7200), (0, 0), (-1, 0), (None, None)])
def test_when_the_table_is_full(hours: int | None, told: int | None) -> None:
    at = None if hours is None else NOW + timedelta(hours=hours)
    found = values(text(diagnosis(tables=(table(forecast=Forecast(full_at=at, basis="")),))))
    assert found.get('halftrack_full_in_seconds{netns="host"}') == told


def test_an_unlimited_table_has_no_limit() -> None:
    assert "limit{" not in text(diagnosis(tables=(table(limit=0, unlimited=True),)))


def test_gaps_by_kind_without_whom_they_are_of() -> None:
    gaps = (
        Gap(what="entries of web-7d9f8b6c5b-x2k4q", why=""),
        Gap(what="the rest of the entries of web-2", why=""),
        Gap(what="owners that docker knows", why=""),
        Gap(what="namespace job-3", why="it ended during the examination"),
    )
    found = values(text(diagnosis(gaps=gaps)))
    assert {series: value for series, value in found.items() if "gap" in series} == {
        'halftrack_gap{what="entries"}': 2,
        'halftrack_gap{what="owners that docker knows"}': 1,
    }


def test_a_failed_scan_leaves_no_numbers() -> None:
    found = values(prometheus.exposition(prometheus.failed("scan not permitted")).decode())
    assert set(found) == {
        "halftrack_up",
        "halftrack_scan_complete",
        'halftrack_gap{what="scan not permitted"}',
        next(series for series in found if "build_info" in series),
    }
    assert found["halftrack_up"] == found["halftrack_scan_complete"] == 0


def test_settings_are_those_of_the_node() -> None:
    found = text(diagnosis())
    assert 'halftrack_setting{name="nf_conntrack_tcp_loose"} 1' in found
    assert "nf_conntrack_max" not in found


@given(some.text(), some.text())
def test_hostile_names_stay_inside_their_label(name: str, service: str) -> None:
    found = text(diagnosis(findings=(finding("one-sided", [group(7, name or "x", service or "y")]),)))
    lines = [line for line in found.split("\n") if "stuck_entries{" in line]
    assert len(lines) == 1
    assert re.fullmatch(
        r'halftrack_stuck_entries\{symptom="one-sided",owner="([^"\\]|\\.)*",service="([^"\\]|\\.)*"\} 7',
        lines[0],
    )
    assert all(sign.isprintable() for sign in lines[0])


@pytest.mark.parametrize("name", SCREENS)
def test_promtool_finds_nothing_amiss(name: str) -> None:
    lint(text(SCREENS[name]))


def test_promtool_takes_the_largest_one() -> None:
    hostile = finding("one-sided", [group(7, 'a"\\\n{}\u202e\ud800', "tcp/80")])
    case = crowded(200, 60)
    lint(
        text(diagnosis(tables=case.tables, findings=(hostile, *case.findings), gaps=case.gaps), ALL_SETTINGS)
    )
    lint(prometheus.exposition([*prometheus.failed("scan failed"), *prometheus.aged(1)]).decode())


def test_sockets_that_are_forgotten_are_no_entries() -> None:
    found = diagnosis(
        findings=(finding("forgotten", [group(7, "web")]), finding("orphaned", [group(2, "db")]))
    )
    stuck = {series for series in values(text(found)) if "stuck" in series}
    assert stuck == {'halftrack_stuck_entries{symptom="orphaned",owner="db",service="tcp/80"}'}


def test_counters_are_those_of_one_namespace_each_where_no_scan_is_remembered() -> None:
    tables = (
        table(dropped_total=1),
        table(netns="web-1", dropped_total=20),
        table(netns="web-2", dropped_total=30),
        table(netns="db", dropped_total=4),
    )
    found = values(text(diagnosis(tables=tables)))
    assert {series: value for series, value in found.items() if "dropped_total" in series} == {
        'halftrack_dropped_total{netns="host"}': 1,
        'halftrack_dropped_total{netns="db"}': 4,
    }


def pods(*dropped: int, limits: tuple[int, ...] = (), entries: tuple[int, ...] = ()) -> Diagnosis:
    """The node, and replicas of one workload that have dropped so much."""
    made = [
        table(
            netns=f"web-{number}",
            dropped_total=each,
            limit=limits[number] if limits else 100,
            entries=entries[number] if entries else 10,
        )
        for number, each in enumerate(dropped)
    ]
    return diagnosis(tables=(table(dropped_total=1_000), *made))


def dropped(case: Diagnosis, sums: Sums) -> dict[str, float]:
    """By the name of the namespace."""
    found = re.findall(r'halftrack_dropped_total\{netns="([^"]*)"\} (.*)', text(case, sums=sums))
    return {netns: float(value) for netns, value in found}


def test_what_replicas_drop_is_added_up_and_never_falls() -> None:
    """A replica ends, another comes and is given the number of the one that ended, and both drop."""
    sums = added(Sums(), pods(20, 30).tables, {"web-0": 1, "web-1": 2})
    assert dropped(pods(20, 30), sums) == {"host": 1_000, "web": 50}  # what they had counted by then
    for case, spaces, told in (
        (pods(25, 30), {"web-0": 1, "web-1": 2}, 55),
        (pods(26), {"web-0": 1}, 56),
        (pods(26, 7), {"web-0": 1, "web-1": 3}, 56),  # nobody knows when it dropped these
        (pods(2, 9), {"web-0": 1, "web-1": 3}, 58),
        (pods(2, 9), {"web-1": 1, "web-0": 3}, 65),  # as if the names had changed places
    ):
        sums = added(sums, case.tables, spaces)
        assert dropped(case, sums)["web"] == told
    assert dropped(case, sums)["host"] == 1_000


def test_what_the_many_drop_is_in_other_and_stays_where_it_was_counted() -> None:
    def case(*each: int, first: int) -> Diagnosis:
        """Five workloads, of which those with the most entries have series of their own."""
        full = [90 if number == first else 10 + number for number in range(len(each))]
        made = (
            table(netns=f"app{'abcdef'[number]}", dropped_total=count, limit=100, entries=full[number])
            for number, count in enumerate(each)
        )
        return diagnosis(tables=(table(), *made))

    def told(sums: Sums, shown: Diagnosis) -> dict[str, float]:
        return {name: count for name, count in dropped(shown, sums).items() if name != "host"}

    shown = case(1, 2, 3, 4, 5, first=4)
    sums = added(Sums(), shown.tables, inodes(shown))
    assert told(sums, shown) == {"appe": 5, "appd": 4, "appc": 3, "other": 3}
    shown = case(11, 2, 3, 4, 5, first=4)
    sums = added(sums, shown.tables, inodes(shown))
    assert told(sums, shown) == {"appe": 5, "appd": 4, "appc": 3, "other": 13}
    shown = case(12, 2, 3, 4, 5, first=0)  # now it has a series, where the kernel's own count is
    sums = added(sums, shown.tables, inodes(shown))
    assert told(sums, shown) == {"appa": 12, "appe": 5, "appd": 4, "other": 13}
    shown = case(12, 2, 4, 4, 5, first=2)
    sums = added(sums, shown.tables, inodes(shown))
    assert told(sums, shown) == {"appc": 4, "appe": 5, "appd": 4, "other": 13}


@given(
    some.lists(
        some.lists(
            some.tuples(some.integers(1, 6), some.integers(0, 50)), max_size=6, unique_by=lambda one: one[0]
        ),
        max_size=8,
    )
)
def test_no_sum_ever_falls_whatever_comes_and_goes(scans: list[list[tuple[int, int]]]) -> None:
    """Each scan: namespaces by number, and what the kernel has counted there."""
    sums, before = Sums(), dict[str, float]()
    for scan in scans:
        tables = [table(netns=f"app{inode % 3}-{inode}", dropped_total=count) for inode, count in scan]
        sums = added(sums, tables, {f"app{inode % 3}-{inode}": inode for inode, _ in scan})
        now = {label: count for label, counts in sums.labels.items() for count in counts.values()}
        assert all(now[label] >= count for label, count in before.items())
        before = now


def test_names_are_not_remembered_for_ever() -> None:
    sums = Sums()
    for number in range(300):
        sums = added(sums, [table(netns=f"job{number}x")], {f"job{number}x": number})
    assert len(sums.labels) <= 100
    assert len(sums.spaces) == 1
    assert "job299x" in sums.labels


def test_how_full_the_fullest_of_several_is() -> None:
    found = values(text(pods(0, 0, limits=(100, 1_000), entries=(99, 10))))
    assert {series: value for series, value in found.items() if "fullest" in series} == {
        'halftrack_fullest_ratio{netns="web"}': 0.99
    }
    many = crowded(9, 1)
    full = table(netns="zz", limit=1, entries=1, forecast=Forecast(full_at=NOW, basis=""))
    assert 'fullest_ratio{netns="other"}' in text(many)
    alone = diagnosis(tables=(table(), full))
    assert "fullest" not in text(alone)


def test_when_the_first_of_all_others_is_full() -> None:
    ahead = Forecast(full_at=NOW + timedelta(hours=2), basis="")
    tables = [table(netns=f"{name}{name}", entries=100 * number) for number, name in enumerate("abcdefg", 1)]
    tables[0] = table(netns="aa", entries=1, forecast=ahead)
    found = values(text(diagnosis(tables=(table(), *tables))))
    assert found['halftrack_full_in_seconds{netns="other"}'] == 7_200
