"""Counters and fullness of several namespaces as one series: sums over scans that never fall."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as some

from halftrack.diagnosis.document import Forecast
from halftrack.reporters.prometheus import Sums, added
from unit.documents import NOW, diagnosis, table
from unit.promtool import values
from unit.scraped import crowded, inodes, text

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis


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
