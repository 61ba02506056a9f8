"""The script of a plan: rules of our own are loaded, hold, last and go without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import AddRules, Persist, TimeoutPolicy, Untracked
from halftrack.plans.script import script
from kernel.scripting import NODE, SHELLS, Node, node_in
from unit.plans import SERVER, plan, step

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.plans.actions import Tool
    from halftrack.plans.document import Plan
    from kernel.scratch import Netns

SERVER6 = "2001:db8::73"
POLICY = TimeoutPolicy(
    port=8_883, timeouts={"established": 7_440, "unacknowledged": 100}, published=(18_883,)
)


def untracked(tool: Tool, address: str = SERVER, **fields: object) -> AddRules:
    family = "ip6" if ":" in address else "ip"
    accept = ("INPUT", "OUTPUT") if tool == "iptables" else ()
    return AddRules(
        tool=tool,
        rule=Untracked(protocol="tcp", port=80, address=address, family=family, accept=accept),
        **fields,
    )


def of(*actions: AddRules | Persist, **fields: object) -> Plan:
    return plan(step("cure", *actions), node=NODE, **fields)


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    """With rules of somebody else's in each of the tables."""
    netns.run("nft", "add table inet theirs; add chain inet theirs c { type filter hook input priority 0; }")
    netns.run("iptables", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "-j", "ACCEPT")
    netns.run("ip6tables", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "-j", "ACCEPT")
    return node_in(netns, tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("tool", ["nft", "iptables"])
def test_rules_are_loaded_and_go_without_a_trace(node: Node, tool: Tool, shell: tuple[str, ...]) -> None:
    made = of(
        untracked(tool), untracked(tool, SERVER6), AddRules(tool=tool, rule=POLICY), Persist(rules=True)
    )
    before = node.state()
    text = script(made)
    done = node.run(text, "cure", shell=shell)
    assert done.returncode == 0, done.stdout + done.stderr
    rules = node.netns.run("nft", "list", "ruleset") + node.netns.run("iptables-save")
    assert "notrack" in rules.lower()
    assert rules.count(SERVER) >= 4
    if tool == "nft":
        assert "established : 7440" in rules.replace("established = ", "established : ") or "2h4m" in rules
    again = node.run(text, "cure", shell=shell)
    assert again.returncode == 0, again.stderr
    back = node.run(text, "back", shell=shell)
    assert back.returncode == 0, back.stderr
    assert node.state() == before
    assert not list((node.root / "var/lib").iterdir())


def test_what_boots_the_rules_makes_the_same_as_the_script_did(node: Node) -> None:
    made = of(untracked("iptables"), AddRules(tool="iptables", rule=POLICY), Persist(rules=True))
    node.do(made, "cure")
    rules = node.netns.run("iptables-save", "-t", "raw"), node.netns.run("iptables-save", "-t", "filter")
    boot = next((node.root / "etc/halftrack").iterdir())
    for table in ("raw", "filter"):
        node.netns.run("iptables", "-t", table, "-F")
        node.netns.run("iptables", "-t", table, "-X")
        node.netns.run("ip6tables", "-t", table, "-F")
        node.netns.run("ip6tables", "-t", table, "-X")
    for policy in ("h24", "h26"):
        node.netns.run("nfct", "delete", "timeout", policy)
    node.netns.run("sh", str(boot))
    node.netns.run("sh", str(boot))
    ours = [line for text in rules for line in text.splitlines() if "halftrack-" in line]
    now = [
        line
        for table in ("raw", "filter")
        for line in node.netns.run("iptables-save", "-t", table).splitlines()
        if "halftrack-" in line
    ]
    assert now == ours
    unit = node.root / "etc/systemd/system" / f"halftrack-{boot.stem}.service"
    assert f"ExecStart=/bin/sh /etc/halftrack/{boot.name}" in unit.read_text("ascii")
    link = unit.parent / "multi-user.target.wants" / unit.name
    assert str(link.readlink()) == f"/etc/systemd/system/{unit.name}"


@pytest.mark.parametrize("tool", ["nft", "iptables"])
def test_rules_that_somebody_changed_since_are_left_unless_told_so(node: Node, tool: Tool) -> None:
    made = of(untracked(tool))
    before = node.state()
    node.do(made, "cure")
    if tool == "nft":
        node.netns.run("nft", "add rule inet halftrack notrack_tcp_80_output tcp dport 81 accept")
    else:
        chain = f"halftrack-{made.id or _id(made)}-1"
        node.netns.run("iptables", "-t", "raw", "-A", chain, "-p", "udp", "-j", "ACCEPT")
    done = node.run(script(made), "back")
    assert done.returncode == 76
    assert "changed since" in done.stderr
    node.do(made, "back", "--force")
    assert node.state() == before


def _id(made: Plan) -> str:
    return script(made).partition("PLAN='")[2][:8]


def test_rules_for_a_masked_address_need_it_filled_in(node: Node) -> None:
    made = of(untracked("iptables", "$ADDR_1"), untracked("nft", "$ADDR_1"), variables={"ADDR_1": "x.x.x.73"})
    before = node.state()
    for given in ("", "$(touch pwned)", "203.0.113.x", SERVER6):
        text = script(made).replace("ADDR_1=''", f"ADDR_1='{given}'")
        done = node.run(text, "cure")
        assert done.returncode == 76
        assert "ADDR_1" in done.stderr
        assert node.state() == before
    done = node.run(script(made).replace("ADDR_1=''", f"ADDR_1={SERVER}"), "cure")
    assert done.returncode == 0, done.stderr
    assert f"-d {SERVER}/32 -p tcp -m tcp --dport 80 -j" in node.netns.run("iptables-save", "-t", "raw")


def test_chains_of_these_names_that_are_not_ours_are_left(node: Node) -> None:
    node.netns.run("nft", "add table inet halftrack; add chain inet halftrack notrack_tcp_80_output")
    before = node.netns.run("nft", "list", "ruleset")
    done = node.run(script(of(untracked("nft"))), "cure")
    assert done.returncode == 76
    assert "has chains of these names already" in done.stderr
    assert node.netns.run("nft", "list", "ruleset") == before


def test_rules_that_the_node_s_own_have_to_let_pass_are_not_loaded_before(node: Node) -> None:
    first = Untracked(protocol="tcp", port=80, address=SERVER, accept=("INPUT", "OUTPUT"))
    made = of(AddRules(tool="nft", rule=first))
    done = node.run(script(made), "cure")
    assert done.returncode == 76
    assert f"accept tcp port 80 of {SERVER}" in done.stderr
    node.do(made, "cure", "--force")
    assert "notrack" in node.netns.run("nft", "list", "table", "inet", "halftrack")
