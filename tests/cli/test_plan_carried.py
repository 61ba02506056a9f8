"""Plans that are carried away, as a user asks for them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from cli.conftest import FOUNDING

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run

ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"


def test_the_script_of_a_masked_table_asks_for_the_address(run: Run, tmp_path: Path) -> None:
    done = run("plan", "--from", str(FOUNDING), "--sh")
    assert done.code == 0, done.err
    assert "ADDR_1=''    # the address shown as xx.xx.xx.73\n" in done.out
    assert "parts cure, clear; fill in ADDR_1 first" in done.err
    name = tmp_path / "fix.sh"
    name.write_text(done.out, "ascii")
    for shell in (("dash",), ("busybox", "sh"), ("bash", "--posix")):
        shown = subprocess.run([*shell, name], capture_output=True, text=True, check=False, timeout=60)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert f"{ESTABLISHED}: as it is -> 7440" in shown.stdout


def test_a_script_that_is_saved_is_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "fix.sh"
    done = run("plan", "--from", str(FOUNDING), "--sh", "-o", str(target))
    assert (done.code, done.out) == (0, "")
    assert target.read_text("ascii").startswith("#!/bin/sh\n")
    assert target.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("owner", "holds"),
    [
        ("kube-proxy", '  tcpEstablishedTimeout: "7440s"\n'),
        ("sysctl.d", f"{ESTABLISHED} = 7440\n"),
        ("ansible", f"    name: '{ESTABLISHED}'\n"),
    ],
)
def test_each_owner_gets_its_file(run: Run, owner: str, holds: str) -> None:
    done = run("plan", "--from", str(FOUNDING), "--for", owner)
    assert done.code == 0, done.err
    assert holds in done.out
    if owner != "sysctl.d":
        assert yaml.safe_load(done.out)


def test_forms_exclude_each_other_and_an_unknown_owner_is_named(run: Run) -> None:
    for words in (("--sh", "--json"), ("--sh", "--for", "ansible"), ("--for", "puppet")):
        done = run("plan", "--from", str(FOUNDING), *words)
        assert done.code == 64
        assert done.out == ""
        assert done.err.count("\n") >= 1


def test_an_owner_for_whom_the_plan_holds_nothing_is_told_so(run: Run) -> None:
    done = run("plan", "drain", "--from", str(FOUNDING), "--for", "kube-proxy")
    assert done.code == 64
    assert "nothing for kube-proxy" in done.err


def test_an_address_with_a_hostile_scope_gets_into_no_command(run: Run, tmp_path: Path) -> None:
    """ipaddress takes any text after the percent sign of an IPv6 address for its scope."""
    hostile = "fe80::1%$(touch${IFS}pwned)"
    table = tmp_path / "table.txt"
    table.write_text(FOUNDING.read_text("ascii").replace("xx.xx.xx.73", hostile), "ascii")
    done = run("doctor", str(table), "--json")
    commands = [
        command
        for finding in json.loads(done.out)["findings"]
        for remedy in finding["remedies"]
        for command in remedy["commands"]
    ]
    assert commands
    for command in commands:
        assert hostile not in "\n".join(line.partition("# ")[0] for line in command.splitlines())
    made = run("plan", "--from", str(table), "--sh")
    assert made.code == 0, made.err
    subprocess.run(["dash", "-s"], input=made.out, text=True, check=True, timeout=60, cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["table.txt"]
