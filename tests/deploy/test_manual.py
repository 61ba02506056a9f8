"""halftrack(1): the formatters take it, and it tells of every verb and option that there is."""

from __future__ import annotations

import re
import shutil
import subprocess

import click
import pytest

from deploy.bare import ROOT
from halftrack.commands import main

PAGE = ROOT / "deploy" / "man" / "halftrack.1"
INTERNAL = {
    "HALFTRACK_ROOT",
    "HALFTRACK_SECONDS",
    "HALFTRACK_WAIT",
    "HALFTRACK_BETWEEN",
}
"""Of scripts that are printed, and what our own processes tell each other."""


def formatted() -> str:
    if shutil.which("mandoc") is None:
        pytest.fail("needs mandoc (scripts/debian-packages)")
    done = subprocess.run(["mandoc", "-T", "utf8", str(PAGE)], capture_output=True, text=True, check=True)
    return re.sub(r".\x08", "", done.stdout)


def test_the_formatter_has_nothing_against_it() -> None:
    done = subprocess.run(["mandoc", "-T", "lint", str(PAGE)], capture_output=True, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert (said, done.stderr) == ([], "")


def test_every_verb_and_option_is_told_of() -> None:
    shown = " ".join(formatted().split())
    context = click.Context(main.program)
    for verb in main.program.list_commands(context):
        command = main.program.get_command(context, verb)
        assert command is not None
        assert f"halftrack {verb}" in shown
        for option in (one for one in command.params if isinstance(one, click.Option) and not one.hidden):
            assert ", ".join(sorted(option.opts, key=len)) in shown, (verb, option.opts)


def test_its_environment_is_what_the_program_looks_at() -> None:
    source = "".join(one.read_text(encoding="utf-8") for one in (ROOT / "src").rglob("*.py"))
    looked_at = set(re.findall(r"\bHALFTRACK_[A-Z]+(?:_[A-Z]+)*\b", source)) - INTERNAL
    assert set(re.findall(r"\bHALFTRACK_[A-Z_]+", formatted())) == looked_at
