"""Findings that say the same of several namespaces can be told apart, whatever they are written for."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from halftrack.diagnosis.document import Finding, Group, OwnerName
from halftrack.reporters import html, terminal, ticket
from unit.documents import diagnosis, table

SPACES: Final = ("host", "shop", "web-1", "web-2")
TITLE: Final = "1,500 connections were seen in one direction only."


def _finding(netns: str) -> Finding:
    group = Group(netns=netns, address="192.0.2.9", service="tcp/80", side="server", entries=1500)
    return Finding(
        id=f"one-sided/{netns}/tcp/80",
        symptom="one-sided",
        severity="warning",
        title=TITLE,
        entries=1500,
        groups=(group,),
    )


def _condition(netns: str) -> Finding:
    return Finding(
        id=f"table-pressure/{netns}",
        symptom="table-pressure",
        severity="warning",
        title="The table will be full soon.",
        entries=0,
    )


def test_a_finding_knows_its_namespace() -> None:
    assert [each(name).netns for each in (_finding, _condition) for name in SPACES] == [*SPACES, *SPACES]


@pytest.mark.parametrize("focus", ["host", "web-1"])
@pytest.mark.parametrize("made", [_finding, _condition])
@pytest.mark.parametrize("render", [terminal.render, ticket.render, html.render])
def test_each_says_where_it_is_but_for_the_one_that_the_verdict_speaks_of(
    render: object, made: object, focus: str
) -> None:
    assert callable(render)
    assert callable(made)
    spaces = sorted(SPACES, key=lambda each: each != focus)
    found = diagnosis(
        severity="warning",
        focus=focus,
        tables=tuple(table(netns=each) for each in spaces),
        findings=tuple(made(each) for each in spaces),
    )
    shown = " ".join(str(render(found)).split())
    for netns in spaces:
        told = f"in {netns}: {made(netns).title}"
        assert (told in shown) == (netns != focus), netns


def test_of_one_table_alone_nothing_is_said() -> None:
    found = diagnosis(severity="warning", tables=(table(netns="mail.txt"),), findings=(_finding("mail.txt"),))
    assert "in mail.txt: " not in terminal.render(found)


def test_what_is_forgotten_are_sockets() -> None:
    finding = msgspec.structs.replace(_finding("host"), symptom="forgotten")
    shown = ticket.render(diagnosis(severity="warning", findings=(finding,)))
    assert "192.0.2.9 tcp/80 (server side): 1,500 connected sockets" in " ".join(shown.split())


@pytest.mark.parametrize("render", [terminal.render, html.render])
def test_a_group_says_where_it_is_unless_its_owner_does(render: object) -> None:
    assert callable(render)
    owner = OwnerName(name="web-1", id="4f5e", runtime="podman")
    groups = (
        msgspec.structs.replace(_finding("web-1").groups[0], owner=owner),
        *_finding("web-2").groups,
        *_finding("host").groups,
    )
    finding = msgspec.structs.replace(_finding("host"), groups=groups)
    tables = tuple(table(netns=each) for each in SPACES)
    shown = str(render(diagnosis(severity="warning", focus="web-1", tables=tables, findings=(finding,))))
    told = [netns for netns in ("host", "web-1", "web-2") if f"in {netns}" in shown]
    assert told == ["web-2"]
