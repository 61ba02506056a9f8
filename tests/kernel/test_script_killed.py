"""The script of a plan, killed before any of its commands: the way back always leads to where it began."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import AddRules, Drain, Persist, SetSysctl, TimeoutPolicy, Untracked
from halftrack.plans.script import script
from kernel.remedying import ANSWERED, ESTABLISHED, put, tuples
from kernel.scripting import NODE, Node, node_in
from unit.plans import SERVER, one_sided, plan, step

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.plans.document import Plan
    from kernel.scratch import Netns

KILLED = -9


def killing(number: int) -> tuple[str, ...]:
    """A shell that kills itself right before the command of this number, those of functions counted."""
    trap = f"count=$((count + 1)); [ $count -lt {number} ] || kill -9 $$"
    return ("bash", "--posix", "-c", f"count=0; set -T; trap '{trap}' DEBUG; . \"$@\"", "bash")


SETTINGS = (
    SetSysctl(name=ESTABLISHED, before="432000", after="7440"),
    SetSysctl(name="net.netfilter.nf_conntrack_tcp_loose", before="1", after="0"),
    Persist(settings={ESTABLISHED: "7440"}, module=True),
)
NFT = (
    AddRules(tool="nft", rule=TimeoutPolicy(port=8_883, timeouts={"established": 7_440})),
    Persist(rules=True),
)
IPTABLES = (
    AddRules(
        tool="iptables",
        rule=Untracked(protocol="tcp", port=80, address=SERVER, accept=("INPUT", "OUTPUT")),
    ),
    AddRules(
        tool="iptables", rule=TimeoutPolicy(port=8_883, timeouts={"established": 7_440}, address=SERVER)
    ),
)


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    made = node_in(netns, tmp_path)
    (tmp_path / "etc/sysctl.d/90-halftrack.conf").write_text("vm.swappiness = 1", "ascii")
    return made


@pytest.mark.parametrize(
    ("made", "stride"),
    [
        (plan(step("cure", *SETTINGS), node=NODE), 37),
        (plan(step("cure", *NFT), node=NODE), 67),
        (plan(step("cure", *IPTABLES), node=NODE), 83),
    ],
    ids=["settings", "nft", "iptables"],
)
@pytest.mark.parametrize("part", ["cure", "back"])
def test_back_leads_to_where_it_began(node: Node, made: Plan, stride: int, part: str) -> None:
    text = script(made)
    before = node.state()
    number, killed = 3, 0
    while True:
        if part == "back":
            node.do(made, "cure")
        done = node.run(text, part, shell=killing(number))
        if done.returncode == 0:
            break
        assert done.returncode == KILLED, done.stdout + done.stderr
        back = node.run(text, "back")
        assert back.returncode == 0, (number, done.stdout, back.stdout, back.stderr)
        assert node.state() == before, (number, done.stdout, back.stdout)
        number += stride
        killed += 1
    assert killed > 3
    node.do(made, "back")
    assert node.state() == before


def test_a_part_that_was_killed_can_be_done_again(node: Node) -> None:
    made = plan(step("cure", *SETTINGS), node=NODE)
    before = node.state()
    text = script(made)
    node.do(made, "cure")
    done = node.state()
    node.do(made, "back")
    number = 3
    while node.run(text, "cure", shell=killing(number)).returncode == KILLED:
        node.do(made, "cure")
        assert node.state() == done
        node.do(made, "back")
        assert node.state() == before
        number += 61
    assert number > 100


def test_clearing_that_was_killed_spares_what_lives_and_can_be_done_again(node: Node) -> None:
    made = plan(step("clear", Drain(filter=("one-sided",), selections=(one_sided(),))), node=NODE)
    text = script(made)
    number = 3
    while True:
        for i in range(1, 4):
            put(node.netns, SERVER, f"198.51.100.{i}", 80, 50_000 + i)
        put(node.netns, SERVER, "198.51.100.9", 80, 50_009, *ANSWERED)
        done = node.run(text, "clear", shell=killing(number))
        assert ("6", 80, 50_009) in tuples(node.netns)
        node.do(made, "clear")
        assert tuples(node.netns) == {("6", 80, 50_009)}
        node.netns.run("conntrack", "-F")
        if done.returncode != KILLED:
            break
        number += 61
    assert number > 100


def test_an_interrupted_part_says_how_to_go_back_and_leaves_no_lock(node: Node) -> None:
    made = plan(step("relief", *SETTINGS[:2]), node=NODE)
    before = node.state()
    (node.root / "fix.sh").write_text(script(made), "ascii")
    with subprocess.Popen(
        ["ip", "netns", "exec", node.netns.name, "dash", node.root / "fix.sh", "relief"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "HALFTRACK_ROOT": str(node.root), "HALFTRACK_WAIT": "50"},
    ) as running:
        # The lock is held while it waits and counts what is dropped.
        while not list((node.root / "var/lib").glob("halftrack-script/*/lock/pid")):
            assert running.poll() is None
            os.sched_yield()
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(timeout=30) == 130
        assert running.stderr is not None
        assert "interrupted; what was changed goes back with: sh " in running.stderr.read()
    assert not list((node.root / "var/lib").glob("halftrack-script/*/lock"))
    node.do(made, "back")
    assert node.state() == before
