"""The script of a plan in other namespaces than its own: only the one that was meant."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import AddRules, Drain, Persist, SetSysctl, TimeoutPolicy, Untracked, Where
from halftrack.plans.script import script
from kernel.remedying import ESTABLISHED, SERVER, put, read_sysctl, tuples
from kernel.scratch import scratch_netns
from kernel.scripting import NODE, SHELLS, Node, node_in
from unit.plans import one_sided, plan, step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from halftrack.plans.document import Plan
    from kernel.scratch import Netns

POLICY = TimeoutPolicy(port=8_883, timeouts={"established": 7_440})


@pytest.fixture
def container() -> Iterator[Netns]:
    with scratch_netns("c") as made:
        yield made


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    return node_in(netns, tmp_path)


def inside(container: Netns, *, inode: int | None = None) -> Plan:
    where = Where(netns="web", path=container.path, inode=inode or container.inode)
    untracked = Untracked(protocol="tcp", port=80, address=SERVER)
    return plan(
        step(
            "cure",
            SetSysctl(where=where, name=ESTABLISHED, before="432000", after="7440"),
            AddRules(where=where, tool="nft", rule=untracked),
            AddRules(where=where, tool="iptables", rule=POLICY),
        ),
        step("clear", Drain(where=where, filter=("one-sided",), selections=(one_sided(),))),
        node=NODE,
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_only_the_namespace_that_is_meant_is_changed(
    node: Node, container: Netns, shell: tuple[str, ...], tmp_path: Path
) -> None:
    theirs = Node(container, tmp_path)
    for netns in (node.netns, container):
        put(netns, SERVER, "198.51.100.1", 80, 50_001)
    here, there = node.state(), theirs.state()
    text = script(inside(container))
    for part in ("cure", "clear"):
        done = node.run(text, part, shell=shell)
        assert done.returncode == 0, done.stdout + done.stderr
    assert read_sysctl(container, ESTABLISHED) == 7_440
    assert "notrack_tcp_80_output" in container.run("nft", "list", "table", "inet", "halftrack")
    assert "-j CT --timeout h" in container.run("ip6tables-save", "-t", "raw")
    assert tuples(container) == set()
    assert tuples(node.netns) == {("6", 80, 50_001)}
    assert node.state() == here
    back = node.run(text, "back", shell=shell)
    assert back.returncode == 0, back.stderr
    assert theirs.state() == there


def test_another_namespace_of_that_name_is_left(node: Node, container: Netns) -> None:
    before = node.state(), read_sysctl(container, ESTABLISHED)
    for part in ("cure", "clear"):
        done = node.run(script(inside(container, inode=4)), part)
        assert done.returncode == 76
        assert f"the network namespace {container.path} is another one now" in done.stderr
    assert (node.state(), read_sysctl(container, ESTABLISHED)) == before


def test_a_namespace_that_is_gone_is_said(node: Node) -> None:
    with scratch_netns("g") as gone:
        made = inside(gone)
    before = node.state()
    done = node.run(script(made), "cure")
    assert done.returncode == 76
    assert f"the network namespace {gone.path} is not there" in done.stderr
    assert node.state() == before


def test_going_back_where_the_namespace_is_gone_says_so(node: Node) -> None:
    with scratch_netns("g") as gone:
        made = inside(gone)
        node.do(made, "cure")
    done = node.run(script(made), "back")
    assert done.returncode == 76
    assert f"the network namespace {gone.path} is not there" in done.stderr
    assert "nothing was put back" in done.stderr
    node.do(made, "back", "--force")
    assert not list((node.root / "var/lib").iterdir())


def test_in_another_network_than_the_nodes_own_nothing_is_written_for_its_boot(node: Node) -> None:
    settings = {ESTABLISHED: "7440"}
    made = plan(
        step(
            "cure",
            SetSysctl(name=ESTABLISHED, before="432000", after="7440"),
            Persist(settings=settings, module=True),
        ),
        node=NODE,
    )
    own = "mount -t tmpfs own /etc/sysctl.d && mount -t tmpfs own /etc/modules-load.d"
    (node.root / "fix.sh").write_text(script(made), "ascii")
    words = (
        f"{own} && mount -t tmpfs own /var/lib && for part in '' cure; do"
        f" ip netns exec {node.netns.name} dash {node.root}/fix.sh $part || exit; done;"
        f" ls -A /etc/sysctl.d /etc/modules-load.d; ip netns exec {node.netns.name} dash {node.root}/fix.sh back"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", words], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "does not write /etc/sysctl.d/90-halftrack.conf: this is not the node's own network" in done.stdout
    assert "timeout_established 432000 -> 7440 ... 7440" in done.stdout
    assert "/etc/modules-load.d:\n\n/etc/sysctl.d:\n" in done.stdout
    assert "7440 -> 432000 ... 432000" in done.stdout
