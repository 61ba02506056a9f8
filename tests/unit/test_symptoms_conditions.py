"""Conditions of a table or of the node: pressure, hash, settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from halftrack.diagnosis import diagnose
from halftrack.evidence.kernel_log import KernelLog, Kind, Lines, Stamp
from halftrack.evidence.sysctls import SysctlLine
from halftrack.evidence.values import Counters, Firewall, Namespace, Owner, Table
from unit.flowrows import TAKEN_AT, evidence, one_sided, row, table
from unit.symptomcases import ESTABLISHED, found


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


def logged(ago: timedelta | None, count: int = 3, kind: Kind = "table-full", **whose: Any) -> Lines:
    last = Stamp() if ago is None else Stamp(None, TAKEN_AT - ago)
    first = replace(last, at=last.at - timedelta(hours=1)) if last.at else last
    return Lines(kind, count, first, last, "messages:7", "table full", **whose)


def log(*lines: Lines) -> KernelLog:
    return KernelLog(("messages",), Stamp(None, TAKEN_AT - timedelta(days=9)), lines)


@pytest.mark.parametrize(
    ("this", "ago", "severity"),
    [
        (full(800), timedelta(minutes=2), "critical"),
        (full(100), timedelta(minutes=2), "warning"),
        (full(100), timedelta(hours=5), "warning"),
        (full(100), timedelta(days=5), "info"),
        (full(100), None, "info"),
        (full(100, counters=readings()), timedelta(hours=5), None),
    ],
)
def test_the_log_tells_that_it_was_full(this: Table, ago: timedelta | None, severity: str | None) -> None:
    """Unless its own counters know that nothing was ever dropped: then it was another."""
    finding = found(this, log=log(logged(ago))).get("table-pressure")
    assert (finding.severity if finding else None) == severity
    if finding:
        assert "Logged at least 3 times: table full" in finding.explanation
        assert "messages:7" in finding.explanation


def test_what_the_log_tells_stands_in_the_verdict_where_counters_are_missing() -> None:
    this = evidence(full(1_000), log=log(logged(timedelta(0)), logged(timedelta(0), 40, "suppressed")))
    diagnosis = diagnose(this)
    assert "full, table full in the log" in diagnosis.verdict
    told = diagnosis.tables[0].logged
    assert told is not None
    assert (told.lines, told.suppressed, told.source, told.certain) == (3, 40, "messages:7", True)
    assert (told.first, told.last) == (TAKEN_AT - timedelta(hours=1), TAKEN_AT)
    [finding] = [each for each in diagnosis.findings if each.symptom == "table-pressure"]
    assert "40 more lines were held back" in finding.explanation
    assert "goes back to Sat 14 Nov 03:12 UTC" in finding.explanation


@pytest.mark.parametrize(("count", "told"), [(100, True), (800, False)])
def test_a_helper_that_drops_is_named_where_there_is_room(count: int, told: bool) -> None:
    this = full(count, counters=readings(drop=7))
    dropped = replace(logged(None, 2, "helper-dropped"), text="nf_ct_sip: dropping packet: too long")
    finding = found(this, log=log(dropped))["table-pressure"]
    assert ("at least 2 times: nf_ct_sip: dropping packet" in finding.explanation) == told


@pytest.mark.parametrize(
    ("whose", "blamed"),
    [
        ({"netns_inode": 7}, "web"),
        ({"container": "101"}, "web"),
        ({"container": "0"}, "host"),
        ({"netns_inode": 8}, None),
        ({"container": "102"}, None),
        ({}, "web"),
    ],
)
def test_whose_table_was_full(whose: dict[str, Any], blamed: str | None) -> None:
    """Where the kernel does not say, it is taken to be the fullest, and not called certain."""
    owner = Owner("web", "101", "openvz", netns_inode=7)
    inside = replace(full(600, counters=readings(drop=1)), namespace=Namespace("web", 7, owner=owner))
    tables = diagnose(evidence(full(100), inside, owners=(owner,), log=log(logged(None, **whose)))).tables
    told = {each.netns: each.logged for each in tables if each.logged}
    assert list(told) == ([blamed] if blamed else [])
    assert all(each.certain == bool(whose) for each in told.values())


@pytest.mark.parametrize("counted", [(), readings()])
def test_the_number_of_a_namespace_that_is_gone_is_given_to_another(counted: tuple[Counters, ...]) -> None:
    """So that the number alone proves nothing."""
    inside = replace(full(600, counters=counted), namespace=Namespace("web", 7))
    tables = diagnose(evidence(full(100), inside, log=log(logged(None, netns_inode=7)))).tables
    assert [each.logged for each in tables] == [None, None]


def test_numbers_of_namespaces_that_nobody_knows_are_another_s_than_the_nodes() -> None:
    inside = replace(full(600), namespace=Namespace("web"))
    lines = log(logged(None, netns_inode=8))
    tables = diagnose(evidence(full(900), inside, log=lines)).tables
    told = {each.netns: each.logged for each in tables if each.logged}
    assert list(told) == ["web"]
    assert not told["web"].certain
    assert [each.logged for each in diagnose(evidence(full(900), log=lines)).tables] == [None]


def test_insert_failures_are_called_races() -> None:
    finding = found(full(100, counters=readings(insert_failed=7)))["table-pressure"]

    assert "races" in finding.explanation


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
