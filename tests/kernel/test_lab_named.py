"""Each scenario of the lab from end to end, as it is typed: the doctor names first what is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from halftrack import lab

if TYPE_CHECKING:
    from halftrack.lab.scenario import Scenario

NAMED = [one for one in lab.SCENARIOS if one.cause != "unknown"]
_SECONDS = 240
"""Other tests run on this machine."""


@pytest.mark.parametrize("words", [(), ("--as-founded",)], ids=["as it is", "as founded"])
@pytest.mark.parametrize("chosen", NAMED, ids=lambda one: one.name)
def test_the_cause_is_named_first(chosen: Scenario, words: tuple[str, ...]) -> None:
    """As founded, too: what the lab itself has set speaks for no cause and against none."""
    if words and chosen.founded:
        pytest.skip("it is always as founded")
    done = subprocess.run(
        [sys.executable, "-m", "halftrack", "lab", chosen.name, *words, "--json", "--seconds", str(_SECONDS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * _SECONDS,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["scenario"] == chosen.name
    named = {
        one["symptom"]: (one["causes"][0]["cause"], one["causes"][0]["confidence"])
        for one in document["diagnosis"]["findings"]
        if one["causes"]
    }
    assert named
    assert {cause for cause, _ in named.values()} == {chosen.cause}, named
    assert all(confidence >= 0.5 for _, confidence in named.values())
