"""docs/causes: a page per cause that the lab shows, which begins with what the doctor says of it."""

from __future__ import annotations

import importlib
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from halftrack import lab, runbooks
from kernel import cause_pages

if TYPE_CHECKING:
    from pathlib import Path

    import click

WRITTEN = sorted(page for page in cause_pages.PAGES.glob("*.md") if page != cause_pages.INDEX)
PAGES = pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.stem)
_SECTIONS = ["## What tells it from others", "## Reproduce it", "## What now"]


def test_there_is_one_for_each_cause_that_the_lab_shows() -> None:
    assert {page.stem for page in WRITTEN} == set(cause_pages.causes())


def test_the_index_is_up_to_date() -> None:
    text = cause_pages.INDEX.read_text(encoding="utf-8")
    assert cause_pages.index(text) == text, "scripts/record causes writes it"


@PAGES
def test_a_page_is_titled_as_its_runbook_and_begins_with_the_doctor(page: Path) -> None:
    topic = runbooks.find(page.stem)
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {topic.title}"
    assert lines[2] == topic.summary
    scenario = cause_pages.of_cause(page.stem)[0].name
    assert lines[4] == f"<!-- lab: {scenario} doctor -->"
    assert [line for line in lines if line.startswith("## ")] == _SECTIONS


@PAGES
def test_a_page_is_written_to_the_end_and_recorded(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "WRITE" not in text
    blocks = list(cause_pages.BLOCK.finditer(text))
    assert {block["part"] for block in blocks} == {"doctor", "steps"}
    for block in blocks:
        assert block["old"].startswith(f"# {cause_pages.typed(block['name'])}\n")
        assert lab.find(block["name"]).cause == page.stem
        assert len(block["old"].splitlines()) > 5
    sections = re.split(r"^## .*\n", re.sub(cause_pages.BLOCK, "", text), flags=re.MULTILINE)
    told, _, then = sections[1:]
    assert len(told.split()) > 40
    assert f"halftrack explain {page.stem}" in then


@PAGES
def test_the_cause_is_what_the_doctor_names_first(page: Path) -> None:
    for block in cause_pages.BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["part"] == "doctor":
            (named,) = re.findall(r"^   Cause (\S+) ([\d.]+)$", block["old"], re.MULTILINE)
            assert named[0] == page.stem
            assert float(named[1]) >= 0.5
            told = "missing" if page.stem == "unknown" else "for"
            assert re.search(rf"^     {told} +\S", block["old"], re.MULTILINE)
        else:
            assert re.search(rf"^Weighed \S+, .*: {page.stem} ", block["old"], re.MULTILINE)


@PAGES
def test_screens_name_no_machine_and_nobody_elses_namespaces(page: Path) -> None:
    for block in cause_pages.BLOCK.finditer(page.read_text(encoding="utf-8")):
        assert not re.search(r"lab-\w+-\d{6,}|/proc/\d+|\d\.\d+-[a-z]", block["old"])
        if block["part"] == "doctor":
            assert re.match(r"# .*\n[A-Z]+ +node17: in lab-router: ", block["old"])


@pytest.mark.parametrize("page", [*WRITTEN, cause_pages.INDEX], ids=lambda page: page.stem)
def test_commands_can_be_typed(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    typed = re.findall(r"^(?:# |    )(halftrack .*)$|`(halftrack [^`]+)`", text, re.MULTILINE)
    for words in (shlex.split(one or other) for one, other in typed):
        command: click.Command = importlib.import_module(f"halftrack.commands.{words[1]}").command
        context = command.make_context(words[1], words[2:], resilient_parsing=False)
        if words[1] == "lab" and context.params["scenario"] is not None:
            lab.find(context.params["scenario"])
        if words[1] == "explain" and len(words) > 2:
            runbooks.find(words[2])
