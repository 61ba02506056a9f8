"""The script of a plan on what old kernels have: other names, another target, the older iptables."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import AddRules, SetSysctl, Untracked
from halftrack.plans.script import script
from kernel.remedying import ESTABLISHED
from kernel.scripting import NODE, SHELLS, Node, node_in
from unit.plans import SERVER, plan, step

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.scratch import Netns

UNTRACKED = AddRules(
    tool="iptables", rule=Untracked(protocol="tcp", port=80, address=SERVER, accept=("INPUT", "OUTPUT"))
)


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    return node_in(netns, tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_setting_is_found_by_the_name_that_the_kernel_has(node: Node, shell: tuple[str, ...]) -> None:
    """As on 2.6.18, where only ip_conntrack is there."""
    old = node.root / "sys/ipv4/netfilter"
    old.mkdir(parents=True)
    setting = old / "ip_conntrack_tcp_timeout_established"
    setting.write_text("432000\n", "ascii")
    made = plan(step("cure", SetSysctl(name=ESTABLISHED, before="432000", after="7440")), node=NODE)
    over = ("sh", "-ec", f'mount --bind {node.root}/sys /proc/sys/net; exec "$@"', "sh")
    done = node.run(script(made), "cure", shell=shell, before=over)
    assert done.returncode == 0, done.stderr
    assert setting.read_text("ascii") == "7440\n"
    back = node.run(script(made), "back", shell=shell, before=over)
    assert back.returncode == 0, back.stderr
    assert setting.read_text("ascii") == "432000\n"


def test_a_kernel_that_has_no_such_setting_is_told(node: Node) -> None:
    made = plan(step("cure", SetSysctl(name="net.netfilter.nf_conntrack_no_such", after="1")), node=NODE)
    done = node.run(script(made), "cure")
    assert done.returncode == 76
    assert "net.netfilter.nf_conntrack_no_such is not there" in done.stderr


def test_an_old_kernel_has_another_word_for_no_tracking(node: Node) -> None:
    made = plan(step("cure", UNTRACKED), node=NODE)
    before = node.state()
    spy = node.root / "spy"
    spy.mkdir()
    restore = shutil.which("iptables-restore")
    (spy / "iptables-restore").write_text(
        f'#!/bin/sh\ntee -a {node.root}/fix.sh.seen | {restore} "$@"\n', "ascii"
    )
    (spy / "iptables-restore").chmod(0o755)
    (spy / "uname").write_text('#!/bin/sh\n[ "$1" = -r ] || exec /usr/bin/uname "$@"\necho 2.6.32\n', "ascii")
    (spy / "uname").chmod(0o755)
    spied = ("sh", "-ec", f'PATH={spy}:$PATH; exec "$@"', "sh")
    done = node.run(script(made), "cure", before=spied)
    assert done.returncode == 0, done.stderr
    seen = (node.root / "fix.sh.seen").read_text("ascii")
    assert "-j NOTRACK\n" in seen
    assert "CT --notrack" not in seen
    shutil.rmtree(spy)
    node.do(made, "back")
    assert node.state() == before


def test_rules_go_to_the_flavour_that_holds_the_node_s(node: Node) -> None:
    if not shutil.which("iptables-legacy"):
        pytest.skip("needs iptables-legacy")
    node.netns.run("iptables-legacy", "-A", "INPUT", "-p", "udp", "-j", "ACCEPT")
    made = plan(step("cure", UNTRACKED), node=NODE)
    node.do(made, "cure")
    assert "--notrack" in node.netns.run("iptables-legacy-save") or "NOTRACK" in node.netns.run(
        "iptables-legacy-save"
    )
    assert SERVER not in node.netns.run("iptables-nft-save")
    node.do(made, "back")
    assert SERVER not in node.netns.run("iptables-legacy-save")
    assert "-A INPUT -p udp -j ACCEPT" in node.netns.run("iptables-legacy-save")


def test_tables_that_were_not_there_before_are_gone_again(netns: Netns, tmp_path: Path) -> None:
    node = node_in(netns, tmp_path)
    before = netns.run("nft", "list", "ruleset")
    made = plan(step("cure", UNTRACKED), node=NODE)
    node.do(made, "cure")
    node.do(made, "back")
    assert netns.run("nft", "list", "ruleset") == before == ""
