"""``halftrack lab``: the list of scenarios, and what it refuses. What they show: tests/kernel/test_lab.py."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from halftrack import runbooks
from halftrack.commands import lab
from halftrack.commands.options import Options
from halftrack.lab import SCENARIOS
from halftrack.reporters import lab as shown
from halftrack.reporters.layout import Page
from unit import documents

if TYPE_CHECKING:
    from cli.conftest import Run


@pytest.mark.parametrize("words", [(), ("list",)], ids=["bare", "list"])
def test_without_a_scenario_it_lists_them(run: Run, words: tuple[str, ...]) -> None:
    ran = run("lab", *words)
    assert ran.code == 0
    found = [line.split()[0] for line in ran.out.splitlines() if line[2] != " "]
    assert found == [one.name for one in SCENARIOS]
    assert max(map(len, ran.out.splitlines())) <= 80


def test_the_list_as_json_says_which_cause_each_one_shows(run: Run) -> None:
    ran = run("lab", "--json")
    assert json.loads(ran.out) == {
        "scenarios": [{"scenario": one.name, "cause": one.cause, "summary": one.summary} for one in SCENARIOS]
    }


def test_names_are_distinct_and_each_cause_has_a_runbook_or_waits_for_one() -> None:
    names = [one.name for one in SCENARIOS]
    assert len(set(names)) == len(names)
    pages = {topic.slug for topic in runbooks.topics() if topic.kind == "cause"}
    assert {one.cause for one in SCENARIOS} <= pages | {"hooks-off", "rst-ignored"}
    assert all(one.summary.endswith(".") for one in SCENARIOS)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("half-clsoe",), "did you mean half-close?"),
        (("\x1b[31mzzz",), "halftrack lab lists them"),
        (("half-close", "--seconds", "0"), "--seconds '0'"),
        (("half-close", "--seconds", "1h"), "--seconds '1h'"),
        (("half-close", "--load", "0"), "--load"),
        (("half-close", "--load", "nan"), "--load nan"),
        (("half-close", "--beside", "100000"), "--beside"),
        (("half-close", "--netns", "host"), "namespaces of its own"),
        (("half-close", "--assume", "limit=5"), "namespaces of its own"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(run: Run, words: tuple[str, ...], told: str) -> None:
    ran = run("lab", *words)
    assert ran.code == 64
    assert ran.out == ""
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1
    assert "\x1b" not in ran.err


def test_without_root_it_says_so_and_does_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ran = run("lab", "half-close")
    assert ran.code == 77
    assert ran.out == ""
    assert ran.err.splitlines() == [
        line
        for line in ran.err.splitlines()
        if line.startswith("halftrack: the lab makes network namespaces")
    ]
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("entries", "told"),
    [(0, "nothing is left in the table"), (40, "nothing was found among 40 entries")],
)
def test_that_nothing_is_left_is_said_of_an_empty_table_alone(entries: int, told: str) -> None:
    found = documents.diagnosis(tables=(documents.table(entries=entries),), findings=())
    lines = shown.compared(SCENARIOS[0], found, Page())
    assert lines[-1] == f"Weighed nothing: {told}"


def test_what_it_does_and_leaves_standing_fits_the_screen(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    tell = lab._teller(Options())  # noqa: SLF001  # what of it is printed takes root
    tell("words " * 30)
    names = ("lab-client", "lab-router", "lab-server")
    places = [SimpleNamespace(name=name, pid=4_194_300) for name in names]
    standing = shown.left_standing(places, "/proc/4194300/ns/net", Page())
    lines = [*capfdbinary.readouterr().out.decode().splitlines(), *standing]
    assert lines[0].startswith(" 1  words")
    assert lines[1].startswith("    words")
    assert "  lab-server (process 4194300)" in lines
    assert max(len(line) for line in lines if "/" not in line) <= 80


def test_threads_that_cannot_be_started_are_no_bug(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polars' own: a panic, which is no Exception."""

    def panic(_: str) -> None:
        kind = type("PanicException", (BaseException,), {})
        raise kind("OS can't spawn worker thread: Resource temporarily unavailable (os error 11)")

    monkeypatch.setattr("halftrack.lab.find", panic)
    ran = run("lab", "half-close")

    assert (ran.code, ran.out) == (75, "")
    assert "not enough memory or threads here" in ran.err
