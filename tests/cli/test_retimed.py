"""What a change of a timeout makes inexact, as the journals tell, and that the doctor says so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cli.conftest import process
from halftrack.changes import records
from halftrack.changes.journal import Journal
from halftrack.changes.retimed import Retimed, history, journals, retimed
from halftrack.changes.spaces import Space
from halftrack.changes.writes.sysctl import SysctlWrite
from halftrack.commands import plan
from halftrack.diagnosis import examine
from halftrack.plans.change import Who
from halftrack.plans.document import Plan, identified
from unit.flowrows import TAKEN_AT, evidence, one_sided, row, sockets, table
from unit.symptomcases import LISTENER, served
from unit.symptomcases import node as without_sockets

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run
    from halftrack.changes.records import Record
    from halftrack.evidence.values import Evidence, Table

NAME = "net.netfilter.nf_conntrack_tcp_timeout_established"
MAX = "net.netfilter.nf_conntrack_max"
BEGUN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALFTRACK_STATE_DIR", str(tmp_path / "state"))


def change(
    *after: Record, before: str = "432000", now: str = "300", name: str = NAME, host: bool = True
) -> int:
    space = Space(name="host" if host else "web-1", path="/proc/1/ns/net", inode=1, host=host)
    write = SysctlWrite(space=space, name=name, before=before, after=now)
    new = Journal.new()
    who = Who(user="root", uid=0)
    plan = identified(Plan(node="pod-03", source="live"))
    begun = records.Begun(at=BEGUN, number=new.number, who=who, plan=plan, boot="b")
    for record in (begun, records.Writing(at=BEGUN, index=0, step=0, action=0, write=write), *after):
        new.append(record)
    return new.number


def wrote(at: datetime = BEGUN) -> records.Wrote:
    return records.Wrote(at=at, index=0)


def restored(at: datetime, *, gone: bool = False) -> records.Restored:
    return records.Restored(at=at, index=0, gone=gone)


def node(value: str, **fields: Any) -> Table:
    return table(one_sided(), settings={NAME: value}, **fields)


def told(value: str, now: datetime = TAKEN_AT, up_s: int | None = None) -> list[Retimed]:
    return retimed(history(journals(), now, up_s), [node(value)], now)


def test_what_was_shortened_is_in_doubt_for_as_long_as_entries_lived_before() -> None:
    number = change(wrote())
    assert told("300") == [Retimed(NAME, 432_000, 300, BEGUN, number)]
    assert told("300", BEGUN + timedelta(days=6)) == []


def test_what_was_put_back_is_in_doubt_for_as_long_as_entries_lived_meanwhile() -> None:
    """Entries of before the change were given today's timeout: they are dated right."""
    back = TAKEN_AT - timedelta(seconds=100)
    number = change(wrote(), restored(back))
    assert told("432000") == [Retimed(NAME, 300, 432_000, back, number)]
    assert told("432000", back + timedelta(seconds=301)) == []


def test_what_does_not_bear_on_these_entries_is_left_out() -> None:
    change(wrote(), name=MAX)
    change(wrote(), host=False)
    change()  # announced, and never done
    change(wrote(BEGUN), before="soon")
    assert told("300") == []
    change(wrote())
    assert told("300", up_s=600) == []  # the table is younger
    assert (
        retimed(history(journals(), TAKEN_AT, None), [replace(node("300"), flows=None)], TAKEN_AT) == []
    )  # nothing of it is dated


def test_what_was_gone_was_not_put_back() -> None:
    change(wrote(BEGUN - HOUR), restored(TAKEN_AT - HOUR / 60, gone=True))
    assert told("432000") == []


def test_a_damaged_journal_says_nothing_and_keeps_no_other_from_it(tmp_path: Path) -> None:
    damaged = Journal(change(wrote()))
    damaged.path.write_bytes(b"{}\n")
    number = change(wrote())
    assert [one.change for one in told("300")] == [number]
    (tmp_path / "state/changes").chmod(0o777)
    assert told("300") == []


def test_the_doctor_says_so(run: Run) -> None:
    change(wrote())
    seen = evidence(node("300"))
    text = " ".join(run("doctor", seen=seen).out.split())
    assert (
        "What may have been last heard before Mon 23 02:00 UTC may have been silent for longer than is shown:"
        " tcp_timeout_established was 432000 s until then (change 1)." in text
    )
    assert "by Sat 28 02:00." in text


def test_a_table_that_looks_well_for_it_is_not_told_in_three_lines(run: Run) -> None:
    change(wrote(), now="7200")
    seen = evidence(table(row(left=400_000), settings={NAME: "7200"}, limit=262_144, buckets=65_536))
    assert "tcp_timeout_established was 432000 s until then" in " ".join(run("doctor", seen=seen).out.split())


CAPS = tuple(f"net.netfilter.nf_conntrack_tcp_timeout_{name}" for name in ("unacknowledged", "max_retrans"))
CAPPED = dict.fromkeys(CAPS, "300")


def leaked(left: int) -> Table:
    rows = (one_sided(dst=f"198.51.100.{n}", left=left + n) for n in range(200))
    return table(*rows, settings=CAPPED, limit=262_144, buckets=65_536)


def causes(run: Run, seen: Table) -> tuple[set[str], str]:
    document = json.loads(run("doctor", "--json", seen=evidence(seen)).out)
    [found] = [each for each in document["findings"] if each["symptom"] == "one-sided"]
    return {each["cause"] for each in found["causes"]}, found["explanation"]


