"""Scripts that came in part, that nobody listens to, or that have no room for their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import SetSysctl
from halftrack.plans.script import script
from kernel.scratch import sh
from kernel.scripting import NODE, SHELLS, node_in
from unit.plans import plan, step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns
    from kernel.scripting import Node

ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"
PLAN = plan(step("cure", SetSysctl(name=ESTABLISHED, before="432000", after="7440")), node=NODE)


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    return node_in(netns, tmp_path)


@pytest.fixture
def small(node: Node) -> Iterator[Node]:
    """With a /var/lib that is a file system of its own."""
    where = str(node.root / "var/lib")
    sh("mount", "-t", "tmpfs", "-o", "size=32k,nr_inodes=16", "none", where)
    try:
        yield node
    finally:
        sh("umount", where)


def fill(node: Node, files: int = 100) -> None:
    """No block is left, and no inode where that many files take them."""
    full = node.root / "var/lib"
    try:
        with (full / "blocks").open("wb") as file:
            file.write(bytes(1 << 20))
    except OSError:
        pass
    try:
        for number in range(files):
            (full / str(number)).touch()
    except OSError:
        pass


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_that_was_cut_says_so_and_does_nothing(node: Node, shell: tuple[str, ...]) -> None:
    before, lines = node.state(), script(PLAN).splitlines(keepends=True)
    whole = len(lines) - 2  # the last two are the call and the end
    for kept in range(2, whole, 7):
        for by_stdin in (True, False):
            done = node.run("".join(lines[:kept]), "cure", shell=shell, by_stdin=by_stdin)
            assert done.returncode in {2, 76}, (kept, done.stderr)
            assert done.stderr, kept
    assert node.state() == before


@pytest.mark.parametrize("shell", [(*shell, "-e") for shell in SHELLS])
def test_a_shell_that_ends_at_errors_does_the_same(node: Node, shell: tuple[str, ...]) -> None:
    before = node.state()
    for words in (["cure"], ["back"]):
        done = node.run(script(PLAN), *words, shell=shell)
        assert done.returncode == 0, done.stderr
        assert ESTABLISHED in done.stdout
    assert node.state() == before


def test_what_nobody_can_read_is_done_all_the_same(node: Node) -> None:
    before, silent = node.state(), ("sh", "-c", 'exec "$@" >&- 2>&-', "sh")
    assert node.run(script(PLAN), "cure", before=silent).returncode == 0
    assert "7440" in node.netns.run("sysctl", "-n", ESTABLISHED)
    assert node.run(script(PLAN), "back", before=silent).returncode == 0
    assert node.state() == before


@pytest.mark.parametrize("files", [0, 100])
def test_records_are_kept_elsewhere_where_there_is_no_room(small: Node, files: int) -> None:
    fill(small, files)
    assert small.run(script(PLAN), "cure").returncode == 0
    assert list(small.root.glob("root/.halftrack-script/*/*.before"))
    assert small.run(script(PLAN), "back").returncode == 0
    assert small.netns.run("sysctl", "-n", ESTABLISHED) == "432000\n"


def test_a_disk_that_fills_up_later_does_not_bar_the_way_back(small: Node) -> None:
    assert small.run(script(PLAN), "cure").returncode == 0
    assert list(small.root.glob("var/lib/halftrack-script/*/*.before"))
    fill(small)
    done = small.run(script(PLAN), "back")
    assert done.returncode == 0, done.stderr
    assert small.netns.run("sysctl", "-n", ESTABLISHED) == "432000\n"
