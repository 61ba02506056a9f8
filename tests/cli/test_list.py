"""``halftrack list``: what is printed of which entries, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from halftrack.evidence.values import Gap, Input, Namespace, Owner, Table
from unit.flowrows import ASSURED, evidence, one_sided, row, sockets, table, udp

if TYPE_CHECKING:
    from cli.conftest import Run

WEB = Owner(name="web-1", id="101", runtime="openvz", addresses=("192.0.2.73",))
NODE = evidence(
    table(
        *(one_sided("192.0.2.73", f"198.51.100.{n}", dport=1000 + n, left=363_000 + n) for n in range(1, 41)),
        row("198.51.100.200", "192.0.2.73", 50000, 80, left=431_990, mark=5),
        udp("192.0.2.9", "203.0.113.53", left=3),
        row(status=(*ASSURED, "offload"), left=None),
        limit=262_144,
    ),
    table(row("10.0.0.1", "10.0.0.2", 40001, 22, left=431_900), netns="shop"),
    owners=(WEB,),
    kernel="2.6.32-042stab092.1",
)


def test_count_prints_one_number(run: Run) -> None:
    ran = run("list", "one-sided", "--count", seen=NODE)

    assert (ran.code, ran.out) == (0, "40\n")
    assert ran.err == "halftrack: filter: one-sided\n"


def test_count_as_json(run: Run) -> None:
    ran = run("list", "not", "one-sided", "--count", "--json", seen=NODE)

    assert json.loads(ran.out) == {"schema": "halftrack.count/1", "entries": 4}


def test_what_no_row_tells_is_left_out_and_said(run: Run) -> None:
    ran = run("list", "picked-up", "--count", seen=NODE)

    assert ran.out == "0\n"
    assert "picked-up: what was read does not tell this of 44 entries, which are left out" in ran.err


def test_orphans_of_a_text_are_not_told_rather_than_none(run: Run) -> None:
    text = evidence(table(row()), source="dump")
    ran = run("list", "orphaned", "--count", "--from", "dump.txt", seen=text)

    assert ran.out == "0\n"
    assert "orphaned: what was read does not tell" in ran.err


def test_small_tables_that_were_not_read_are_told(run: Run) -> None:
    small = Table(Namespace("tiny"), count=12, limit=262_144, skipped=True)
    seen = evidence(table(row()), small)

    assert "not read: 1 small table, 12 entries in all; --netns all" in run("list", seen=seen).err
    assert "not read" not in run("list", "--netns", "host", seen=seen).err


def test_what_a_bundle_lacks_is_not_promised_by_an_option(run: Run) -> None:
    small = Table(Namespace("tiny"), count=12, limit=262_144, skipped=True)
    ran = run("list", "--from", "node.tgz", seen=evidence(table(row()), small, source="bundle"))

    assert "not in it: 1 table, 12 entries in all" in ran.err
    assert "--netns" not in ran.err


@pytest.mark.parametrize(
    ("words", "entries"),
    [
        ("", 44),
        ("netns=host", 43),
        ("not netns=host", 1),
        ("netns=shop netns=shop", 1),
        ("owner=web-1", 41),
        ("service=tcp/22", 1),
        ("netns=shop", 1),
        ("stuck", 40),
        ("symptom=one-sided idle>2h", 40),
        ("orphaned", 0),
        ("idle=..1m", 2),
    ],
)
def test_filters_reach_what_was_concluded(run: Run, words: str, entries: int) -> None:
    ran = run("list", "--count", "-q", *words.split(), seen=NODE)

    assert (ran.out, ran.err) == (f"{entries}\n", "")


def test_orphaned_entries_are_those_without_a_socket(run: Run) -> None:
    rows = [row(f"198.51.100.{n}", "192.0.2.73", 50000 + n, 80, left=400_000) for n in range(1, 60)]
    seen = evidence(
        table(*rows, sockets=sockets(("192.0.2.73", 80)), limit=1000, namespace=Namespace("host", inode=1)),
        owners=(Owner(name="web-1", id="1", runtime="podman", addresses=("192.0.2.73",), netns_inode=1),),
    )

    assert run("list", "orphaned", "--count", seen=seen).out == "59\n"


def test_json_lines_are_one_entry_each_and_json_is_one_document(run: Run) -> None:
    lines = run("list", "one-sided", "--jsonl", "--top", "3", seen=NODE).out.splitlines()
    document = json.loads(run("list", "one-sided", "--json", "--top", "3", seen=NODE).out)

    assert [json.loads(line) for line in lines] == document["entries"]
    assert document["schema"] == "halftrack.entries/1"
    assert len(lines) == 3
    assert document["entries"][0]["owner"] == {
        "name": "web-1",
        "id": "101",
        "runtime": "openvz",
        "namespace": None,
        "pod": None,
        "workload": None,
    }


def test_no_entries_are_an_empty_document(run: Run) -> None:
    assert json.loads(run("list", "mark=77", "--json", seen=NODE).out)["entries"] == []
    assert run("list", "mark=77", "--jsonl", seen=NODE).out == ""


def test_sorting_goes_over_all_tables(run: Run) -> None:
    ran = run("list", "--sort", "left", "--jsonl", seen=NODE)
    left = [json.loads(line)["left_s"] for line in ran.out.splitlines()]

    known = [value for value in left if value is not None]
    assert known == sorted(known, reverse=True)
    assert left[-1] is None
    assert known[:2] == [431_990, 431_900]


def test_sorting_the_other_way_and_taking_the_first(run: Run) -> None:
    ran = run("list", "--sort", "-left", "--top", "2", "--jsonl", seen=NODE)

    assert [json.loads(line)["left_s"] for line in ran.out.splitlines()] == [3, 363_001]


def test_top_alone_stops_at_so_many_over_all_tables(run: Run) -> None:
    ran = run("list", "--top", "44", "--jsonl", seen=NODE)

    assert len(ran.out.splitlines()) == 44
    assert len(run("list", "--top", "43", "--jsonl", seen=NODE).out.splitlines()) == 43


def test_csv(run: Run) -> None:
    lines = list(csv.DictReader(io.StringIO(run("list", "--csv", seen=NODE).out)))

    assert len(lines) == 44
    assert lines[0]["orig_src"] == "192.0.2.73"
    assert {line["netns"] for line in lines} == {"host", "shop"}


def test_groups(run: Run) -> None:
    text = run("list", "--by", "owner,netns", seen=NODE).out.splitlines()
    document = json.loads(run("list", "--by", "owner,netns", "--top", "1", "--json", seen=NODE).out)
    lines = list(csv.reader(io.StringIO(run("list", "--by", "owner,netns", "--csv", seen=NODE).out)))

    assert text[0].split() == ["owner", "netns", "entries", "one-sided"]
    assert text[1].split() == ["web-1", "host", "41", "40"]
    assert document["groups"] == [{"key": ["web-1", "host"], "entries": 41, "one_sided": 40}]
    assert document["total"] == 44
    assert lines[1] == ["web-1", "host", "41", "40"]


def test_groups_by_symptom(run: Run) -> None:
    document = json.loads(run("list", "--by", "symptom", "--json", seen=NODE).out)

    assert {"key": ["one-sided"], "entries": 40, "one_sided": 40} in document["groups"]


def test_classic_lines_are_what_grep_knows(run: Run) -> None:
    lines = run("list", "one-sided", "--top", "1", seen=NODE).out.splitlines()

    assert len(lines) == 1
    assert "ESTABLISHED" in lines[0]
    assert "[UNREPLIED]" in lines[0]
    assert "src=192.0.2.73" in lines[0]


def test_classic_lines_of_another_namespace_name_it(run: Run) -> None:
    lines = run("list", "src=10.0.0.1", seen=NODE).out.splitlines()

    assert [line.endswith(" netns=shop") for line in lines] == [True]


@pytest.mark.parametrize("form", [[], ["--jsonl"], ["--csv"], ["--by", "src,label"]])
def test_hostile_entries_do_nothing_to_a_terminal(run: Run, form: list[str]) -> None:
    bad = "a\x1b[2Jb\u202ec\x9b"
    seen = evidence(table(one_sided(bad, helper=bad, labels=bad, secctx=bad)))

    ran = run("list", *form, seen=seen)

    assert ran.code == 0
    assert all(line.isprintable() for line in ran.out.splitlines())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("idle", "write idle=2h.."),
        ("--by foo", "counted by"),
        ("--by src,src", "twice"),
        ("--sort foo", "sorted by"),
        ("--count --top 3", "--count"),
        ("--by src --sort left", "--by"),
        ("--csv --json", "choose one"),
        ("--top 0", "--top"),
        ("src=nowhere", "neither an address nor a network"),
        ("--budget soon", "--budget 10s"),
        ("--assume kernel", "KEY=VALUE"),
        ("--nope", "No such option"),
    ],
)
def test_usage_errors_are_one_line_and_64(run: Run, words: str, error: str) -> None:
    ran = run("list", *words.split(), seen=NODE)

    assert (ran.code, ran.out) == (64, "")
    assert ran.err.count("\n") == 1
    assert error in ran.err


def test_entries_that_may_not_be_read_end_in_77_and_name_the_capability(run: Run) -> None:
    gap = Gap("entries of this node", "no permission", ("CAP_NET_ADMIN",), ("one-sided",), "host")
    seen = evidence(Table(Namespace("host"), count=5), gaps=(gap,))

    ran = run("list", "--count", seen=seen)

    assert (ran.code, ran.out) == (77, "")
    assert "CAP_NET_ADMIN" in ran.err


def test_some_entries_that_may_not_be_read_end_in_76(run: Run) -> None:
    gap = Gap("entries of shop", "no permission", ("CAP_SYS_ADMIN",), ("one-sided",), "shop")
    seen = evidence(table(udp()), Table(Namespace("shop"), count=5), gaps=(gap,))

    ran = run("list", "--count", seen=seen)

    assert (ran.code, ran.out) == (76, "1\n")
    assert "entries of shop" in ran.err


def test_unreadable_lines_are_told(run: Run) -> None:
    seen = evidence(table(udp()), source="dump", input=Input(files=("x",), lines=1000, unreadable=7))

    assert "7 of 1,000 lines could not be read" in run("list", "--count", seen=seen).err


def test_groups_an_object_a_line(run: Run) -> None:
    ran = run("list", "--by", "proto", "--jsonl", seen=NODE)

    assert [json.loads(line) for line in ran.out.splitlines()] == [
        {"key": ["tcp"], "entries": 43, "one_sided": 40},
        {"key": ["udp"], "entries": 1, "one_sided": 0},
    ]
