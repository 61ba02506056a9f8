"""The script of a plan: what is stuck goes, what lives under the same filter stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack.kernel import ctnetlink
from halftrack.plans.actions import Drain, SetSysctl
from halftrack.plans.script import script
from kernel.remedying import ANSWERED, SERVER, SERVER6, put, tuples
from kernel.scripting import NODE, SHELLS, Node, node_in
from unit.plans import one_sided, plan, step

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.plans.actions import Selection
    from halftrack.plans.document import Plan
    from kernel.scratch import Netns


def clearing(*selections: Selection, **fields: object) -> Plan:
    return plan(step("clear", Drain(filter=("one-sided",), selections=selections, **fields)), node=NODE)


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    return node_in(netns, tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("server", "clients"), [(SERVER, "198.51.100.{}"), (SERVER6, "2001:db8:1::{}")])
@pytest.mark.parametrize("by_stdin", [False, True])
def test_unanswered_entries_go_at_once(
    node: Node, server: str, clients: str, shell: tuple[str, ...], by_stdin: bool
) -> None:
    for i in range(1, 6):
        put(node.netns, server, clients.format(i), 80, 50_000 + i)
    put(node.netns, server, clients.format(9), 443, 50_009)
    put(node.netns, clients.format(8), server, 40_008, 80, *ANSWERED)
    family = "ipv6" if ":" in server else "ipv4"
    made = clearing(one_sided(server, family=family), expected=7)
    done = node.run(script(made), "clear", shell=shell, by_stdin=by_stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deleted at once: 5 (listed right before: 5), other entries touched: 0" in done.stdout
    assert "2 more, being made or in smaller groups, are left to time" in done.stdout
    assert tuples(node.netns) == {("6", 443, 50_009), ("6", 40_008, 80)}


def test_a_list_of_what_went_is_kept_and_can_be_loaded(node: Node) -> None:
    for i in range(1, 4):
        put(node.netns, SERVER, f"198.51.100.{i}", 80, 50_000 + i)
    before = tuples(node.netns)
    node.do(clearing(one_sided()), "clear")
    assert tuples(node.netns) == set()
    saved = next((node.root / "var/lib/halftrack-script").rglob("*.save"))
    assert saved.stat().st_mode & 0o077 == 0
    node.netns.run("conntrack", "-R", str(saved))
    assert tuples(node.netns) == before


@pytest.mark.parametrize("shell", SHELLS)
def test_with_something_alive_under_the_filter_each_is_looked_at(node: Node, shell: tuple[str, ...]) -> None:
    for i in range(1, 6):
        put(node.netns, SERVER, f"198.51.100.{i}", 80, 50_000 + i)
    put(node.netns, SERVER, "198.51.100.9", 80, 50_009, *ANSWERED)
    done = node.run(script(clearing(one_sided())), "clear", shell=shell)
    assert done.returncode == 0, done.stderr
    assert "deleted 5 of 5 (one by one, each looked at right before)" in done.stdout
    assert tuples(node.netns) == {("6", 80, 50_009)}


@pytest.mark.parametrize("shell", SHELLS)
def test_how_long_it_takes_one_by_one_is_said_beforehand(node: Node, shell: tuple[str, ...]) -> None:
    made = clearing(one_sided(entries=196_402, others=1_204))
    said = node.run(script(made), shell=shell).stdout
    assert "1204 others match it, too, so that each is looked at and taken alone: 196010 s or more" in said
    assert "taken alone" not in node.run(script(clearing(one_sided())), shell=shell).stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_silent_connections_are_only_given_less_time(node: Node, shell: tuple[str, ...]) -> None:
    left = {40_001: "300000", 40_002: "299000", 40_003: "5000", 40_004: "431000"}
    for port, seconds in left.items():
        put(node.netns, "198.51.100.7", SERVER, port, 8_883, *ANSWERED, "-t", seconds)
    chosen = one_sided(
        address_at="orig_dst", port_at="orig_dport", port=8_883, proof="silent", silent_below_s=430_000
    )
    done = node.run(script(clearing(chosen, seconds=60)), "clear", shell=shell)
    assert done.returncode == 0, done.stderr
    assert "2 of 4 have at most 7440 s left now" in done.stdout
    frame = ctnetlink.dump(netns_path=node.netns.path).flows.frame
    now = dict(frame.select("orig_sport", "timeout").iter_rows())
    assert min(now[40_001], now[40_002]) > 7_400
    assert max(now[40_001], now[40_002]) <= 7_440
    assert now[40_003] <= 5_000
    assert now[40_004] > 430_000


ORPHANS = one_sided(address_at="orig_dst", port_at="orig_dport", port=8_883, proof="no-socket", others=1)


def test_what_has_a_socket_stays(node: Node, live_connection: tuple[str, int, int]) -> None:
    for i in range(3):
        put(node.netns, "198.51.100.7", SERVER, 40_000 + i, 8_883, *ANSWERED)
    assert "deleted 3 of 4 (one by one" in node.do(clearing(ORPHANS), "clear")
    assert tuples(node.netns) == {("6", *live_connection[1:])}


def test_with_no_socket_left_all_go_at_once(node: Node) -> None:
    for i in range(3):
        put(node.netns, "198.51.100.7", SERVER, 40_000 + i, 8_883, *ANSWERED)
    alone = clearing(one_sided(address_at="orig_dst", port_at="orig_dport", port=8_883, proof="no-socket"))
    assert "deleted at once: 3 (listed right before: 3)" in node.do(alone, "clear")
    assert tuples(node.netns) == set()


def test_nothing_is_deleted_under_strict_pick_up(node: Node) -> None:
    put(node.netns, SERVER, "198.51.100.1", 80, 50_001)
    node.netns.sysctl("nf_conntrack_tcp_loose", 0)
    done = node.run(script(clearing(one_sided())), "clear")
    assert done.returncode == 76
    assert "tcp_loose is 0" in done.stderr
    assert tuples(node.netns) == {("6", 80, 50_001)}


def test_strict_pick_up_waits_for_the_clearing(node: Node) -> None:
    put(node.netns, SERVER, "198.51.100.1", 80, 50_001)
    made = clearing(one_sided())
    loose = SetSysctl(name="net.netfilter.nf_conntrack_tcp_loose", before="1", after="0")
    made = replace_steps(made, loose)
    done = node.run(script(made), "cure")
    assert done.returncode == 76
    assert "strict pick-up comes after the clearing" in done.stderr
    node.do(made, "clear")
    node.do(made, "cure")
    assert node.netns.run("sysctl", "-n", loose.name).strip() == "0"


def replace_steps(made: Plan, action: SetSysctl) -> Plan:
    return plan(step("cure", action), *made.steps, node=NODE)


def test_what_has_no_filter_is_said_and_is_not_done(node: Node) -> None:
    done = node.run(script(clearing()), "clear")
    assert done.returncode == 76
    assert "not done: entries of one-sided: conntrack(8) has no filter for them" in done.stderr


def test_a_connection_that_is_being_made_is_left(node: Node) -> None:
    put(node.netns, "198.51.100.7", SERVER, 40_000, 80, "--state", "SYN_SENT", "-t", "100")
    opening = one_sided(address_at="orig_dst", port_at="orig_dport", state="SYN_SENT")
    assert "5 more, being made or in smaller groups" in node.do(clearing(opening), "clear")
    assert tuples(node.netns) == {("6", 40_000, 80)}


def test_deleting_has_no_way_back(node: Node) -> None:
    done = node.run(script(clearing(one_sided())), "back", "clear")
    assert done.returncode == 64
    assert "do not come back" in done.stderr


def test_an_address_in_the_table_is_data_to_every_tool(node: Node) -> None:
    """Ports and addresses of entries that look like options or code cannot occur; udp has no states."""
    put(node.netns, SERVER, "198.51.100.1", 53, 50_001, proto="udp")
    put(node.netns, SERVER, "198.51.100.2", 53, 50_002, *ANSWERED, proto="udp")
    made = clearing(one_sided(protocol="udp", state=None, port=53))
    assert "deleted 1 of 1 (one by one" in node.do(made, "clear")
    assert {row[0] for row in ctnetlink.dump(netns_path=node.netns.path).flows.frame.select(pl.col("orig_dport")).iter_rows()} == {50_002}  # fmt: skip


def test_an_address_that_is_not_filled_in_yet_is_shown_by_its_name(node: Node) -> None:
    drain = Drain(filter=("one-sided",), selections=(one_sided("$ADDR_1"),))
    made = plan(step("clear", drain), node=NODE, variables={"ADDR_1": "x.x.x.73"})
    done = node.run(script(made))
    assert done.returncode == 0, done.stderr
    assert " ADDR_1 " in next(line for line in done.stdout.splitlines() if "conntrack -L" in line)
    assert node.run(script(made), "clear").returncode == 76, "by its name nothing is done"
