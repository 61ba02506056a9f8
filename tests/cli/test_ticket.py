"""``doctor --format ticket`` and ``--sources``: wherever the evidence comes from."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from cli.conftest import FOUNDING
from halftrack.formats import bundle
from unit.flowrows import evidence, one_sided, table
from unit.reports import LISTED, SYSCTL, archive, entries, tree, whole

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run

STUCK = evidence(
    table(*(one_sided(dst=f"198.51.100.{n}", left=360_000 + n) for n in range(40)), limit=262_144),
    kernel="2.6.32-042stab092.1",
)


@pytest.mark.parametrize("form", ["text", "bundle", "report", "tree", "live"])
def test_every_source_has_a_reply(run: Run, tmp_path: Path, form: str) -> None:
    source = tmp_path / "sent"
    if form == "text":
        source.write_bytes(FOUNDING.read_bytes())
    elif form == "bundle":
        packed = io.BytesIO()
        bundle.write(STUCK, "a test", packed)
        source.write_bytes(packed.getvalue())
    elif form == "report":
        source.write_bytes(archive(whole()))
    elif form == "tree":
        source = tree(tmp_path, whole())
    seen = STUCK if form == "live" else None
    words = ("doctor", *([] if form == "live" else [str(source)]), "--format", "ticket")
    ran = run(*words, seen=seen)
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0].startswith("WARNING  ")
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 78
    read_in = "Read in sent:" if form == "bundle" else "Read in:"
    for title in ("What is the matter:", "What to do:", "Please send next:", read_in):
        assert title in lines
    assert "    sh fix.sh\n" in ran.out
    assert " --sh -o fix.sh\n" in ran.err


def test_packed_and_unpacked_give_the_same_reply(run: Run, tmp_path: Path) -> None:
    packed = tmp_path / "report.tar"
    packed.write_bytes(archive(whole()))
    unpacked = tree(tmp_path, whole())
    told = []
    for source in (packed, unpacked):
        ran = run("doctor", str(source), "--format", "ticket")
        told.append(ran.out)
    assert told[0] == told[1]


def test_the_script_that_is_asked_for_is_named_to_who_replies(run: Run, tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_bytes(entries(40).encode())
    ran = run("doctor", str(tmp_path / "table.txt"), "--format", "ticket")
    assert "    sh collect.sh > node.collected\n" in ran.out
    assert all(line.startswith("halftrack: to go with it: ") for line in ran.err.splitlines())
    assert ran.err.endswith(" collect --script -o collect.sh\n")
    assert run("doctor", str(tmp_path / "table.txt"), "--format", "ticket", "-q").err == ""


def test_who_masked_by_hand_gets_a_script_that_masks(run: Run, tmp_path: Path) -> None:
    """They have no Halftrack to mask with, and will not send anything else."""
    (tmp_path / "table.txt").write_bytes(FOUNDING.read_bytes())
    ran = run("doctor", str(tmp_path / "table.txt"), "--format", "ticket")
    assert ran.err.endswith(" collect --script --mask -o collect.sh\n")
    asked = ran.out.partition("Please send next:")[2].partition("Read in:")[0]
    assert "stand-ins in place of addresses and names" in " ".join(asked.split())
    assert "halftrack" not in asked
    page = run("doctor", str(tmp_path / "table.txt"), "--format", "html").out
    assert "halftrack collect --script --mask -o collect.sh" in page


def test_sources_name_files_and_lines(run: Run, tmp_path: Path) -> None:
    packed = tmp_path / "report.tar"
    packed.write_bytes(archive(whole()))
    shown = run("doctor", str(packed), "--sources").out
    assert f"   limit = 262,144: {SYSCTL}:5\n" in shown
    assert f" 1 one-sided: {LISTED}:1-30, the first in" in shown
    assert "SOURCES" not in run("doctor", str(packed)).out
    document = json.loads(run("doctor", str(packed), "--json").out)
    (limit,) = [each for each in document["sources"] if each["what"] == "limit"]
    assert limit["at"] == [{"file": SYSCTL, "first_line": 5, "last_line": 5}]
    assert document["findings"][0]["at"] == [{"file": LISTED, "first_line": 1, "last_line": 30}]


def test_of_a_healthy_node_they_are_shown_where_asked(run: Run) -> None:
    assert "SOURCES" in run("doctor", "--sources", seen=evidence(table(limit=262_144))).out


def test_a_report_is_followed_by_what_to_ask_and_the_reply(run: Run, tmp_path: Path) -> None:
    packed = tmp_path / "report.tar"
    packed.write_bytes(archive(whole()))
    shown = run("doctor", str(packed)).out
    assert "ASK FOR sh collect.sh > node.collected " in shown
    assert "# the reply to who sent it\n" in shown
    assert "--format ticket" in shown
