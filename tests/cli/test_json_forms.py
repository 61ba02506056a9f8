"""Each document in both forms: indented with ``--json``, on one line with ``--jsonl``, and the same in both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.conftest import FOUNDING

if TYPE_CHECKING:
    from cli.conftest import Run

VERBS = [
    ("changes",),
    ("explain",),
    ("explain", "one-sided"),
    ("lab",),
    ("plan", "--from", str(FOUNDING)),
    ("whatif", "--from", str(FOUNDING), "tcp_loose=0"),
]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_one_document_in_two_forms(run: Run, words: tuple[str, ...]) -> None:
    indented, line = run(*words, "--json"), run(*words, "--jsonl")
    assert indented.code == line.code
    assert line.out.count("\n") == 1
    assert indented.out.count("\n") > 2
    assert json.loads(indented.out).keys() == json.loads(line.out).keys()
    assert json.loads(indented.out).get("schema") == json.loads(line.out).get("schema")
