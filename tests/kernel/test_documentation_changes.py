"""What README and docs tell to type in order to change a node does so, on a scratch one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cli.pages import PAGES, changes_something, commands
from kernel import founding, walk
from kernel.dressing import dressed
from kernel.remedying import put

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.dressing import Node

CHANGING = [page for page in PAGES if any(map(changes_something, commands(page)))]
READS_THE_NODE = ("plan", "fix", "drain")
STUCK = 40


def answered(shown: str) -> str:
    """As somebody agrees who has read what is asked."""
    number = re.search(r"([\d,]+) entries, [^\n]*Type the number", shown)
    return number[1] if number else "y"


@pytest.mark.parametrize("page", CHANGING, ids=lambda page: page.name)
def test_commands_that_change_the_node_do_so(page: Path, tmp_path: Path) -> None:
    with founding.network() as network, dressed(network.node, tmp_path, {"web-1": network.web}) as node:
        before = walk.state(node)
        for words in commands(page):
            stuck_anew(node)
            # The machine has other namespaces, of other tests: what these commands read is told apart.
            planned = words[0] == "fix" and words[1].endswith(".json")
            here = ["--netns", "host"] if words[0] in READS_THE_NODE and not planned else []
            code, shown = node.screen(*words, *here, answer=answered)
            assert code == 0, (words, shown)
            assert "nothing to d" not in shown, (words, shown)
        while "there is no change" not in (shown := node.screen("undo", "--yes")[1]):
            assert " undone." in shown, shown
        assert walk.state(node) == before


def stuck_anew(node: Node) -> None:
    """The entries that a page is about, whatever was drained before."""
    node.netns.run("conntrack", "-F")
    for number in range(STUCK):
        put(node.netns, founding.SERVER, f"198.51.100.{10 + number}", 80, 50_000)
