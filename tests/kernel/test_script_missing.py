"""The script of a plan on a node that has next to nothing: busybox, and no tool of netfilter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from halftrack.plans.actions import AddRules, Drain, Persist, SetSysctl, TimeoutPolicy, Untracked
from halftrack.plans.script import script
from kernel.remedying import ESTABLISHED, SERVER, put, read_sysctl, tuples
from kernel.scripting import NODE, Node, node_in
from unit.plans import one_sided, plan, step

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.plans.actions import AddRules as Rules
    from kernel.scratch import Netns

BUSYBOX: Final = ("busybox", "sh")


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    return node_in(netns, tmp_path)


def bare(node: Node) -> tuple[str, ...]:
    """Nothing in any directory of programs but busybox, for the script alone."""
    programs = node.root.parent / f"{node.root.name}-bin"
    programs.mkdir(exist_ok=True)
    made = (
        f"cp /usr/bin/busybox {programs}/busybox; {programs}/busybox --install -s {programs}; "
        f"rm -f {programs}/conntrack; "
        f"for each in /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin; do "
        f'{programs}/busybox mount --bind {programs} $each; done; PATH=/usr/bin; exec "$@"'
    )
    return ("/bin/sh", "-ec", made, "sh")


def test_settings_need_no_tool_at_all(node: Node) -> None:
    made = plan(
        step(
            "cure",
            SetSysctl(name=ESTABLISHED, before="432000", after="7440"),
            Persist(settings={ESTABLISHED: "7440"}, module=True),
        ),
        node=NODE,
    )
    before = node.state()
    done = node.run(script(made), "cure", shell=BUSYBOX, before=bare(node))
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_sysctl(node.netns, ESTABLISHED) == 7_440
    back = node.run(script(made), "back", shell=BUSYBOX, before=bare(node))
    assert back.returncode == 0, back.stderr
    assert node.state() == before


def test_without_conntrack_time_does_it(node: Node) -> None:
    put(node.netns, SERVER, "198.51.100.1", 80, 50_001)
    made = plan(
        step("clear", Drain(filter=("one-sided",), selections=(one_sided(longest_s=363_312),))), node=NODE
    )
    done = node.run(script(made), "clear", shell=BUSYBOX, before=bare(node))
    assert done.returncode == 69
    assert "conntrack is not on this node" in done.stderr
    assert "the last within 363312 s" in done.stderr
    assert tuples(node.netns) == {("6", 80, 50_001)}


@pytest.mark.parametrize(
    ("tool", "action"),
    [
        ("nft", AddRules(tool="nft", rule=Untracked(protocol="tcp", port=80, address=SERVER))),
        ("iptables", AddRules(tool="iptables", rule=Untracked(protocol="tcp", port=80, address=SERVER))),
        ("nfct", AddRules(tool="iptables", rule=TimeoutPolicy(port=80, timeouts={"established": 7_440}))),
    ],
)
def test_a_missing_tool_is_named_before_anything_is_changed(node: Node, tool: str, action: Rules) -> None:
    made = plan(step("cure", SetSysctl(name=ESTABLISHED, after="7440"), action), node=NODE)
    before = node.state()
    done = node.run(script(made), "cure", shell=BUSYBOX, before=bare(node))
    assert done.returncode == 69, done.stderr
    assert f"{tool} is not on this node" in done.stderr
    assert "nothing was changed" in done.stderr
    assert node.state() == before


def test_a_read_only_etc_is_said_before_anything_is_changed(node: Node) -> None:
    made = plan(
        step("cure", SetSysctl(name=ESTABLISHED, after="7440"), Persist(settings={ESTABLISHED: "7440"})),
        node=NODE,
    )
    before = node.state()
    etc = node.root / "etc"
    frozen = ("sh", "-ec", f'mount --bind {etc} {etc}; mount -o remount,bind,ro {etc}; exec "$@"', "sh")
    done = node.run(script(made), "cure", before=frozen)
    assert done.returncode == 76
    assert f"{etc}/sysctl.d cannot be written to" in done.stderr
    assert node.state() == before


def test_nowhere_to_keep_the_way_back_changes_nothing(node: Node) -> None:
    made = plan(step("cure", SetSysctl(name=ESTABLISHED, after="7440")), node=NODE)
    before = node.state()
    frozen = (
        "sh",
        "-ec",
        f'mount --bind {node.root} {node.root}; mount -o remount,bind,ro {node.root}; exec "$@"',
        "sh",
    )
    done = node.run(script(made), "cure", before=frozen)
    assert done.returncode == 76
    assert "nowhere to keep what back needs" in done.stderr
    assert node.state() == before


def test_without_root_only_a_look_is_possible(node: Node) -> None:
    made = plan(step("cure", SetSysctl(name=ESTABLISHED, after="7440")), node=NODE)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    text = script(made)
    assert node.run(text, by_stdin=True, before=nobody).returncode == 0
    done = node.run(text, "cure", by_stdin=True, before=nobody)
    assert done.returncode == 77
    assert "only root can do this" in done.stderr
