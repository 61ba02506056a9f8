"""``halftrack drain`` as a user types it: what it does, refuses, asks for, and leaves behind."""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from halftrack.changes import putting_back
from halftrack.kernel import identity
from halftrack.plans.actions import Where
from kernel.draining import (
    SERVER,
    command,
    drain,
    drain_answering,
    entries,
    environment,
    short,
    stuck,
    untouched,
)
from kernel.witness import Witness

if TYPE_CHECKING:
    from kernel.scratch import Netns


def test_a_dry_run_says_what_would_be_done_and_does_nothing(server: Netns, tmp_path: Path) -> None:
    stuck(server, 300)
    ran = drain(server, tmp_path, "one-sided", "sport=80", "--dry-run")
    assert ran.code == 0, ran.err
    assert "filter: one-sided sport=80" in ran.out
    assert re.search(r"300  left 1 min at most: no socket left at their owner", ran.out)
    shown = drain(server, tmp_path, "one-sided", "sport=80", "--dry-run", "--json").document
    assert (shown["outcome"], shown["preview"]["changed"], shown["preview"]["share"]) == (None, 300, 1.0)
    assert untouched(server)
    assert list(tmp_path.iterdir()) == []


def test_dead_entries_are_left_a_minute_and_others_what_they_have(server: Netns, tmp_path: Path) -> None:
    stuck(server, 300)
    stuck(server, 200, port=443)
    ran = drain(server, tmp_path, "one-sided", "sport=80", "--yes", "--expect", "300", "--json")
    assert ran.code == 0, ran.err
    assert (ran.outcome["retimed"], ran.outcome["restored"], ran.outcome["went"]) == (300, 0, 0)
    left = {
        port: [
            int(line.split()[2])
            for line in server.run("conntrack", "-L", "-p", "tcp", "--sport", port).splitlines()
        ]
        for port in ("80", "443")
    }
    assert len(left["80"]) == 300
    assert max(left["80"]) <= 60
    assert min(left["443"]) > 363_000


