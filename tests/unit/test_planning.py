"""Plans: what is chosen, in which order, once, and why not the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from halftrack.evidence.rulesets import Ruleset
from halftrack.evidence.sysctls import SysctlLine
from halftrack.evidence.values import Input, LocalAddress, Namespace, Owner
from halftrack.plans.actions import (
    AddRules,
    ByHand,
    Persist,
    Selection,
    SetBuckets,
    SetSysctl,
    TimeoutPolicy,
    Where,
)
from halftrack.plans.document import decode
from halftrack.remedies import timeout_policy
from unit.flowrows import evidence, row, sockets, table
from unit.planned import (
    ESTABLISHED,
    LOOSE,
    OLD_KERNEL,
    PREFIX,
    SETTINGS,
    WEB,
    leak,
    old_node,
    plan,
    remedies,
    silent,
    step,
    the_drain,
    why_not,
)

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Advice
    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation

KINDS = ("relief", "cure", "clear")


def test_a_full_table_of_an_old_kernel_is_relieved_cured_and_cleared_in_this_order() -> None:
    made = plan(old_node(1_000))
    assert remedies(made) == ["raise-limit", "shorten-established", "drain"]
    kinds = [KINDS.index(each.kind) for each in made.steps]
    assert kinds == sorted(kinds)
    assert {"strict-pickup", "notrack"} <= {each.remedy for each in made.not_chosen}


def test_no_room_is_made_where_clearing_makes_it() -> None:
    made = plan(old_node(900))
    assert "raise-limit" not in remedies(made)
    assert "after clearing the table is under 1 % full" in why_not(made, "raise-limit")


def test_the_hash_grows_before_the_limit_and_both_carry_what_was_seen() -> None:
    actions = step(plan(old_node(1_000)), "raise-limit").actions
    assert actions[:2] == (
        SetBuckets(before=256, after=1_024),
        SetSysctl(name=f"{PREFIX}max", before=None, after="2000"),
    )
    [kept] = [each for each in actions if isinstance(each, Persist)]
    assert (kept.settings, kept.hashsize, kept.module) == ({f"{PREFIX}max": "2000"}, 1_024, True)


def test_the_established_timeout_is_set_kept_and_undone_to_what_was_seen() -> None:
    made = step(plan(old_node()), "shorten-established")
    assert made.actions == (
        SetSysctl(name=ESTABLISHED, before="432000", after="7440"),
        Persist(settings={ESTABLISHED: "7440"}, module=True),
    )
    assert made.before == f"{ESTABLISHED} = 432000"
    assert f"{ESTABLISHED} = 432000" in made.undo
    assert made.risk.live_flows_affected == 3


def test_old_names_of_settings_are_kept() -> None:
    name = "net.ipv4.netfilter.ip_conntrack_tcp_timeout_established"
    seen = evidence(table(*leak(900), settings={name: "432000"}, limit=1_000), kernel="2.6.18-8.el5")
    actions = step(plan(seen), "shorten-established").actions
    assert [each.name for each in actions if isinstance(each, SetSysctl)] == [name]


def test_a_drain_names_exactly_the_entries_of_its_finding() -> None:
    drain = the_drain(plan(old_node()))
    assert (drain.filter, drain.expected) == (("one-sided", "src=203.0.113.73", "sport=80"), 900)
    [selection] = drain.selections
    assert selection == Selection(
        protocol="tcp",
        state="ESTABLISHED",
        address_at="orig_src",
        address=WEB,
        port_at="orig_sport",
        port=80,
        entries=900,
        proof="unanswered",
        longest_s=432_000,
    )


def test_entries_of_several_servers_are_drained_by_one_word() -> None:
    rows = [*leak(500), *leak(400, server="203.0.113.80")]
    seen = evidence(table(*rows, settings=SETTINGS, limit=1_000), kernel=OLD_KERNEL)
    drain = the_drain(plan(seen))
    assert (drain.filter, drain.expected) == (("one-sided",), 900)
    assert [each.entries for each in drain.selections] == [500, 400]


def test_what_is_orphaned_is_drained_and_its_silent_neighbours_are_not() -> None:
    gone = [row("198.51.100.9", WEB, 40_000 + n, 8883, left=300_000) for n in range(600)]
    open_ends = [(WEB, 22, "198.51.100.200", 40_000 + n) for n in range(50)]
    here = table(
        *gone,
        *silent(50),
        settings=SETTINGS,
        limit=1_000,
        sockets=sockets((WEB, 22), *open_ends),
        addresses=(LocalAddress(WEB, 24, "eth0"),),
    )
    made = plan(evidence(here))
    drain = step(made, "drain")
    assert (the_drain(made).filter, the_drain(made).expected) == (("orphaned",), 600)
    assert [each.proof for each in the_drain(made).selections] == ["no-socket"]
    assert (drain.effect.entries_freed, drain.risk.live_flows_affected) == (600, 0)
    assert [point.entries for point in drain.effect.points] == [50] * 5


def test_live_picked_up_flows_are_the_reason_against_strict_pickup() -> None:
    picked_up = [
        row("198.51.100.77", WEB, 30_000 + n, 443, left=431_990, flags=(0x08, 0x08)) for n in range(40)
    ]
    seen = evidence(
        table(*leak(900), *picked_up, settings=SETTINGS, limit=1_000, buckets=256), kernel=OLD_KERNEL
    )
    told = why_not(plan(seen), "strict-pickup")
    assert told == "after it, 40 live picked-up flows would break"
    assert step(plan(seen, "strict-pickup"), "strict-pickup").risk.live_flows_affected == 40


def test_the_same_setting_is_set_once_for_several_findings() -> None:
    made = plan(old_node(1_000), "1", "2", "shorten-established")
    named = [
        (action.where.netns, action.name)
        for each in made.steps
        for action in each.actions
        if isinstance(action, SetSysctl)
    ]
    assert len(named) == len(set(named))


def test_a_file_that_is_read_after_ours_is_named() -> None:
    lines = (SysctlLine("/etc/sysctl.d/99-tuning.conf", 7, ESTABLISHED, "432000"),)
    actions = step(plan(old_node(sysctl_lines=lines)), "shorten-established").actions
    [by_hand] = [each for each in actions if isinstance(each, ByHand)]
    assert by_hand == ByHand(manager="/etc/sysctl.d/99-tuning.conf:7", lines=(f"{ESTABLISHED} = 7440",))


def test_a_containers_settings_go_into_its_own_namespace_and_its_start() -> None:
    owner = Owner("mqtt-edge", "3f2a", "podman", netns_inode=77)
    inside = Namespace("mqtt-edge", 77, "/proc/4242/ns/net", 4242, owner)
    here = table(*leak(900), namespace=inside, settings=SETTINGS, limit=1_000)
    actions = step(plan(evidence(here), "shorten-established"), "shorten-established").actions
    change, start = actions
    assert isinstance(change, SetSysctl)
    assert (change.where.netns, change.where.inode) == ("mqtt-edge", 77)
    assert start == ByHand(manager="podman", lines=(f"--sysctl {ESTABLISHED}=7440",))


def test_masked_addresses_become_variables() -> None:
    seen = evidence(
        table(*leak(900, server="xx.xx.xx.73"), settings=SETTINGS, limit=1_000),
        kernel=OLD_KERNEL,
        source="dump",
    )
    made = plan(seen)
    assert made.variables == {"ADDR_1": "xx.xx.xx.73"}
    assert [each.address for each in the_drain(made).selections] == ["$ADDR_1"]
    assert the_drain(made).filter == ("one-sided", "src=$ADDR_1", "sport=80")


def test_so_do_stand_ins_which_look_like_addresses() -> None:
    seen = evidence(
        table(*leak(900, server="240.0.0.73"), settings=SETTINGS, limit=1_000),
        kernel=OLD_KERNEL,
        source="bundle",
        input=Input(masked="substituted"),
    )
    made = plan(seen)
    assert made.variables == {"ADDR_1": "240.0.0.73"}
    assert the_drain(made).filter == ("one-sided", "src=$ADDR_1", "sport=80")


def test_nothing_to_do_is_an_empty_plan() -> None:
    seen = evidence(table(row(), settings=SETTINGS, limit=262_144))
    assert plan(seen).steps == ()


def test_a_plan_is_read_back_as_it_was_and_not_when_it_was_changed() -> None:
    made = plan(old_node(1_000))
    written = msgspec.json.encode(made)
    assert decode(written) == made
    with pytest.raises(ValueError, match="was changed"):
        decode(written.replace(b'"after":"7440"', b'"after":"10"'))


def test_with_strict_pickup_on_nothing_is_drained_that_could_not_come_back() -> None:
    seen = evidence(table(*leak(900), settings={**SETTINGS, LOOSE: "0"}, limit=1_000), kernel=OLD_KERNEL)
    made = plan(seen)
    assert "drain" not in remedies(made)
    assert "strict pick-up would not take them in again" in why_not(made, "drain")


def test_where_rules_may_need_what_never_was_answered_it_gets_longer() -> None:
    looked = plan(old_node(), rules={"host": Ruleset(unread=("nft hangs",))})
    assert step(looked, "drain").effect.entries_freed == 0
    assert step(looked, "drain").title == "drain 900 entries that never had an answer, 2 h 4 min left to each"
    assert (
        "900 are left 2 h 4 min, and then go: without its entry what becomes of it cannot be told: nft hangs"
        in step(looked, "drain").risk.why
    )
    assert "rules of host not read: nft hangs" in looked.notes
    first, later, *_ = step(looked, "drain").effect.points
    assert later.entries < first.entries / 10
    assert step(plan(old_node(), rules={"host": Ruleset()}), "drain").effect.entries_freed == 900


def test_a_policy_for_the_service_is_taken_where_the_node_wide_timeout_would_cut_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:
        seconds = int(advice.arguments["established"])
        where = Where(netns=situation.table.netns)
        return (AddRules(where=where, rule=TimeoutPolicy(port=8883, timeouts={"established": seconds})),)

    monkeypatch.setattr(timeout_policy, "actions", actions, raising=False)
    gone = [row("198.51.100.9", WEB, 40_000 + n, 8883, left=300_000) for n in range(600)]
    here = {
        "settings": SETTINGS,
        "limit": 1_000,
        "addresses": (LocalAddress(WEB, 24, "eth0"),),
    }
    open_ends = [(WEB, 22, "198.51.100.200", 40_000 + n) for n in range(50)]
    listening = sockets((WEB, 22), *open_ends)
    beside_others = plan(evidence(table(*gone, *silent(50), sockets=listening, **here)))
    assert remedies(beside_others) == ["timeout-policy", "drain"]
    told = why_not(beside_others, "shorten-established")
    assert told == "for the whole node it may cut 50 live connections that are merely silent"

    alone = plan(evidence(table(*gone, sockets=sockets((WEB, 22)), **here)))
    assert remedies(alone) == ["shorten-established", "drain"]
    assert "cuts no more" in why_not(alone, "timeout-policy")


def test_where_all_namespaces_share_their_settings_the_hosts_are_set_and_seen() -> None:
    owner = Owner("web-1", "101", "openvz", netns_inode=77)
    inside = table(
        *leak(900),
        namespace=Namespace("web-1", 77, "/proc/4242/ns/net", 4242, owner),
        settings={**SETTINGS, ESTABLISHED: "1"},
        limit=1_000,
    )
    host = table(row(), settings=SETTINGS, limit=262_144)
    made = plan(evidence(host, inside, kernel=OLD_KERNEL), "shorten-established")
    changes = [a for each in made.steps for a in each.actions if isinstance(a, SetSysctl)]
    assert [(each.where.netns, each.before) for each in changes] == [("host", "432000")]


@pytest.mark.parametrize(
    ("answered", "chosen"),
    [
        (0, ["cap-unacknowledged", "drain"]),
        (300, ["cap-unacknowledged", "shorten-established", "drain"]),
        (900, ["shorten-established", "drain"]),
    ],
)
def test_what_is_orphaned_without_an_answer_is_capped_and_what_had_one_shortened(
    answered: int, chosen: list[str]
) -> None:
    """On a kernel whose caps were raised, and whose sockets tell that all of it is dead."""
    raised = {f"{PREFIX}tcp_timeout_{name}": "432000" for name in ("unacknowledged", "max_retrans")}
    gone = [row("198.51.100.9", WEB, 40_000 + n, 8883, left=300_000) for n in range(answered)]
    here = table(
        *leak(600),
        *gone,
        settings={**SETTINGS, **raised},
        limit=262_144,
        sockets=sockets((WEB, 22)),
        addresses=(LocalAddress(WEB, 24, "eth0"),),
    )
    made = plan(evidence(here, kernel="6.1.0"))
    assert remedies(made) == chosen
    if not answered:
        settles = step(made, "cap-unacknowledged").effect.settles_at
        assert settles is not None
        assert settles < 10
