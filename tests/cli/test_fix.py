"""``halftrack fix``: what is wrong with the words is said in the order in which it can be put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from halftrack.plans.actions import SetSysctl
from kernel.changing import LOOSE
from kernel.changing import plan as planned

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run


@pytest.mark.parametrize("name", ["gone.json", "./gone", "/nowhere/gone"])
def test_a_missing_file_is_said_before_yes_is_asked_for(run: Run, name: str) -> None:
    done = run("fix", name)
    assert done.code == 64
    assert done.err.startswith(f"halftrack: there is no file '{name}'")


@pytest.mark.parametrize("word", ["no-such-remedy", "shorten-established:colour=red"])
def test_a_word_that_means_nothing_is_said_before_yes_is_asked_for(run: Run, word: str) -> None:
    done = run("fix", word)
    assert done.code == 64
    assert "--yes" not in done.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "holds no plan"),
        ('{"schema": "halftrack.plan/1"', "holds no plan"),
        ('{"schema": "halftrack.diagnosis/1"}', "halftrack.diagnosis/1"),
    ],
)
def test_what_is_no_plan_is_said_before_yes_is_asked_for(
    run: Run, tmp_path: Path, text: str, why: str
) -> None:
    """To add --yes would not have helped."""
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    done = run("fix", str(plan))
    assert done.code == 65
    assert why in done.err
    assert "--yes" not in done.err


def test_nobody_can_answer_here(run: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_bytes(msgspec.json.encode(planned((SetSysctl(name=LOOSE, after="0"),))))
    for words in (
        ("fix", str(plan), "--no-input"),
        ("fix", "-"),
        ("fix", "shorten-established", "--no-input"),
    ):
        done = run(*words)
        assert (done.code, done.err) == (
            64,
            "halftrack: fix asks first, and nobody can answer here: add --yes\n",
        )
