"""Plans rehearsed: the copy shows what the plan says, and the node stays as it is to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import msgspec
import pytest

from halftrack.plans.actions import AddRules, Drain, SetBuckets, SetSysctl, Untracked
from halftrack.reporters import schema
from kernel.changing import ESTABLISHED, LOOSE, Site
from kernel.changing import plan as made
from kernel.draining import SERVER
from kernel.rehearsing import LIVE, STATEFUL, STUCK, everything, left, node, rehearse, unchanged
from kernel.talking import talk as connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.rehearsing import Rehearsed
    from kernel.scratch import Netns

GLOBAL = [Path("/proc/sys/net/netfilter") / name for name in ("nf_conntrack_max", "nf_conntrack_buckets")]
REMEDIES = {
    "shorten-established": "shorten-established",
    "strict-pickup": "strict-pickup",
    "cap-unacknowledged": "cap-unacknowledged",
    "timeout-policy": "timeout-policy:service=tcp/443,established=7440",
}


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with node() as netns:
        yield netns


@pytest.fixture(scope="module")
def rehearsed(sick: Netns, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rehearsed]:
    """Every remedy once; after each the node is compared with what it was."""
    found = {}
    for name, words in REMEDIES.items():
        home = tmp_path_factory.mktemp(name)
        before, had = everything(sick), left(sick)
        found[name] = rehearse(sick, home, words)
        unchanged(before, sick)
        assert all(0 <= old - new < 120 for old, new in zip(had, left(sick), strict=True)), name
        assert list(home.iterdir()) == [], name
    return found


@pytest.mark.parametrize("name", REMEDIES)
def test_it_goes_as_predicted_and_the_report_follows_its_schema(
    rehearsed: dict[str, Rehearsed], name: str
) -> None:
    found = rehearsed[name]
    assert found.code == 0, found.out + found.err
    jsonschema.Draft202012Validator(schema.rehearsal()).validate(found.document)
    assert found.document["holds"] is True
    assert found.step["state"] == "held"
    assert all(line.endswith(": done, verified") for line in found.step["did"])
    assert found.document["undone"] is True
    [sample] = found.document["samples"]
    assert (sample["table"], sample["entries"], sample["refused"]) == (STUCK + LIVE, STUCK + LIVE, {})
    [copied] = found.document["copied"]
    assert copied["rules"] == ["nft table inet admin"]
    assert copied["left"] == []


def test_a_shorter_timeout_is_what_new_packets_get(rehearsed: dict[str, Rehearsed]) -> None:
    talk = rehearsed["shorten-established"].talk("tcp/443")
    assert (talk["still"], talk["anew"]) == (True, True)
    assert talk["kept"]["before"] > 430_000
    assert 7_430 < talk["kept"]["after"] <= 7_440
    assert talk["kept"]["foretold"] == 7_440
    assert talk["kept"]["agrees"]


def test_strict_pickup_takes_no_late_packet_and_cuts_nothing(rehearsed: dict[str, Rehearsed]) -> None:
    talk = rehearsed["strict-pickup"].talk()
    assert (talk["still"], talk["anew"]) == (True, True)
    assert talk["late"]["before"] > 430_000
    assert talk["late"]["after"] is None
    assert talk["late"]["agrees"]


def test_the_cap_is_what_a_late_packet_gets(rehearsed: dict[str, Rehearsed]) -> None:
    talk = rehearsed["cap-unacknowledged"].talk()
    assert talk["late"]["before"] > 430_000
    assert 290 < talk["late"]["after"] <= 300
    assert talk["late"]["agrees"]


NOTRACK = f"notrack:service=tcp/80,address={SERVER}"


def test_without_tracking_the_service_works_and_has_no_entry(tmp_path: Path) -> None:
    rules = "table inet admin {\n chain input {\n type filter hook input priority 0\n ct state invalid drop\n }\n}\n"
    with node(rules) as netns:
        before = everything(netns)
        found = rehearse(netns, tmp_path, NOTRACK)
        unchanged(before, netns)
    assert found.code == 0, found.out + found.err
    talk = found.talk()
    assert (talk["still"], talk["anew"]) == (True, True)
    assert talk["kept"]["before"] > 430_000
    assert talk["kept"]["after"] is None
    assert talk["kept"]["agrees"]
    assert found.step["happened"]["settles_at"] == 0
    assert found.document["undone"] is True


def test_what_has_to_be_done_by_hand_first_is_said_as_fix_would(sick: Netns, tmp_path: Path) -> None:
    found = rehearse(sick, tmp_path, NOTRACK)
    assert found.code == 76
    assert found.step["state"] == "failed"
    assert found.step["why"].startswith("first by hand: ")
    assert found.document["refused"] == [found.step["why"]]
    assert found.talk()["still"]


def test_a_policy_is_for_its_service_alone(rehearsed: dict[str, Rehearsed]) -> None:
    document = rehearsed["timeout-policy"].document
    assert [each["service"] for each in document["connections"]] == ["tcp/443"]
    talk = rehearsed["timeout-policy"].talk("tcp/443")
    assert 7_430 < talk["kept"]["after"] <= 7_440
    assert talk["kept"]["agrees"]


def test_a_drain_frees_in_the_copy_what_it_would_free(sick: Netns, tmp_path: Path) -> None:
    site = Site(sick, tmp_path)
    action = Drain(where=site.where, filter=("one-sided",), expected=STUCK)
    before, had = everything(sick), left(sick)
    found = rehearse(sick, tmp_path, str(site.plan([action])))
    assert found.code == 0, found.out + found.err
    happened = found.step["happened"]
    assert (happened["entries_freed"], happened["entries_later"], happened["others"]) == (STUCK, 0, 0)
    assert found.step["did"] == [f"drain one-sided: {STUCK} drained"]
    assert found.talk()["still"]
    unchanged(before, sick)
    assert all(0 <= old - new < 120 for old, new in zip(had, left(sick), strict=True))
    assert {one.name for one in tmp_path.iterdir()} == {"plan.json"}


def test_entries_with_a_socket_on_the_node_are_not_drained(sick: Netns, tmp_path: Path) -> None:
    """The copy has no sockets: those of the node decide."""
    site = Site(sick, tmp_path)
    ends = connected(sick, SERVER, 22)
    try:
        action = Drain(where=site.where, filter=("orphaned",))
        found = rehearse(sick, tmp_path, str(site.plan([action])))
    finally:
        for one in ends:
            one.close()
    assert found.code == 0, found.out + found.err
    [sample] = found.document["samples"]
    assert sample["entries"] == STUCK + LIVE + 1
    assert found.step["happened"]["entries_freed"] == STUCK + LIVE
    assert found.step["happened"]["others"] == 0
    sick.run("conntrack", "-D", "-p", "tcp", "--orig-port-dst", "22")


def test_what_the_whole_node_has_is_never_written(sick: Netns, tmp_path: Path) -> None:
    site = Site(sick, tmp_path)
    limit = "net.netfilter.nf_conntrack_max"
    plan = site.plan(
        [
            SetSysctl(where=site.where, name=limit, after="77777"),
            SetBuckets(after=77_824),
            SetSysctl(where=site.where, name=LOOSE, before="1", after="0"),
        ]
    )
    found = rehearse(sick, tmp_path, str(plan))
    assert "77777" not in GLOBAL[0].read_text("ascii")
    assert "77824" not in GLOBAL[1].read_text("ascii")
    not_done = found.step["not_done"]
    assert len(not_done) == 2
    assert all("the whole node has one" in line for line in not_done)
    assert found.step["state"] == "held"


def test_a_plan_of_nothing_else_is_refused(sick: Netns, tmp_path: Path) -> None:
    site = Site(sick, tmp_path)
    found = rehearse(sick, tmp_path, str(site.plan([SetBuckets(after=77_824)])))
    assert found.code == 76
    assert "the whole node has" in found.err


def test_a_step_that_would_fail_ends_in_76_and_keeps_the_next_from_its_turn(
    sick: Netns, tmp_path: Path
) -> None:
    site = Site(sick, tmp_path)
    steps = (
        [SetSysctl(where=site.where, name=LOOSE, before="1", after="0")],
        [SetSysctl(where=site.where, name=ESTABLISHED, before="5", after="7440")],
        [SetSysctl(where=site.where, name=ESTABLISHED, after="7441")],
    )
    before = everything(sick)
    found = rehearse(sick, tmp_path, str(site.plan(*steps)))
    assert found.code == 76
    assert "432000 and not 5 as planned" in found.err
    assert [step["state"] for step in found.document["steps"]] == ["held", "failed", "not-reached"]
    assert found.document["refused"] != []
    assert found.document["undone"] is True
    unchanged(before, sick)


def test_a_connection_that_the_plan_cuts_ends_in_76(tmp_path: Path) -> None:
    """Without tracking, rules that want a connection's state drop the answers of a client on the node."""
    with node(STATEFUL) as netns:
        site = Site(netns, tmp_path)
        rule = AddRules(where=site.where, rule=Untracked(protocol="tcp", port=80, address=SERVER))
        found = rehearse(netns, tmp_path, str(site.plan([rule])))
    assert found.code == 76, found.out
    talk = found.talk()
    assert talk["opened"]
    assert talk["still"] is False
    assert talk["anew"] is False
    assert found.step["happened"]["cut"] == 1
    assert "was cut" in found.err


