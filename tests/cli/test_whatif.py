"""``halftrack whatif`` as it is typed."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from cli.conftest import FOUNDING
from halftrack.evidence.values import Gap
from halftrack.formats import bundle
from halftrack.reporters.schema import whatif as schema
from unit.flowrows import TAKEN_AT, evidence, one_sided, sockets, table
from unit.planned import OLD_KERNEL, SETTINGS, WEB, leak, old_node, silent
from unit.symptomcases import LISTENER, QUIET, node, served

if TYPE_CHECKING:
    from cli.conftest import Run
    from halftrack.evidence.values import Evidence, Sockets

VALIDATOR = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())
HEAD = """\
Linux node17 2.6.32-042stab092.1
net.netfilter.nf_conntrack_max = 65536
net.netfilter.nf_conntrack_tcp_timeout_established = 432000
net.netfilter.nf_conntrack_tcp_loose = 1
"""


def line(number: int, left_s: int, peer: str | None = None) -> str:
    peer = peer or f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    return (
        f"ipv4     2 tcp      6 {left_s} ESTABLISHED src=203.0.113.73 dst={peer} sport=80 dport=50000 packets=1"
        f" bytes=40 [UNREPLIED] src={peer} dst=203.0.113.73 sport=50000 dport=80 packets=0 bytes=0 mark=0 use=2\n"
    )


def dump(path: Path, *, gone_s: int = 0, new: int = 0) -> Path:
    """A leak of one entry in 40 seconds; so many seconds later with so many new ones in that time."""
    lines = [line(n, 432_000 - 40 * n - gone_s) for n in range(2_000)]
    lines += [line(10_000 + n, 432_000 - gone_s * n // max(new, 1)) for n in range(new)]
    path.write_text(HEAD + "".join(lines), encoding="ascii")
    return path


def test_a_dump_is_answered_for(run: Run, tmp_path: Path) -> None:
    ran = run("whatif", "--from", str(dump(tmp_path / "table.txt")), "tcp_timeout_established=7440")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("What if on table.txt: tcp_timeout_established 432000 -> 7440\n")
    assert re.search(r"then: near ~18\d ", ran.out)
    assert "no open connection of this table" in ran.out


def test_the_document_validates_and_keeps_what_is_promised(run: Run) -> None:
    ran = run("whatif", "tcp_loose=0", "--json", "--horizon", "2d", seen=old_node())
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    VALIDATOR.validate(found)
    assert found["schema"] == "halftrack.whatif/1"
    assert found["horizon_s"] == 172_800
    assert found["points"][-1]["at_s"] == 172_800
    assert {"settings", "points", "full_at_s", "live_flows_lost"} <= found.keys()
    assert set(found["points"][0]) == {"at_s", "entries", "low", "high"}


def test_jsonl_is_one_line(run: Run) -> None:
    assert run("whatif", "tcp_loose=0", "--jsonl", seen=old_node()).out.count("\n") == 1


def test_two_dumps_are_two_moments_in_either_order(run: Run, tmp_path: Path) -> None:
    first = dump(tmp_path / "monday.txt")
    second = dump(tmp_path / "later.txt", gone_s=7_200, new=360)
    answers = []
    for one, other in ((first, second), (second, first)):
        ran = run(
            "whatif", "--from", str(one), "--from", str(other), "tcp_timeout_established=7200", "--json"
        )
        assert ran.code == 0, ran.err
        answers.append(json.loads(ran.out))
    assert answers[0] == answers[1] | {"node": answers[0]["node"], "notes": answers[0]["notes"]}
    assert answers[0]["growth"] == "measured"
    assert answers[0]["netns"] == "later.txt"
    assert answers[0]["settles_at"] == pytest.approx(360, rel=0.05)


def test_two_moments_may_be_named(run: Run, tmp_path: Path) -> None:
    first, second = dump(tmp_path / "a.txt"), dump(tmp_path / "b.txt", gone_s=7_200, new=360)
    moments = "taken-at=2026-11-16T09:00:00Z,2026-11-16T11:00:00Z"
    ran = run(
        "whatif", "--from", str(first), "--from", str(second), "--assume", moments, "tcp_loose=0", "--json"
    )
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["taken_at"] == "2026-11-16T11:00:00Z"
    assert "in the 2 h between two moments" in found["basis"]


@pytest.mark.parametrize("moments", ["yesterday,today", "2026-11-16T09:00:00Z,2026-11-16T09:00:00Z"])
def test_moments_that_are_none_are_refused(run: Run, tmp_path: Path, moments: str) -> None:
    path = str(dump(tmp_path / "a.txt"))
    ran = run("whatif", "--from", path, "--assume", f"taken-at={moments}", "tcp_loose=0")
    assert (ran.code, ran.out) == (64, "")
    assert "two moments" in ran.err


def test_two_bundles_say_themselves_when_they_were(run: Run, tmp_path: Path) -> None:
    """Of several tables in each it is the largest, and in the earlier one the same."""
    before = [*leak(40, over_s=86_400), *silent(20, idle_s=100)]
    later = [
        *({**each, "timeout": each["timeout"] - 3_600} for each in before[:40]),
        *(one_sided(WEB, f"198.20.0.{n}", dport=9, left=432_000 - 36 * n) for n in range(100)),
        *silent(20, idle_s=100),
    ]
    paths = []
    for name, rows, hours in (("monday", before, 0), ("later", later, 1)):
        tables = table(*rows, settings=SETTINGS, limit=9_000), table(*silent(3), netns="web")
        seen = evidence(*tables, kernel=OLD_KERNEL, taken_at=TAKEN_AT + timedelta(hours=hours))
        paths.append(tmp_path / name)
        with paths[-1].open("wb") as file:
            bundle.write(seen, "test", file)
    words = [word for path in paths for word in ("--from", str(path))]
    ran = run("whatif", *words, "tcp_timeout_established=7200", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["source"], found["netns"], found["growth"]) == ("bundle", "host", "measured")
    assert "100 new one-sided entries in the 1 h between two moments" in found["basis"]
    assert found["settles_at"] == pytest.approx(200 + 20, rel=0.05)
    alone = run("whatif", *words[2:], "tcp_timeout_established=7200")
    assert alone.code == 0
    assert "there are others: web" in alone.err


def test_three_tables_are_too_many(run: Run, tmp_path: Path) -> None:
    words = [word for name in "abc" for word in ("--from", str(dump(tmp_path / name)))]
    ran = run("whatif", *words, "tcp_loose=0")
    assert ran.code == 64
    assert "two moments of the same one" in ran.err


def test_moments_with_nothing_in_common_ask_when_they_were(run: Run, tmp_path: Path) -> None:
    first = dump(tmp_path / "a.txt")
    second = tmp_path / "b.txt"
    second.write_text(HEAD + "".join(line(n + 30_000, 400_000) for n in range(50)), encoding="ascii")
    ran = run("whatif", "--from", str(first), "--from", str(second), "tcp_loose=0")
    assert ran.code == 64
    assert "--assume taken-at=FIRST,SECOND" in ran.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "what is to be different"),
        ("tcp_timeout_establishd=1", "did you mean"),
        ("tcp_loose=0 --horizon 9y", "write a duration"),
        ("tcp_loose=0 --horizon 0", "write a duration"),
    ],
)
def test_what_is_not_understood_is_one_line_and_64(run: Run, words: str, told: str) -> None:
    ran = run("whatif", *shlex.split(words), seen=old_node())
    assert (ran.code, ran.out) == (64, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_the_largest_table_is_taken_and_the_others_are_named(run: Run) -> None:
    seen = evidence(table(*silent(3)), table(*leak(30), netns="web"))
    ran = run("whatif", "tcp_loose=0", seen=seen)
    assert ran.code == 0
    assert "30 entries in web now" in ran.out
    assert "there are others: host" in ran.err


def test_entries_that_were_not_seen_are_said(run: Run) -> None:
    gap = Gap("the entries of web", "not permitted", ("CAP_SYS_ADMIN",), ("one-sided",))
    ran = run("whatif", "tcp_loose=0", seen=old_node(gaps=(gap,)))
    assert ran.code == 76
    assert "the entries of web" in ran.err


def test_the_three_lines_of_the_founding_case(run: Run) -> None:
    ran = run("whatif", "--from", str(FOUNDING), "tcp_loose=0", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["points"][-1]["entries"] == 0
    assert found["today"]["points"][-1]["entries"] is None


def served_through_the_node(ends: Sockets | None, left: int = QUIET) -> Evidence:
    rows = [served(f"198.51.100.{n}", 40_000 + n, left=left) for n in range(5)]
    return node(*rows, inside=ends)


def test_what_is_dead_by_the_sockets_of_its_container_is_cut_off_from_nothing(run: Run) -> None:
    """As the doctor, who calls it orphaned: another namespace tells of this table's entries."""
    alive = [("10.88.0.14", 1883, f"198.51.100.{n}", 40_000 + n) for n in range(2)]
    for seen, dead in (
        (served_through_the_node(None), 0),
        (served_through_the_node(sockets(LISTENER)), 5),
        (served_through_the_node(sockets(LISTENER, *alive)), 3),
    ):
        document = json.loads(run("doctor", "--json", seen=seen).out)
        orphaned = [each["entries"] for each in document["findings"] if each["symptom"] == "orphaned"]
        assert orphaned == ([dead] if dead else [])
        ran = run("whatif", "tcp_timeout_established=7440", "--json", seen=seen)
        assert json.loads(ran.out)["live_flows_lost"] == 5 - dead
