"""A diagnosis as metrics: names, labels, and never more series than agreed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from halftrack.diagnosis.document import Finding, Forecast, Gap, Group
from halftrack.reporters import prometheus
from halftrack.reporters.prometheus import Sums, added, names
from unit.documents import NOW, diagnosis, table
from unit.promtool import lint, values
from unit.scraped import KINDS, crowded, finding, group, inodes, owner, text
from unit.screens import SCREENS

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


@pytest.mark.parametrize(
    ("one", "another"), [("a\tb", "a\nb"), ("x" * 130 + "p", "x" * 130 + "q"), ("a\udcffb", "a\udcfeb")]
)
def test_names_that_look_the_same_are_one_series(one: str, another: str) -> None:
    """Twice there, a series has node_exporter refuse all that it would tell of the node."""
    both = (one, another)
    groups = [group(4, each) for each in both]
    gaps = tuple(Gap(what=f"{each} rules", why="it is so") for each in both)
    tables = (table(), *(table(netns=each, entries=3, limit=10) for each in both))
    told = text(diagnosis(tables=tables, findings=(finding("one-sided", groups),), gaps=gaps))
    series = [line.rpartition(" ")[0] for line in told.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))
    lint(told)
    found = values(told)
    assert [value for name, value in found.items() if name.startswith("halftrack_stuck_entries")] == [8]
    assert [value for name, value in found.items() if name.startswith("halftrack_gap")] == [2]


def test_nobody_is_called_what_stands_for_the_rest() -> None:
    found = values(text(diagnosis(findings=(finding("one-sided", [group(3, "other", None)], 5),))))
    told = {name: value for name, value in found.items() if name.startswith("halftrack_stuck_entries")}
    assert sorted(told.values()) == [2, 3]