def test_tables_of_every_tool_are_copied(tmp_path: Path) -> None:
    """And the interfaces that rules bind to are there for them."""
    with node() as netns:
        netns.run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "far0")
        netns.run(
            "nft",
            "add table netdev edge; add chain netdev edge in "
            "{ type filter hook ingress device out0 priority 0; }; add table inet more; "
            'add chain inet admin named; add rule inet admin named iif "out0" counter',
        )
        netns.run("iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "9", "-j", "ACCEPT")
        netns.run(
            "iptables-legacy",
            "-t",
            "raw",
            "-A",
            "OUTPUT",
            "-p",
            "tcp",
            "--dport",
            "9",
            "-j",
            "CT",
            "--notrack",
        )
        before = everything(netns)
        found = rehearse(netns, tmp_path, "strict-pickup")
        unchanged(before, netns)
    assert found.code == 0, found.err
    [copied] = found.document["copied"]
    assert set(copied["rules"]) == {
        "nft table inet admin",
        "nft table inet more",
        "nft table netdev edge",
        "iptables table filter",
        "iptables-legacy table raw",
    }
    assert copied["left"] == []


def test_a_table_that_nft_does_not_take_is_named_and_left_out(tmp_path: Path) -> None:
    """Rules for more interfaces than a copy gets."""
    names = [f"many{number:02}" for number in range(66)]
    with node() as netns:
        for name in names:
            netns.run("ip", "link", "add", name, "type", "bridge")
        listed = ", ".join(f'"{name}"' for name in names)
        netns.run(
            "nft", f"add table inet wide; add chain inet wide c; add rule inet wide c iif {{ {listed} }} drop"
        )
        before = everything(netns)
        found = rehearse(netns, tmp_path, "strict-pickup")
        unchanged(before, netns)
    [copied] = found.document["copied"]
    assert copied["rules"] == ["nft table inet admin"]
    [left_out] = copied["left"]
    assert left_out.startswith("nft table inet wide: nft refused: ")
    assert found.code == 0, found.err


def test_the_screen_says_it_on_narrow_lines(sick: Netns, tmp_path: Path) -> None:
    found = rehearse(sick, tmp_path, "strict-pickup", json=False)
    assert found.code == 0
    assert max(map(len, found.out.splitlines())) <= 80
    for word in ("SAMPLE", "STEP 1", "predicted", "TALK", "BACK", "COST", "Nothing on this node was changed"):
        assert word in found.out


def test_a_plan_of_another_node_is_refused_unless_it_is_meant(sick: Netns, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    site = Site(sick, tmp_path)
    action = SetSysctl(where=site.where, name=LOOSE, after="0")
    plan.write_bytes(msgspec.json.encode(made([action], node="elsewhere")))
    assert rehearse(sick, tmp_path, str(plan)).code == 64
    found = rehearse(sick, tmp_path, str(plan), "--from-elsewhere")
    assert found.code == 0, found.err
    assert found.document["plan_node"] == "elsewhere"