def test_what_was_removed_can_be_put_in_again_from_the_file(server: Netns, tmp_path: Path) -> None:
    stuck(server, 50)
    before = sorted(re.sub(r" 36\d+ ", " ", line) for line in server.run("conntrack", "-L").splitlines())
    ran = drain(server, tmp_path, "one-sided", "sport=80", "--delete", "--yes", "--expect", "50", "--json")
    assert (ran.code, ran.outcome["removed"], ran.outcome["went"]) == (0, 50, 50)
    assert entries(server) == 0
    kept = Path(ran.outcome["file"])
    assert kept.is_relative_to(tmp_path)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    shown = json.loads(_halftrack(tmp_path, "changes", "1", "--json").stdout)["changes"][0]
    assert [each["put_back"] for each in shown["drained_files"]] == [ran.outcome["put_back"]]
    told = _halftrack(tmp_path, "changes", "1").stdout.partition("what it can:\n")[2]
    assert subprocess.run(["sh", "-ec", told], check=False, capture_output=True, timeout=60).returncode == 0
    after = sorted(re.sub(r" 36\d+ ", " ", line) for line in server.run("conntrack", "-L").splitlines())
    assert after == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 64, "which entries"),
        (("sport",), 64, "write sport=80"),
        (("web",), 64, "no word of a filter"),
        (("one-sided", "--expect", "5"), 64, "goes with --yes"),
        (("one-sided", "--delete", "--to", "10m"), 64, "choose one"),
        (("one-sided", "--to", "soon"), 64, "write a duration"),
        (("one-sided", "sport=80"), 64, "--yes --expect 100"),
        (("one-sided", "sport=80", "--yes"), 64, "--expect 100"),
        (("one-sided", "sport=80", "--yes", "--expect", "90"), 76, "it is 100 entries now"),
    ],
)
def test_what_is_not_meant_is_refused(
    server: Netns, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    stuck(server, 100)
    ran = drain(server, tmp_path, *words)
    assert (ran.code, said in ran.err) == (code, True), ran.err
    assert untouched(server)


def test_on_a_terminal_the_number_has_to_be_typed(server: Netns, tmp_path: Path) -> None:
    stuck(server, 1_200)
    wrong = drain_answering(server, tmp_path, "one-sided", "sport=80", more=1)
    assert (wrong.code, "not the number: nothing was drained" in wrong.err) == (76, True)
    assert short(server) == 0
    right = drain_answering(server, tmp_path, "one-sided", "sport=80")
    assert (right.code, "cannot be undone" in right.err) == (0, True)
    assert "re-timed 1,200 entries" in right.out
    assert short(server) == 1_200


def test_few_entries_of_a_large_table_need_no_number(server: Netns, tmp_path: Path) -> None:
    stuck(server, 1_000, port=443)
    stuck(server, 50)
    ran = drain(server, tmp_path, "one-sided", "sport=80", "--yes", "--json")
    assert (ran.code, ran.outcome["retimed"]) == (0, 50), ran.err


_PASSING = "table ip t { chain c { type filter hook forward priority 0; ct state new counter accept; }; }"


@pytest.mark.parametrize(
    ("rules", "words", "left"),
    [
        (_PASSING, ("one-sided",), 60),
        (_PASSING, ("one-sided", "sport=80"), 60),
        (_PASSING.replace("new", "invalid drop; ct state new"), ("one-sided",), 7_440),
    ],
)
def test_what_never_was_answered_is_left_a_minute_where_no_rule_would_miss_it(
    netns: Netns, tmp_path: Path, rules: str, words: tuple[str, ...], left: int
) -> None:
    stuck(netns, 100)  # passing through: nobody's sockets tell
    netns.run("nft", "-f", "-", stdin=rules)
    ran = drain(netns, tmp_path, *words, "--yes", "--expect", "100", "--json")
    assert (ran.code, ran.outcome["retimed"]) == (0, 100), ran.err
    times = [int(line.split()[2]) for line in netns.run("conntrack", "-L").splitlines()]
    assert left - 10 < min(times) <= max(times) <= left


def test_strict_pick_up_protects_what_is_not_proven(netns: Netns, tmp_path: Path) -> None:
    stuck(netns, 100)  # an address that this namespace does not have: nobody's sockets tell
    netns.sysctl("nf_conntrack_tcp_loose", 0)
    ran = drain(netns, tmp_path, "one-sided", "--yes", "--expect", "100")
    assert ran.code == 76
    assert "refused: 100 never answered, not proven dead, and strict pick-up" in ran.err
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    ran = drain(netns, tmp_path, "one-sided", "--yes", "--expect", "100", "--json")
    assert (ran.code, ran.outcome["retimed"]) == (0, 100), ran.err


def test_a_namespace_that_is_not_there_is_said(tmp_path: Path) -> None:
    ran = drain("ht-never-made", tmp_path, "one-sided")
    assert ran.code == 64
    assert "no network namespace is called" in ran.err


def test_without_the_capability_it_says_which_one(server: Netns, tmp_path: Path) -> None:
    stuck(server, 10)
    words = ["ip", "netns", "exec", server.name, "setpriv", "--bounding-set=-net_admin", "--inh-caps=-all"]
    done = subprocess.run(
        [*words, *command(None, "one-sided", "--yes", "--expect", "10")],
        capture_output=True, text=True, check=False, timeout=60, env=environment(tmp_path),
    )  # fmt: skip
    assert done.returncode == 77, done.stderr
    assert "CAP_NET_ADMIN" in done.stderr
    assert entries(server) == 10


def test_net_admin_alone_drains_its_own_namespace(server: Netns, tmp_path: Path) -> None:
    stuck(server, 10)
    tmp_path.chmod(0o777)
    words = [
        "ip",
        "netns",
        "exec",
        server.name,
        "setpriv",
        "--bounding-set=-all,+net_admin",
        "--inh-caps=-all",
    ]
    done = subprocess.run(
        [*words, *command(None, "one-sided", "--yes", "--expect", "10")],
        capture_output=True, text=True, check=False, timeout=60, env=environment(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "re-timed 10 entries" in done.stdout


def test_what_is_kept_cannot_be_written_nothing_is_drained(server: Netns, tmp_path: Path) -> None:
    stuck(server, 10)
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="ascii")
    ran = drain(server, blocked, "one-sided", "--yes", "--expect", "10")
    assert ran.code == 74, ran.err
    assert os.fspath(blocked) in ran.err
    assert untouched(server)


def test_the_kernel_compares_and_removes_what_a_listening_server_sent(server: Netns, tmp_path: Path) -> None:
    server.sysctl("nf_conntrack_events", 1)
    stuck(server, 300)
    stuck(server, 100, port=443)
    server.run("conntrack", "-I", "-p", "tcp", "-s", SERVER, "-d", "10.200.0.1", "--sport", "80", "--dport", "9",
               "--state", "ESTABLISHED", "-t", "5000", "-u", "SEEN_REPLY")  # fmt: skip
    words = ("one-sided", "proto=tcp", "sport=80", "--delete", "--yes", "--expect", "300", "--json")
    with Witness(server.path) as witness, server.call(lambda: socket.create_server((SERVER, 80))):
        ran = drain(server, tmp_path, *words)
    assert (ran.code, ran.outcome["removed"], ran.outcome["went"]) == (0, 300, 300), ran.err
    caused = [event for event in witness.events() if event.caused]
    assert [event.destroyed for event in caused] == [True] * 300
    left = server.run("conntrack", "-L", "-p", "tcp").splitlines()
    assert len(left) == 101
    assert [line for line in left if " sport=80 " in line and "[UNREPLIED]" in line] == []
    assert Path(ran.outcome["file"]).read_text(encoding="ascii").count("\n") == 300


def test_a_drain_is_a_change_among_others_that_cannot_be_undone(server: Netns, tmp_path: Path) -> None:
    stuck(server, 20)
    assert drain(server, tmp_path, "one-sided", "--yes", "--expect", "20").code == 0
    (change,) = json.loads(_halftrack(tmp_path, "changes", "--json").stdout)["changes"]
    assert (change["drained"], change["state"]) == (20, "applied")
    assert Path(change["drained_file"]).read_text(encoding="ascii").count("\n") == 20
    undone = _halftrack(tmp_path, "undo", str(change["number"]), "--yes")
    assert change["drained_file"] in undone.stdout + undone.stderr
    assert short(server) == 20


def test_a_file_of_drained_entries_leads_nowhere_once_its_namespace_ended(server: Netns) -> None:
    """Another namespace of the same name is not the one that the entries were taken from."""
    where = Where(netns=server.name, path=server.path, inode=server.inode)
    boot = identity.boot()
    assert putting_back.command(where, "/x/a b", boot) == f"ip netns exec {server.name} conntrack -R '/x/a b'"
    assert putting_back.command(where, "/x", "another boot") is None
    other = msgspec.structs.replace(where, inode=server.inode + 100_000)
    assert putting_back.command(other, "/x", boot) is None
    own = Path("/proc/self/ns/net").stat().st_ino
    assert putting_back.command(Where(netns="self", inode=own), "/x", boot) == "conntrack -R /x"


def test_two_do_not_drain_at_once(server: Netns, tmp_path: Path) -> None:
    stuck(server, 20)
    with (tmp_path / "changes.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ran = drain(server, tmp_path, "one-sided", "--yes", "--expect", "20")
    assert ran.code == 75
    assert "another change is at work" in ran.err
    assert short(server) == 0


def _halftrack(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "halftrack", *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60, env=environment(state),
    )  # fmt: skip
