"""The diagnosis as a whole: the founding case, what was assumed, and the order of what was found."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from halftrack.diagnosis import diagnose
from halftrack.diagnosis.document import Diagnosis
from unit.flowrows import evidence, one_sided, row, table
from unit.nodes import OLD, QUIET, founding, node17, readings


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


def test_a_report_that_tells_no_time_is_not_the_whole_picture() -> None:
    told = evidence(table(row(), limit=262_144), source="sos")
    untold = diagnose(replace(told, taken_at=None))
    assert "time" not in {gap.what for gap in diagnose(told).gaps}
    assert ([gap.needs for gap in untold.gaps if gap.what == "time"], untold.complete) == (
        [("date -u",)],
        False,
    )


def test_nothing_is_assumed_where_it_was_read() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "432000"}

    assert diagnose(node17(settings=settings)).input.assumed == {}


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
