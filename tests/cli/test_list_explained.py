"""``halftrack list --explain``: one of the entries that a filter takes, as a page and as a document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from halftrack.evidence.values import Owner
from halftrack.reporters import schema
from unit.flowrows import evidence, one_sided, row, table

if TYPE_CHECKING:
    from cli.conftest import Run

SEEN = evidence(
    table(
        *(one_sided("192.0.2.73", f"198.51.100.{n}", dport=1000 + n, left=363_000 + n) for n in (1, 2, 3)),
        row("198.51.100.200", "192.0.2.73", 50000, 80, left=431_990),
    ),
    table(row("2001:db8::1", "2001:db8::2", 40001, 22, left=90, state="FIN_WAIT"), netns="shop"),
    owners=(Owner(name="web-1", id="101", runtime="openvz", addresses=("192.0.2.73",)),),
    kernel="2.6.32-042stab092.1",
)
VALIDATOR = jsonschema.Draft202012Validator(schema.entry())


def test_the_first_in_the_order_that_was_asked_for_is_explained(run: Run) -> None:
    ran = run("list", "one-sided", "--explain", "--sort", "left", seen=SEEN)

    assert ran.code == 0
    assert "3 entries match; explained is the first, as sorted" in ran.err
    assert ran.out.splitlines()[0] == "tcp ESTABLISHED, never answered: 192.0.2.73:80 -> 198.51.100.3:1003"
    assert "192.0.2.73:80 -> 198.51.100.1:1001" in run("list", "one-sided", "--explain", seen=SEEN).out


def test_the_page_tells_how_it_came_what_comes_and_when_it_goes(run: Run) -> None:
    ran = run("list", "one-sided", "dport=1003", "--explain", "-q", seen=SEEN)
    shown = " ".join(ran.out.split())

    assert ran.err == ""
    assert "  web-1 (openvz), service tcp/80" in ran.out
    assert "Since silent for 19 h 9 min" in shown
    assert "Came picked up in mid-stream" in shown
    assert "e.g. ACK of 192.0.2.73:80" in shown
    assert "no handshake was seen: no ordinary packets lead" in shown
    assert "Goes in 363,003 s (4 d 4 h), at 2026-11-27 08:02:03 UTC, unless a packet comes first" in shown
    assert "Next, from 198.51.100.3:1003:" in shown
    assert "  ACK, data, data beyond  ESTABLISHED, now answered, 432,000 s (ct established)" in ran.out
    assert "any RST removed (ct established): the only answer is a RST" in shown
    assert "RULES of el6-early; kernel 2.6.32-042stab092.1" in shown
    assert "settings that were not read are at their defaults (-v lists them)" in shown
    assert max(map(len, ran.out.splitlines())) <= 80
    assert ran.out.isascii()


def test_verbosely_it_lists_what_was_assumed(run: Run) -> None:
    ran = run("list", "one-sided", "--explain", "-v", seen=SEEN)

    assert "tcp_timeout_established ~432000" in " ".join(ran.out.split())


def test_what_depends_on_how_it_came_is_told_by_that(run: Run) -> None:
    ran = run("list", "src=198.51.100.200", "--explain", seen=evidence(SEEN.tables[0], kernel="6.18.44"))
    shown = " ".join(ran.out.split())

    assert "RST beyond window [handshake] no change (ct invalid): lies beyond" in shown
    assert "or [picked up] ESTABLISHED, 10 s (ct established)" in shown


def test_ipv6_ends_are_told_with_brackets(run: Run) -> None:
    ran = run("list", "netns=shop", "--explain", seen=SEEN)

    assert ran.out.startswith("tcp FIN_WAIT, assured: [2001:db8::1]:40001 -> [2001:db8::2]:22")


def test_as_a_document(run: Run) -> None:
    document = json.loads(run("list", "one-sided", "--explain", "--json", seen=SEEN).out)
    (line,) = run("list", "one-sided", "--explain", "--jsonl", seen=SEEN).out.splitlines()

    VALIDATOR.validate(document)
    assert json.loads(line) == document
    assert (document["schema"], document["matching"]) == ("halftrack.entry/1", 3)
    entries = json.loads(run("list", "one-sided", "--top", "1", "--json", seen=SEEN).out)["entries"]
    assert document["entry"] == entries[0]
    assert {one["packet"]["by"] for one in document["next"]} == {"orig", "reply"}


def test_without_a_match_there_is_nothing_to_explain(run: Run) -> None:
    ran = run("list", "mark=77", "--explain", seen=SEEN)
    document = json.loads(run("list", "mark=77", "--explain", "--json", seen=SEEN).out)

    assert (ran.code, ran.out) == (0, "")
    assert "no entry matches" in ran.err
    VALIDATOR.validate(document)
    assert (document["matching"], document["entry"]) == (0, None)


@pytest.mark.parametrize("other", [["--count"], ["--csv"], ["--top", "2"], ["--by", "state"]])
def test_it_is_about_one_entry(run: Run, other: list[str]) -> None:
    ran = run("list", "one-sided", "--explain", *other, seen=SEEN)

    assert ran.code == 64
    assert "--explain is about one entry" in ran.err
