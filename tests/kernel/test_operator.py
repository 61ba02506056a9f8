"""Whoever changes a node through ssh is told what becomes of that very connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from halftrack.changes import bystander, operator
from halftrack.kernel.ctnetlink import connection
from halftrack.plans import document
from halftrack.plans.actions import SetSysctl, Where
from kernel.changing import ESTABLISHED, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

SERVER = 2222


@pytest.fixture
def port(netns: Netns) -> Iterator[int]:
    """The client's, of a connection inside the namespace that is tracked."""
    netns.run(
        "nft",
        "add table inet t; add chain inet t c { type filter hook input priority 0; }; "
        "add rule inet t c ct state established accept",
    )

    def connect() -> tuple[socket.socket, socket.socket, socket.socket]:
        listening = socket.create_server(("127.0.0.1", SERVER))
        client = socket.create_connection(("127.0.0.1", SERVER))
        return listening, client, listening.accept()[0]

    ends = netns.call(connect)
    yield ends[1].getsockname()[1]
    for end in ends:
        end.close()


def test_the_entry_is_found_by_what_the_server_sees(netns: Netns, port: int) -> None:
    seen = netns.call(lambda: connection.find("127.0.0.1", port, "::ffff:127.0.0.1", SERVER))
    assert seen is not None
    assert (seen.state, seen.translated) == ("ESTABLISHED", False)
    assert 431_000 < (seen.left_s or 0) <= 432_000
    assert netns.call(lambda: connection.find("127.0.0.1", port ^ 1, "127.0.0.1", SERVER)) is None


def test_its_fate_is_said_before_anything_is_changed(netns: Netns, port: int, tmp_path: Path) -> None:
    site = Site(netns, tmp_path)
    site.etc.mkdir()
    plan = site.plan((SetSysctl(where=Where(netns="self"), name=ESTABLISHED, after="7440"),))
    environment = {**site.environment, "SSH_CONNECTION": f"127.0.0.1 {port} 127.0.0.1 {SERVER}"}
    done = subprocess.run(
        ["ip", "netns", "exec", netns.name, sys.executable, "-m", "halftrack", "fix", str(plan), "--yes"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert f"Your ssh connection (127.0.0.1 port {port}) is in the table (ESTABLISHED, " in told
    assert "left): forgotten once it is silent for 2 h 4 min." in told
    assert all(len(line) <= 80 for line in (done.stdout + done.stderr).splitlines())


def test_a_connection_that_passes_through_the_plans_namespace_is_found_there(
    netns: Netns, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", f"127.0.0.1 {port} 127.0.0.1 {SERVER}")
    where = Where(netns=netns.name, path=netns.path, inode=netns.inode)
    plan = Site(netns, tmp_path).plan((SetSysctl(where=where, name=ESTABLISHED, after="7440"),))
    [said] = bystander.lines(document.decode(plan.read_bytes()))
    assert f"is in the table of {netns.name} (ESTABLISHED, " in said
    assert said.endswith("left): forgotten once it is silent for 2 h 4 min.")
    monkeypatch.setenv("SSH_CONNECTION", f"127.0.0.1 {port ^ 1} 127.0.0.1 {SERVER}")
    [said] = bystander.lines(document.decode(plan.read_bytes()))
    assert said.endswith("is in no table of this plan: no step touches an entry of it.")


def test_what_sudo_drops_is_found_in_the_processes_above(tmp_path: Path) -> None:
    code = "from halftrack.changes import operator; print(operator.connection())"
    inner = ["env", "-u", "SSH_CONNECTION", sys.executable, "-c", code]
    script = tmp_path / "above.py"
    script.write_text(
        f"import subprocess; print(subprocess.check_output({inner!r}, text=True))", encoding="utf-8"
    )
    told = subprocess.check_output(
        [sys.executable, str(script)],
        env={**os.environ, "SSH_CONNECTION": "2001:db8::7 50000 2001:db8::1 22"},
        text=True,
        timeout=60,
    )
    assert "client='2001:db8::7', client_port=50000" in told


def test_what_is_no_connection_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "\x1b[31m 1 2 3")
    assert operator.connection() is None
