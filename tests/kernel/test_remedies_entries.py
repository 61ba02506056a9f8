"""Commands that remove entries remove the dead ones and nothing else."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack.evidence import uapi
from halftrack.evidence.values import (
    LocalAddress,
    Owner,
)
from halftrack.kernel import ctnetlink
from halftrack.remedies import (
    drain,
)
from unit.situations import situation

if TYPE_CHECKING:
    from halftrack.remedies.situation import Situation
    from kernel.scratch import Netns
from kernel.remedying import ANSWERED, SERVER, SERVER6, evidence_of, paste, put, table_of, tuples
from kernel.scratch import scratch_netns


def clear(here: Situation, tmp_path: Path) -> int | None:
    found = drain.advise(here)
    assert found is not None
    paste(found.commands, tmp_path)
    return found.effect.entries_freed


@pytest.mark.parametrize(("server", "clients"), [(SERVER, "198.51.100.{}"), (SERVER6, "2001:db8:1::{}")])
def test_unanswered_entries_go_and_the_answered_of_the_same_service_stay(
    netns: Netns, tmp_path: Path, server: str, clients: str
) -> None:
    for i in range(1, 6):
        put(netns, server, clients.format(i), 80, 50_000 + i)
        put(netns, clients.format(i), server, 40_000 + i, 80, *ANSWERED)
    put(netns, server, clients.format(9), 443, 50_009)
    here = situation(
        evidence_of(table_of(netns)), which=pl.col("one_sided") & (pl.col("service") == "tcp/80")
    )
    assert clear(here, tmp_path) == 5
    assert tuples(netns) == {("6", 40_000 + i, 80) for i in range(1, 6)} | {("6", 443, 50_009)}


def test_an_answered_entry_that_came_meanwhile_stops_the_removal(netns: Netns) -> None:
    put(netns, SERVER, "198.51.100.1", 80, 50_001)
    found = drain.advise(situation(evidence_of(table_of(netns))))
    assert found is not None
    put(netns, SERVER, "198.51.100.2", 80, 50_002, *ANSWERED)
    subprocess.run(["sh", "-c", found.commands[-1]], check=False, timeout=60)
    assert tuples(netns) == {("6", 80, 50_001), ("6", 80, 50_002)}


def test_where_no_filter_tells_them_apart_each_is_looked_at(netns: Netns, tmp_path: Path) -> None:
    for i in range(1, 5):
        put(netns, SERVER, f"198.51.100.{i}", 80, 50_000 + i)
    put(netns, SERVER, "198.51.100.9", 80, 50_009, *ANSWERED)
    here = situation(evidence_of(table_of(netns)))
    put(netns, SERVER, "198.51.100.8", 80, 50_008, *ANSWERED)
    assert clear(here, tmp_path) == 4
    assert tuples(netns) == {("6", 80, 50_008), ("6", 80, 50_009)}


def test_entries_to_an_address_that_nobody_has_go_by_that_address(netns: Netns, tmp_path: Path) -> None:
    for i in range(4):
        translated = ("-r", "10.244.1.9", "-q", "192.0.2.9", "--reply-port-src", "5353")
        ports = ("--reply-port-dst", str(40_000 + i))
        put(netns, "192.0.2.9", "10.96.0.10", 40_000 + i, 53, *translated, *ports, proto="udp")
    put(netns, "192.0.2.9", "10.96.0.10", 41_000, 53, proto="udp")
    ev = evidence_of(table_of(netns, addresses=(LocalAddress("10.244.1.9", 32, "x"),)))
    gone = pl.col("reply_sport") == 5_353
    assert clear(situation(ev, "stale-nat", gone), tmp_path) == 4
    assert tuples(netns) == {("17", 41_000, 53)}


def test_entries_without_a_socket_go_and_the_live_one_stays(
    netns: Netns, tmp_path: Path, live_connection: tuple[str, int, int]
) -> None:
    server, client_port, port = live_connection
    for i in range(3):
        put(netns, "198.51.100.7", server, 40_000 + i, port, *ANSWERED)
    owner = Owner("mqtt-edge", "3f2a", "podman", addresses=(server,))
    table = table_of(netns)
    ev = evidence_of(replace(table, namespace=replace(table.namespace, owner=owner)), owners=(owner,))
    here = situation(ev, "orphaned", pl.col("orig_sport").is_between(40_000, 40_002))
    assert here.finding.groups[0].owner is not None
    assert clear(here, tmp_path) == 3
    assert tuples(netns) == {("6", client_port, port)}


def test_orphans_are_not_removed_by_filter_once_their_service_is_back(
    netns: Netns, live_connection: tuple[str, int, int]
) -> None:
    server, client_port, port = live_connection
    put(netns, "198.51.100.7", server, 40_000, port, *ANSWERED)
    table = table_of(netns)
    before = replace(table.flows, frame=table.flows.frame.filter(pl.col("orig_sport") == 40_000))
    here = situation(evidence_of(replace(table, flows=before)), "orphaned", pl.lit(value=True))
    found = drain.advise(here)
    assert found is not None
    subprocess.run(["sh", "-c", found.commands[-1]], check=False, timeout=60)
    assert tuples(netns) == {("6", 40_000, port), ("6", client_port, port)}


def test_a_masked_address_has_to_be_filled_in(netns: Netns, tmp_path: Path) -> None:
    put(netns, SERVER, "198.51.100.1", 80, 50_000)
    masked = pl.Series("opaque", ["203.0.113.x"])
    table = table_of(netns)
    assert table.flows is not None
    hidden = table.flows.frame.with_columns(
        pl.lit((1 << 64) - 1, pl.UInt64).alias(name) for name in ("orig_src_hi", "reply_dst_hi")
    ).with_columns(pl.lit(0, pl.UInt64).alias(name) for name in ("orig_src_lo", "reply_dst_lo"))
    here = situation(evidence_of(replace(table, flows=replace(table.flows, frame=hidden, opaque=masked))))
    found = drain.advise(here)
    assert found is not None
    assignment, *commands = found.commands
    assert assignment == "ADDR_1=    # the address shown as 203.0.113.x"
    empty = subprocess.run(
        ["sh", "-c", "\n".join(found.commands)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "ADDR_1" in empty.stderr
    assert tuples(netns) == {("6", 80, 50_000)}
    paste(["\n".join([f"ADDR_1={SERVER}", *commands])], tmp_path)
    assert tuples(netns) == set()


@pytest.mark.parametrize(
    ("server", "clients"), [("192.0.2.80", "198.51.100.{}"), (SERVER6, "2001:db8:1::{}")]
)
def test_silent_connections_get_less_time_and_those_that_speak_keep_theirs(
    netns: Netns, tmp_path: Path, server: str, clients: str
) -> None:
    for i in range(1, 4):
        put(netns, clients.format(i), server, 40_000 + i, 8_883, *ANSWERED, "-t", "300000")
    put(netns, clients.format(4), server, 40_004, 8_883, *ANSWERED, "-t", "5000")
    put(netns, clients.format(5), server, 40_005, 8_883, *ANSWERED, "-t", "431000")
    if server == "192.0.2.80":
        translated = ("-r", "10.0.0.5", "-q", "198.51.100.6", "--reply-port-src", "8883")
        back = ("--reply-port-dst", "40006")
        put(netns, "198.51.100.6", server, 40_006, 8_883, *translated, *back, *ANSWERED, "-t", "300000")
    here = situation(evidence_of(table_of(netns)), "idle-established", pl.col("idle_s") > 7_440)
    put(netns, clients.format(7), server, 40_007, 8_883, *ANSWERED, "-t", "431990")
    found = drain.advise(here)
    assert found is not None
    paste(found.commands, tmp_path)
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    left = dict(frame.select("orig_sport", "timeout").iter_rows())
    for port in {40_001, 40_002, 40_003, 40_006} & left.keys():
        assert 7_400 < left[port] <= 7_440
    assert left[40_004] <= 5_000
    assert min(left[40_005], left[40_007]) > 430_000
    assert set(frame["state"].to_list()) == {uapi.TCP_CONNTRACK_ESTABLISHED}
    assert all(bits & uapi.IPS_SEEN_REPLY for bits in frame["status"].to_list())


def test_handshakes_that_stay_go_and_the_answered_one_stays(netns: Netns, tmp_path: Path) -> None:
    for i in range(3):
        put(netns, "198.51.100.7", SERVER, 40_000 + i, 443, "--state", "SYN_SENT", "-t", "4000")
    put(netns, "198.51.100.7", SERVER, 41_000, 443, "--state", "SYN_RECV", "-t", "4000", "-u", "SEEN_REPLY")
    here = situation(evidence_of(table_of(netns)), "half-open", pl.lit(value=True))
    assert clear(here, tmp_path) == 3
    assert tuples(netns) == {("6", 41_000, 443)}


def test_the_sockets_are_asked_for_where_the_address_is(
    netns: Netns, tmp_path: Path, live_connection: tuple[str, int, int]
) -> None:
    """The table's namespace only forwards; the server's is another, and sees a rewritten client."""
    server, client_port, port = live_connection
    with scratch_netns("r") as router:
        answers = ("-r", server, "-q", server, "--reply-port-src", str(port))
        answers += ("--reply-port-dst", str(client_port))
        put(router, "198.51.100.8", server, 50_000, port, *answers, *ANSWERED)
        for i in range(3):
            put(router, "198.51.100.7", server, 40_000 + i, port, *ANSWERED)
        ours = table_of(router, addresses=(LocalAddress("192.0.2.1", 24, "eth0"),))
        theirs = replace(table_of(netns), addresses=(LocalAddress(server, 32, "lo"),))
        here = situation(
            evidence_of(ours, theirs), "orphaned", pl.col("orig_sport").is_between(40_000, 40_002)
        )
        assert here.finding.groups[0].owner is None
        assert clear(here, tmp_path) == 3
        assert tuples(router) == {("6", 50_000, port)}
