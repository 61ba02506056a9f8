"""The founding case from end to end: found, planned, fixed on trial, kept, drained, undone without a trace."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel import founding, screens, walk

if TYPE_CHECKING:
    from kernel.walk import Seen

PAGES = [
    page
    for page in sorted((Path(__file__).resolve().parents[2] / "docs").rglob("*.md"))
    if walk.shown(page.read_text(encoding="utf-8"))
]
VISITORS = len(founding.CLIENTS)
STUCK = walk.VISITS * VISITORS


@pytest.fixture(scope="module")
def taken() -> tuple[dict[str, object], dict[str, Seen]]:
    before, seen = walk.take()
    return before, {each.step.name: each for each in seen}


def test_the_case_is_found_and_planned(taken: tuple[dict[str, object], dict[str, Seen]]) -> None:
    before, seen = taken
    assert re.search(rf"\b{STUCK + 1} of [\d,]+ .* {STUCK}, \d+ % of them", seen["doctor"].words)
    assert "Likely cause: shaping" in seen["doctor"].words
    assert f"web-1 (netns) {founding.SERVER} tcp/80 (server side)" in seen["doctor"].words
    assert f"drain {STUCK} entries that never had an answer" in seen["plan"].words
    assert f"{STUCK} left 1 min at most: no socket left at their owner" in seen["dry-run"].words
    assert "rehearsed on node17: goes as predicted" in seen["rehearse"].words
    assert all(seen[name].state == before for name in ("doctor", "plan", "rehearse", "dry-run"))


def test_the_fix_holds_and_files_wait_for_keep(taken: tuple[dict[str, object], dict[str, Seen]]) -> None:
    before, seen = taken
    assert seen["fix"].text.count("done, verified") == 2
    assert f"Drained {STUCK} entries" in seen["fix"].text
    assert seen["fix"].state["files"] == before["files"]
    for name in founding.RAISED:
        assert re.search(rf"{name} = 300$", str(seen["fix"].state["settings"]), re.MULTILINE)
    files = seen["keep"].state["files"]
    assert isinstance(files, dict)
    assert {"sysctl.d/90-halftrack.conf", "modules-load.d/halftrack.conf"} <= files.keys()


def test_the_leak_stops_and_the_table_drains(taken: tuple[dict[str, object], dict[str, Seen]]) -> None:
    _, seen = taken
    assert seen["stopped"].text.split()[-1] == "0"
    text = seen["drained"].text
    assert ["tcp/80", str(VISITORS), str(VISITORS)] in [line.split() for line in text.splitlines()]
    assert "tcp_timeout_max_retrans and tcp_timeout_unacknowledged were 432000 s until then" in text


def test_undo_leaves_the_node_as_it_was(taken: tuple[dict[str, object], dict[str, Seen]]) -> None:
    before, seen = taken
    assert seen["changes"].text.rstrip().endswith("holds")
    assert seen["undo"].state == before
    assert seen["after"].text.rstrip().endswith("undone")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_show_what_is_seen(path: Path, taken: tuple[dict[str, object], dict[str, Seen]]) -> None:
    _, seen = taken
    for name, screen in walk.shown(path.read_text(encoding="utf-8")).items():
        if name != "doctor":  # it is much about other namespaces of this machine, and about the clock
            assert screens.alike(screen) == screens.alike(seen[name].screen), (
                f"{name}: scripts/record walk writes it"
            )
