"""A doctor elsewhere says of a bundle what the doctor here says of the node."""

from __future__ import annotations

import io
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from halftrack import formats, live, remedies
from halftrack.diagnosis import COLUMNS, examine
from halftrack.evidence.selection import Selection
from halftrack.formats import bundle
from halftrack.reporters import json as documents
from kernel.draining import sick_netns
from kernel.running import piped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from halftrack.evidence.values import Evidence
    from kernel.scratch import Netns

_RULES = """\
table inet strict {
  chain in { type filter hook input priority filter; ct state invalid counter drop; }
}
"""
_MAYBE_OTHER = ("source", "seconds", "input", "ask")


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with sick_netns("bundle") as netns:
        yield netns


def said(evidence: Evidence) -> dict[str, Any]:
    judged = examine(evidence)
    document = json.loads(documents.pretty(remedies.advise(judged.diagnosis, evidence, judged.cases)))
    return {name: value for name, value in document.items() if name not in _MAYBE_OTHER}


def test_the_same_is_found_in_the_bundle(sick: Netns) -> None:
    seen = live.examine(
        sick.name, selection=Selection(columns=COLUMNS), in_depth=True, counters_interval_s=0.1
    )
    file = io.BytesIO()
    bundle.write(seen, "a test", file)
    file.seek(0)
    here, there = said(seen), said(formats.read(["-"], stdin=file))
    assert there == here
    assert sum(finding["entries"] for finding in here["findings"]) >= 2_200


def test_as_it_is_typed(sick: Netns, tmp_path: Path) -> None:
    told = piped("collect", "--netns", sick.name, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    [made] = tmp_path.iterdir()
    assert made.name.startswith("halftrack-")
    assert made.stat().st_mode & 0o777 == 0o600
    first, *_, last = told.stdout.decode().splitlines()
    assert "2,200 entries of 1 of" in first
    assert re.fullmatch(r"\S+: \d+\.\d kB", first.partition(",")[0])
    assert last.startswith("read it with: ")
    assert last.endswith(f"halftrack doctor {made.name}")
    read = piped("doctor", made.name, cwd=tmp_path)
    assert read.returncode in (1, 2), read.stderr
    assert b", collected at " in read.stdout


def test_through_a_pipe(sick: Netns) -> None:
    sent = piped("collect", "--netns", sick.name, "-o", "-")
    found = piped("doctor", "-", "--json", stdin=sent.stdout)
    document = json.loads(found.stdout)
    assert (document["source"], document["node"]) == ("bundle", os.uname().nodename)
    assert (
        document["complete"]
        is (json.loads(piped("doctor", "--json", "--netns", sick.name).stdout)["complete"])
    )


def test_a_plan_goes_by_the_rules_that_were_collected(sick: Netns, tmp_path: Path) -> None:
    """Strict pick-up drops what is invalid only where a rule says so."""
    sick.run("nft", "-f", "-", stdin=_RULES)
    words = ("strict-pickup", "--json")
    assert piped("collect", "--netns", sick.name, "-o", "node.tgz", cwd=tmp_path).returncode == 0
    here = json.loads(piped("plan", *words, "--netns", sick.name).stdout)
    there = json.loads(piped("plan", *words, "--from", "node.tgz", cwd=tmp_path).stdout)
    sick.run("nft", "delete", "table", "inet", "strict")
    assert there["machine"] == here["machine"]
    assert [step["actions"] for step in there["steps"]] == [step["actions"] for step in here["steps"]]
    assert [step["risk"] for step in there["steps"]] == [step["risk"] for step in here["steps"]]
    assert "invalid" in json.dumps(here["steps"])


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("--assume", "limit=5"), 64, "collect looks at the node"),
        (("-o", "/nowhere/at/all.tgz"), 74, "could not be written"),
        (("-o", "/dev/null"), 64, "is no plain file"),
        (("--listen", "soon"), 64, "--listen"),
        (("--netns", "no-such-namespace"), 64, "no-such-namespace"),
    ],
)
def test_what_cannot_be(words: tuple[str, ...], code: int, why: str, tmp_path: Path) -> None:
    told = piped("collect", *words, cwd=tmp_path)
    assert (told.returncode, len(told.stderr.decode().splitlines())) == (code, 1), told.stderr
    assert why in told.stderr.decode()
    assert not list(tmp_path.iterdir())
