"""What is to hold over a reboot does: settings reset, files read in boot order, rules flushed and loaded."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import AddRules, Persist, SetSysctl, TimeoutPolicy, Untracked, Where
from kernel.changing import ESTABLISHED, Site
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.plans.actions import Action
    from kernel.scratch import Netns

HOST = Where(netns="host")
SETTINGS: tuple[Action, ...] = (
    SetSysctl(where=HOST, name=ESTABLISHED, after="7440"),
    Persist(settings={ESTABLISHED: "7440"}, module=True),
)
UNTRACKED = Untracked(protocol="tcp", port=80, address="203.0.113.73")
RULES: tuple[Action, ...] = (
    AddRules(where=HOST, rule=TimeoutPolicy(port=8883, timeouts={"established": 7440})),
    AddRules(where=HOST, rule=UNTRACKED),
    Persist(rules=True),
)


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Site:
    made = Site(netns, tmp_path)
    (made.etc / "sysctl.d").mkdir(parents=True)
    (made.etc / "sysctl.d/10-earlier.conf").write_text(f"{ESTABLISHED} = 600\n", encoding="utf-8")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return made


def run(node: Site, *words: str, boot_id: str | None = None) -> subprocess.CompletedProcess[str]:
    """The program where process 1 lives in the scratch namespace: for it, that is the node's.

    ``boot_id``: of another boot than this one.
    """
    as_booted = []
    if boot_id is not None:
        (node.base / "boot_id").write_text(boot_id, encoding="ascii")
        moved = f"mount --bind {node.base}/boot_id /proc/sys/kernel/random/boot_id"
        as_booted = ["sh", "-c", f'{moved} && exec "$@"', "sh"]
    return subprocess.run(
        [
            "ip",
            "netns",
            "exec",
            node.netns.name,
            "unshare",
            "--pid",
            "--fork",
            "--mount-proc",
            *as_booted,
            sys.executable,
            "-m",
            "halftrack",
            *words,
        ],
        env=node.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def boot(node: Site, netns: Netns) -> None:
    """What systemd does of it, in its order: settings, then units."""
    for path in sorted((node.etc / "sysctl.d").glob("*.conf")):
        netns.run("sysctl", "-q", "-p", str(path))
    netns.run("nft", "flush", "ruleset")
    for link in (node.etc / "systemd/system/multi-user.target.wants").glob("*"):
        for line in link.read_text(encoding="utf-8").splitlines():
            if line.startswith("ExecStart="):
                words = shlex.split(line.removeprefix("ExecStart="))
                may_fail = [subprocess.CalledProcessError] if words[0].startswith("-") else []
                with contextlib.suppress(*may_fail):
                    netns.run(words[0].removeprefix("-"), *words[1:])


def test_after_a_boot_the_fix_is_in_force_and_undo_leaves_no_file(node: Site) -> None:
    files, rules = node.files(), node.rules()
    done = run(node, "fix", str(node.plan(SETTINGS, RULES)), "--yes")
    assert done.returncode == 0, done.stderr
    fixed = node.rules()
    assert fixed != rules
    with scratch_netns("boot") as booted:
        boot(node, booted)
        again = Site(booted, node.base)
        assert again.value(ESTABLISHED) == "7440"
        assert again.rules() == fixed
    undone = run(node, "undo", "1", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert (node.files(), node.rules()) == (files, rules)


def test_rules_of_a_later_change_are_loaded_with_those_before(node: Site) -> None:
    for port in (8883, 1883):
        rule = TimeoutPolicy(port=port, timeouts={"established": 7440})
        done = run(
            node, "fix", str(node.plan((AddRules(where=HOST, rule=rule), Persist(rules=True)))), "--yes"
        )
        assert done.returncode == 0, done.stderr
    with scratch_netns("boot") as booted:
        boot(node, booted)
        boot(node, booted)
        assert Site(booted, node.base).rules() == node.rules()
    told = {
        change["number"]: change["holds"]
        for change in json.loads(run(node, "changes", "--json").stdout)["changes"]
    }
    assert told == {1: "yes", 2: "yes"}
    refused = run(node, "undo", "1", "--yes")
    assert (refused.returncode, "undo 2 first" in refused.stderr) == (76, True)


def test_what_a_later_change_wrote_over_is_told_by_that_one(node: Site) -> None:
    for before, after in (("432000", "7440"), ("7440", "9000")):
        action = SetSysctl(where=HOST, name=ESTABLISHED, before=before, after=after)
        done = run(node, "fix", str(node.plan((action,))), "--yes")
        assert done.returncode == 0, done.stderr
    newest, oldest = run(node, "changes").stdout.splitlines()
    assert newest.endswith("holds")
    assert oldest.endswith("replaced")


def test_rules_that_were_to_go_with_a_boot_do_not_come_back_with_later_ones(node: Site) -> None:
    rule = AddRules(where=HOST, rule=UNTRACKED)
    done = run(node, "fix", str(node.plan((rule,))), "--yes", "--until-reboot")
    assert done.returncode == 0, done.stderr
    node.netns.run("nft", "flush", "ruleset")
    done = run(node, "fix", str(node.plan(RULES)), "--yes", boot_id=f"{uuid.uuid4()}\n")
    assert done.returncode == 0, done.stderr
    with scratch_netns("boot") as booted:
        boot(node, booted)
        assert Site(booted, node.base).rules() == node.rules()


def test_chains_of_iptables_come_back(node: Site) -> None:
    untracked = Untracked(protocol="tcp", port=80, address="203.0.113.73", accept=("INPUT", "OUTPUT"))
    plan = node.plan((AddRules(where=HOST, tool="iptables", rule=untracked), Persist(rules=True)))
    done = run(node, "fix", str(plan), "--yes")
    assert done.returncode == 0, done.stderr
    with scratch_netns("boot") as booted:
        boot(node, booted)
        assert saved(booted) == saved(node.netns)


def test_timeout_policies_of_iptables_come_back_before_the_rules_that_use_them(node: Site) -> None:
    rule = TimeoutPolicy(port=8883, timeouts={"established": 7440, "unack": 120})
    plan = node.plan((AddRules(where=HOST, tool="iptables", rule=rule), Persist(rules=True)))
    done = run(node, "fix", str(plan), "--yes")
    assert done.returncode == 0, done.stderr
    with scratch_netns("boot") as booted:
        boot(node, booted)
        assert saved(booted) == saved(node.netns)
        assert "--timeout" in "".join(saved(booted))
        assert policies(booted) == policies(node.netns)
        assert "7440" in policies(booted)
        boot(node, booted)
    undone = run(node, "undo", "1", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert policies(node.netns) == ""


def policies(netns: Netns) -> str:
    return netns.run("nfct", "list", "timeout")


def saved(netns: Netns) -> list[str]:
    lines = netns.run("iptables-save").splitlines()
    return [line for line in lines if line.startswith(("-A", "*")) or "halftrack" in line]


def test_what_cannot_come_back_is_refused_first(node: Site) -> None:
    (node.base / "run/systemd/system").rmdir()
    refused = run(node, "fix", str(node.plan(RULES)), "--yes")
    assert (refused.returncode, "systemd, which does not run here" in refused.stderr) == (76, True)
    assert node.rules() == []
