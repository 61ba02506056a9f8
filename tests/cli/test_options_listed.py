"""Of the options that every verb takes, a verb's help lists those that do something there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from cli.conftest import process
from halftrack.commands import main

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.conftest import Run

EVERY = {
    "--json", "--jsonl", "--netns", "--root", "--assume", "--budget", "--no-color", "--quiet", "--verbose",
    "--no-input",
}  # fmt: skip


def options(verb: str, *, hidden: bool) -> set[str]:
    command = main.program.get_command(click.Context(main.program), verb)
    assert command is not None
    given: Iterable[click.Parameter] = command.params
    told = [one for one in given if isinstance(one, click.Option) and (hidden or not one.hidden)]
    return {name for one in told for name in one.opts} & EVERY


def test_what_turns_names_back_lists_what_it_can_do(run: Run) -> None:
    assert options("unmask", hidden=False) == {"--quiet"}
    shown = run("unmask", "--help").out
    assert "--netns" not in shown
    assert "--budget" not in shown
    assert "-q, --quiet" in shown


def test_all_are_listed_before_a_verb(run: Run) -> None:
    shown = run("--help").out
    assert {name for name in EVERY if name not in shown} == set()


@pytest.mark.parametrize("verb", main.program.list_commands(click.Context(main.program)))
def test_every_verb_takes_all_of_them(verb: str) -> None:
    assert options(verb, hidden=True) == EVERY


@pytest.mark.parametrize(
    ("verb", "words", "option"),
    [
        ("collect", (), "--assume=limit=3"),
        ("export", ("--textfile", "node.prom"), "--json"),
        ("export", ("--textfile", "node.prom"), "--root=/usr"),
        ("export", ("--textfile", "node.prom"), "--assume=limit=3"),
        ("fix", ("plan.json", "--yes"), "--root=/usr"),
        ("fix", ("plan.json", "--yes"), "--assume=limit=3"),
        ("keep", (), "--root=/usr"),
        ("keep", (), "--netns=web"),
        ("undo", (), "--assume=limit=3"),
        ("undo", (), "--netns=web"),
        ("changes", (), "--root=/usr"),
        ("drain", ("one-sided", "--dry-run"), "--root=/usr"),
        ("drain", ("one-sided", "--dry-run"), "--assume=limit=3"),
        ("replay", ("capture.pcap",), "--netns=web"),
        ("replay", ("capture.pcap",), "--root=/usr"),
        ("replay", ("capture.pcap",), "--assume=limit=3"),
        ("lab", (), "--netns=web"),
        ("lab", (), "--root=/usr"),
    ],
)
def test_what_a_verb_refuses_is_not_listed(run: Run, verb: str, words: tuple[str, ...], option: str) -> None:
    name = option.partition("=")[0]
    ran = run(verb, *words, option)
    assert ran.code == 64, ran.err
    assert name in ran.err
    assert name not in options(verb, hidden=False)


@pytest.mark.parametrize("option", ["--json", "--assume=limit=3"])
def test_nor_is_what_a_plugin_refuses(option: str) -> None:
    ran = process("check", option)
    assert ran.returncode == 3
    assert option.partition("=")[0] in ran.stdout.decode()
    assert option.partition("=")[0] not in options("check", hidden=False)
