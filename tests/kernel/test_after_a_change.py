"""What was stuck before a change of ours is told as the same after it, by every verb that looks."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from halftrack.evidence import addresses, uapi
from kernel.draining import LEFT_S, SERVER, stuck
from kernel.inject import End, Entries, inject
from kernel.troubles import ANSWERED

if TYPE_CHECKING:
    from kernel.changing import Site
    from kernel.scratch import Netns

_TRACKED = """
table inet tracked {
  chain input { type filter hook input priority 0; ct state established accept; }
}
"""
_SILENT_S = 432_000 - LEFT_S
_DEAD = 200
_PASSING = 50
_EXAMINED_S = 30
"""A look takes no longer, and no entry is younger for it."""


@pytest.fixture
def server(site: Site) -> Site:
    site.netns.run("nft", "-f", "-", stdin=_TRACKED)
    site.netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    return site


def answered(netns: Netns, count: int, server: str = SERVER) -> None:
    """Connections to the server that it does not know any more, silent for nineteen hours."""
    clients = np.arange(count, dtype=np.uint32) + np.uint32(0x0A000001)
    own = np.full(count, addresses.parse(server)[1] & 0xFFFFFFFF, dtype=np.uint32)
    ends = End(clients, own, 40_000, 22), End(own, clients, 22, 40_000)
    state = uapi.TCP_CONNTRACK_ESTABLISHED
    inject(netns.path, Entries(*ends, count=count, timeout=LEFT_S, state=state, status=ANSWERED))


def found(site: Site) -> dict[str, dict[str, Any]]:
    """The doctor's findings among entries, by symptom."""
    done = site.halftrack("doctor", "--netns", site.netns.name, "--json", "--exit-zero")
    assert done.returncode == 0, done.stderr
    findings = json.loads(done.stdout)["findings"]
    return {each["symptom"]: each for each in findings if each["groups"]}


def counted(site: Site, *words: str) -> int:
    done = site.halftrack("list", *words, "--count", "--netns", site.netns.name)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def drained(site: Site, *words: str) -> dict[str, Any]:
    done = site.halftrack("drain", *words, "--dry-run", "--json", "--netns", site.netns.name)
    assert done.returncode == 0, done.stderr
    preview: dict[str, Any] = json.loads(done.stdout)["preview"]
    return preview


def applied(site: Site, remedy: str) -> None:
    plan = str(site.base / "plan.json")
    made = site.halftrack("plan", remedy, "--netns", site.netns.name, "-o", plan)
    assert made.returncode == 0, made.stderr
    done = site.halftrack("fix", plan, "--yes")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("remedy", ["cap-unacknowledged", "shorten-established:established=7440"])
def test_the_orphaned_stay_orphaned_for_every_verb(server: Site, remedy: str) -> None:
    netns = server.netns
    capped = remedy.startswith("cap")
    if capped:
        for name in ("unacknowledged", "max_retrans"):
            netns.sysctl(f"nf_conntrack_tcp_timeout_{name}", 432_000)
        stuck(netns, _DEAD)
    else:
        answered(netns, _DEAD)
    before = found(server)
    assert before.keys() == {"orphaned"}
    applied(server, remedy)

    after = found(server)
    assert after.keys() == {"orphaned"}
    assert after["orphaned"]["entries"] == before["orphaned"]["entries"] == _DEAD
    for group in after["orphaned"]["groups"]:
        assert _SILENT_S <= group["idle_min_s"] <= group["idle_max_s"] <= _SILENT_S + _EXAMINED_S
    assert counted(server, "orphaned") == counted(server, "idle=19h..20h") == _DEAD
    shown = drained(server, "orphaned")
    assert (shown["matching"], shown["changed"]) == (_DEAD, _DEAD)
    assert {each["fate"] for each in shown["judged"]} == {"dead"}
    asked = ("whatif", "tcp_timeout_established=3600", "--json", "--netns", netns.name)
    told = json.loads(server.halftrack(*asked).stdout)
    assert told["live_flows_lost"] == 0
    assert any("until then (change 1)" in each for each in told["notes"])
    # Put back, they are dated as at first.
    assert server.halftrack("undo", "1", "--yes").returncode == 0
    assert found(server)["orphaned"]["entries"] == _DEAD


def test_what_speaks_after_a_shorter_timeout_is_silent_at_least_since_then(server: Site) -> None:
    """Two connections as old as each other; only one of them speaks again once the timeout is shorter."""
    netns = server.netns
    answered(netns, _DEAD)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(netns.call(lambda: socket.create_server((SERVER, 8883))))
        pairs = []
        for _ in range(2):
            client = netns.call(lambda: socket.create_connection((SERVER, 8883)))
            ours, _ = listener.accept()
            pairs.append((stack.enter_context(ours), stack.enter_context(client)))
        for pair in pairs:
            _spoken(*pair)
        applied(server, "shorten-established:established=7440")
        _spoken(*pairs[0])
        asked = ("list", "port=8883", "--json", "--netns", netns.name)
        listed = json.loads(server.halftrack(*asked).stdout)["entries"]
        port = pairs[0][1].getsockname()[1]
        [spoke] = [each for each in listed if port in (each["orig"]["sport"], each["orig"]["dport"])]
        [quiet] = [each for each in listed if each is not spoke]
        assert spoke["left_s"] <= 7_440
        assert (spoke["idle_s"] <= _EXAMINED_S, spoke["idle_at_least"]) == (True, True)
        assert quiet["left_s"] > 430_000
        assert (quiet["idle_s"] <= _EXAMINED_S, quiet["idle_at_least"]) == (True, False)
        assert found(server)["orphaned"]["entries"] == _DEAD
        assert counted(server, "symptom=idle-established") == 0


def test_what_a_drain_gave_less_time_is_as_silent_as_before(server: Site) -> None:
    """The dead, and connections through here whose ends nobody can see."""
    netns = server.netns
    answered(netns, _DEAD)
    answered(netns, _PASSING, server="198.51.100.7")
    before = {symptom: each["entries"] for symptom, each in found(server).items()}
    assert before == {"orphaned": _DEAD, "idle-established": _PASSING}
    words = ("drain", "state=ESTABLISHED", "--yes", "--expect", str(_DEAD + _PASSING))
    done = server.halftrack(*words, "--netns", netns.name)
    assert done.returncode == 0, done.stderr
    left = [int(line.split()[2]) for line in netns.run("conntrack", "-L", "-p", "tcp").splitlines()]
    assert sum(each <= 60 for each in left) == _DEAD
    assert max(left) <= 7_440

    after = found(server)
    assert {symptom: each["entries"] for symptom, each in after.items()} == before
    for each in after.values():
        for group in each["groups"]:
            assert _SILENT_S - 2 <= group["idle_min_s"] <= group["idle_max_s"] <= _SILENT_S + _EXAMINED_S
    assert counted(server, "symptom=idle-established", "idle=19h..20h") == _PASSING


def _spoken(one: socket.socket, other: socket.socket) -> None:
    """Both ways, and every byte acknowledged: then the entry has its whole time again."""
    for sender, receiver in ((one, other), (other, one)):
        sender.sendall(b"x")
        receiver.settimeout(5)
        assert receiver.recv(1) == b"x"
    for end in (one, other):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