def test_what_a_change_of_ours_left_was_not_injected(run: Run) -> None:
    assert "injected" in causes(run, leaked(400_000))[0]
    for name in CAPS:
        change(wrote(), name=name)
    found, told = causes(run, leaked(400_000))
    assert "injected" not in found
    assert "gives such an entry 5 min, and gave it 5 days at an earlier moment: 200 of 200" in told


def test_what_has_more_left_than_any_change_of_ours_left_was_injected(run: Run) -> None:
    for name in CAPS:
        change(wrote(), name=name, before="100000")
    assert "injected" in causes(run, leaked(400_000))[0]


def test_two_timeouts_that_were_never_raised_together_gave_no_more_than_the_lower(run: Run) -> None:
    """Each was tried for ten minutes and put back, one after the other: both together are the cap."""
    minutes = timedelta(minutes=10)
    for at, name in zip((BEGUN, BEGUN + minutes), CAPS, strict=True):
        change(wrote(at), restored(at + minutes), before="300", now="432000", name=name)
    assert "injected" in causes(run, leaked(400_000))[0]


def test_what_is_collected_says_what_changes_of_ours_replaced(run: Run, tmp_path: Path) -> None:
    for name in CAPS:
        change(wrote(), name=name)
    sent = tmp_path / "node.tgz"
    assert run("collect", "-o", str(sent), seen=evidence(leaked(400_000))).code == 0
    document = json.loads(process("doctor", str(sent), "--json").stdout)
    assert "injected" not in {each["cause"] for one in document["findings"] for each in one["causes"]}


def findings(run: Run, seen: Evidence) -> dict[str, dict[str, Any]]:
    return {each["symptom"]: each for each in json.loads(run("doctor", "--json", seen=seen).out)["findings"]}


def orphans(settings: dict[str, str], **columns: Any) -> Evidence:
    """Connections of a container that has no socket for them any more."""
    rows = [served(f"198.51.100.{n}", 40_000 + n, **columns) for n in range(20)]
    seen = without_sockets(*rows, inside=sockets(LISTENER))
    host, *others = seen.tables
    return replace(seen, tables=(replace(host, settings=settings), *others))


def test_what_was_orphaned_before_a_cap_of_ours_is_so_after_it(run: Run) -> None:
    raised = dict.fromkeys(CAPS, "432000")
    leaked = {"status": ("confirmed",), "left": 400_000}
    before = findings(run, orphans(raised, **leaked))
    assert before["orphaned"]["entries"] == 20
    for name in CAPS:
        change(wrote(), name=name)
    after = findings(run, orphans(CAPPED, **leaked))
    assert after.keys() >= {"orphaned"}
    assert "one-sided" not in after
    assert after["orphaned"]["groups"] == before["orphaned"]["groups"]


def test_what_was_orphaned_before_a_shorter_established_timeout_is_so_after_it(run: Run) -> None:
    assert findings(run, orphans({NAME: "7440"}, left=400_000)).keys() <= {"settings"}
    change(wrote(), now="7440")
    found = findings(run, orphans({NAME: "7440"}, left=400_000))["orphaned"]
    assert found["entries"] == 20
    assert {each["idle_min_s"] for each in found["groups"]} == {32_000}
    assert "2 h 4 min from their next packet on; now they have up to 4 d 15 h left" in found["explanation"]
    assert found["forecast"]["settles_at"] in (0, None)


def test_what_may_have_spoken_since_is_silent_at_least(run: Run) -> None:
    change(wrote(), now="7440")
    seen = evidence(table(row(left=7_000), row(left=400_000), row(left=430_000), settings={NAME: "7440"}))
    listed = json.loads(run("list", "proto=tcp", "--json", seen=seen).out)["entries"]
    assert [(each["idle_s"], each["idle_at_least"]) for each in listed] == [
        (440, True),
        (32_000, False),
        (None, False),
    ]


def test_whatif_knows_it_too(run: Run) -> None:
    """Silent for nine hours by what they were given before, they would be cut by less than that."""
    rows = [row(src=f"198.51.100.{n}", left=400_000) for n in range(7)]
    seen = evidence(table(*rows, settings={NAME: "7440"}))
    asked = ("whatif", "tcp_timeout_established=3600", "--json")
    assert json.loads(run(*asked, seen=seen).out)["live_flows_lost"] is None
    change(wrote(), now="7440")
    found = json.loads(run(*asked, seen=seen).out)
    assert found["live_flows_lost"] == 7
    assert findings(run, seen)["idle-established"]["entries"] == 7
    assert any("tcp_timeout_established was 432000 s until then" in each for each in found["notes"])


LIBERAL = (0x0A, 0x0A)
"""IP_CT_TCP_FLAG_SACK_PERM and BE_LIBERAL, both ways: picked up in mid-stream."""


def test_a_list_knows_it_too(run: Run) -> None:
    rows = (one_sided(dst=f"198.51.100.{n}", left=400_000, flags=LIBERAL) for n in range(9))
    seen = evidence(table(*rows, settings=CAPPED))
    assert run("list", "injected", "--count", seen=seen).out == "9\n"
    for name in CAPS:
        change(wrote(), name=name)
    assert run("list", "injected", "--count", seen=seen).out == "0\n"
    assert run("list", "picked-up", "--count", seen=seen).out == "9\n"


def test_a_plan_knows_it_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CAPS:
        change(wrote(), name=name)
    judged: list[Evidence] = []
    monkeypatch.setattr(plan, "examine", lambda seen: judged.append(seen) or examine(seen))
    run("plan", seen=evidence(leaked(400_000)))
    [seen] = judged
    assert {each.setting for each in seen.tables[0].replaced} == set(CAPS)
