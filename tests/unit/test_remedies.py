"""Remedies for a whole diagnosis."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest

from halftrack.diagnosis import diagnose
from halftrack.diagnosis.case import Case
from halftrack.diagnosis.document import Diagnosis, Input, TableSummary
from halftrack.evidence.tracking import Tracking
from halftrack.evidence.values import (
    LocalAddress,
    Namespace,
    Table,
)
from halftrack.remedies import (
    KINDS,
    advise,
    drain,
)
from halftrack.reporters import html, terminal, ticket
from unit.flowrows import evidence, one_sided, row, sockets, table, udp
from unit.situations import OLD_KERNEL, RAISED, WEB, situation, ssh, stuck


def test_advise_fills_every_finding_in_order_of_kind() -> None:
    ev = evidence(table(*stuck(), *ssh(3), limit=25, buckets=8, count=23), kernel=OLD_KERNEL)
    here = situation(ev)
    assert here.view is not None
    assert here.rows is not None
    diagnosis = Diagnosis(
        node="n",
        source="live",
        severity="critical",
        complete=True,
        verdict="",
        input=Input(),
        tables=(TableSummary(netns="host", entries=23, limit=25),),
        findings=(here.finding, msgspec.structs.replace(here.finding, symptom="settings", groups=())),
    )
    case = Case("one-sided", here.view, here.rows, None, "unknown")
    first, second = advise(diagnosis, ev, [case]).findings
    assert [each.remedy for each in first.remedies] == [
        "raise-limit",
        "shorten-established",
        "strict-pickup",
        "notrack",
        "drain",
    ]
    assert sorted(first.remedies, key=lambda each: KINDS.index(each.kind)) == list(first.remedies)
    assert [each.remedy for each in second.remedies] == ["shorten-established"]


def test_unread_entries_leave_the_advice_that_needs_none() -> None:
    ev = evidence(Table(Namespace("host"), count=240, limit=262, buckets=262), kernel=OLD_KERNEL)
    diagnosis = Diagnosis(
        node="n",
        source="live",
        severity="warning",
        complete=False,
        verdict="",
        input=Input(),
        tables=(TableSummary(netns="host", entries=240, limit=262, buckets=262),),
        findings=(
            msgspec.structs.replace(
                situation(evidence(table(*stuck(1)))).finding, symptom="table-pressure", groups=()
            ),
        ),
    )
    [finding] = advise(diagnosis, ev, []).findings
    assert [each.remedy for each in finding.remedies] == ["raise-limit"]


def test_what_is_not_removed_after_all_is_said() -> None:
    found = drain.advise(situation(evidence(table(*stuck()), kernel=OLD_KERNEL)))
    assert found is not None
    assert found.title.startswith("would remove 20 of 20 stuck entries")
    assert "|| \\\n  echo 'not removed: " in found.commands[-1]


@pytest.mark.parametrize(("settings", "counted"), [(RAISED, 40), ({}, 36)])
def test_what_is_removed_and_what_is_counted_as_stuck_agree(settings: dict[str, str], counted: int) -> None:
    """Two findings of one table share what is stuck; what stays for minutes is removed with the others."""
    rows = [row(f"198.51.100.{n}", "192.0.2.1", 40_000 + n, 443, left=412_000 - n % 9) for n in range(24)]
    rows += stuck(12) + [one_sided(WEB, f"198.51.100.{n}", dport=60_000, left=100) for n in range(4)]
    here = (LocalAddress("192.0.2.1", 24, "eth0"),)
    ev = evidence(table(*rows, addresses=here, sockets=sockets(("192.0.2.1", 443)), settings=settings))
    found = advise(diagnose(ev), ev)
    screen, reply = " ".join(terminal.render(found).split()), " ".join(ticket.render(found).split())
    assert [each.stuck for each in found.tables] == [counted]
    assert "would remove 24 of 24 orphaned entries: their sockets are gone" in screen
    assert "Besides these: 16 one-sided (finding 2)." in screen
    assert "Besides these: 16 one-sided." in reply
    assert "Besides these: 16 one-sided (finding 2)." in html.render(found)


def test_unanswered_questions_to_a_gone_backend_are_removed() -> None:
    rows = [udp("192.0.2.9", "10.96.0.10", sport=40_000 + i) for i in range(5)]
    found = drain.advise(situation(evidence(table(*rows)), "unreplied-udp", pl.lit(value=True)))
    assert found is not None
    assert found.effect.entries_freed == 5


@pytest.mark.parametrize(
    ("tracking", "kinds"),
    [(Tracking(), {"clear"}), (Tracking("a rule of table filter, chain input"), {"cure", "clear"})],
)
def test_a_frozen_table_has_nothing_to_be_cured_of(tracking: Tracking, kinds: set[str]) -> None:
    rows = [row(f"198.51.100.{n}", "192.0.2.1", 40_000 + n, 443, left=412_000 - n % 9) for n in range(60)]
    here = LocalAddress("192.0.2.1", 24, "eth0")
    ev = evidence(table(*rows, addresses=(here,), sockets=sockets(("192.0.2.1", 443)), tracking=tracking))
    (found,) = [each for each in advise(diagnose(ev), ev).findings if each.symptom == "orphaned"]
    assert (found.causes[0].cause == "hooks-off") is (kinds == {"clear"})
    assert {each.kind for each in found.remedies} == kinds
