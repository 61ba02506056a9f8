"""Plans of what was asked for by name: remedies and findings; what does not go is refused."""

from __future__ import annotations

import pytest

from halftrack.errors import UsageError
from halftrack.evidence.values import SELF, Firewall, Namespace, Owner
from halftrack.plans.actions import (
    ByHand,
    SetSysctl,
)
from unit.flowrows import evidence, row, table
from unit.planned import (
    ESTABLISHED,
    LOOSE,
    OLD_KERNEL,
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


def test_strict_pickup_and_a_drain_are_refused_in_one_plan() -> None:
    with pytest.raises(UsageError, match="do not go into one plan"):
        plan(old_node(), "strict-pickup", "drain")
    with pytest.raises(UsageError, match="do not go into one plan"):
        plan(old_node(), "strict-pickup", "1")


def test_strict_pickup_alone_can_be_asked_for() -> None:
    made = plan(old_node(), "strict-pickup")
    assert remedies(made) == ["strict-pickup"]
    assert made.steps[0].actions[0] == SetSysctl(name=LOOSE, before="1", after="0")


def test_a_finding_is_planned_by_number_and_by_id() -> None:
    seen = old_node()
    by_number = plan(seen, "1")
    assert "shorten-established" in remedies(by_number)
    finding = by_number.steps[-1].finding
    assert finding is not None
    assert remedies(plan(seen, finding)) == remedies(by_number)


def test_a_finding_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no finding 'orphaned/mqtt-edge/tcp/8883' now: there are"):
        plan(old_node(), "orphaned/mqtt-edge/tcp/8883")
    with pytest.raises(UsageError, match="there is no finding 99"):
        plan(old_node(), "99")


def test_a_remedy_takes_the_arguments_that_were_given() -> None:
    made = step(plan(old_node(), "shorten-established:established=86400"), "shorten-established")
    assert made.actions[0] == SetSysctl(name=ESTABLISHED, before="432000", after="86400")


def test_a_remedy_that_no_finding_calls_for_is_planned_for_the_node() -> None:
    seen = evidence(table(*silent(3), settings=SETTINGS, limit=1_000, buckets=1_024))
    made = step(plan(seen, "shorten-established"), "shorten-established")
    assert made.actions[0] == SetSysctl(name=ESTABLISHED, before="432000", after="7440")


def test_what_is_so_already_is_not_done_again() -> None:
    seen = evidence(table(*silent(3), settings={**SETTINGS, ESTABLISHED: "7440"}, limit=1_000))
    made = plan(seen, "shorten-established")
    assert made.steps == ()
    assert why_not(made, "shorten-established") == "it is so already"


def test_two_values_for_one_setting_are_refused() -> None:
    with pytest.raises(UsageError, match="name one"):
        plan(old_node(), "shorten-established:established=1d", "shorten-established:established=2d")


def test_a_limit_below_todays_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing here would be more"):
        plan(old_node(), "raise-limit:limit=500")


def test_what_kube_proxy_owns_is_left_to_it_unless_told_otherwise() -> None:
    firewall = Firewall(managers=("kube-proxy",))
    made = plan(old_node(firewall=firewall), "shorten-established")
    [by_hand] = made.steps[0].actions
    assert isinstance(by_hand, ByHand)
    assert by_hand.manager == "kube-proxy"
    assert any("tcpEstablishedTimeout: 7440s" in line for line in by_hand.lines)

    unmanaged = plan(old_node(firewall=firewall), "shorten-established", unmanaged=True)
    assert isinstance(unmanaged.steps[0].actions[0], SetSysctl)


def test_silent_connections_that_may_live_are_drained_by_name_only() -> None:
    rows = [row("198.51.100.200", WEB, 40_000 + n, 5432, left=300_000) for n in range(800)]
    seen = evidence(table(*rows, settings=SETTINGS, limit=1_000))
    assert "drain" not in remedies(plan(seen))
    asked = step(plan(seen, "drain"), "drain")
    assert the_drain(plan(seen, "drain")).seconds == 7_440
    assert (asked.effect.entries_freed, asked.risk.level) == (0, "medium")


def test_a_step_says_its_namespace_where_it_is_not_the_hosts() -> None:
    inside = Namespace("mqtt-edge", 77, "/run/netns/mqtt-edge")
    here = table(*leak(900), namespace=inside, settings=SETTINGS, limit=1_000)
    made = plan(evidence(here), "shorten-established")
    assert made.steps[0].title.endswith(", in mqtt-edge")


def test_strict_pickup_of_a_shared_setting_waits_for_a_drain_in_any_namespace() -> None:
    owner = Owner("web-1", "101", "openvz", netns_inode=77)
    inside = Namespace("web-1", 77, "/proc/4242/ns/net", 4242, owner)
    tables = (
        table(*leak(900), settings=SETTINGS, limit=1_000),
        table(*leak(900, server="203.0.113.80"), namespace=inside, settings=SETTINGS, limit=1_000),
    )
    seen = evidence(*tables, kernel=OLD_KERNEL)
    drained = next(
        each for each in plan(seen).steps if each.remedy == "drain" and each.title.endswith("web-1")
    )
    assert drained.finding is not None
    with pytest.raises(UsageError, match="do not go into one plan"):
        plan(seen, drained.finding, "strict-pickup")


def test_what_is_no_address_is_refused_on_a_running_node() -> None:
    word = "notrack:service=tcp/80,address=xx.xx.xx.73"
    assert plan(old_node(source="dump"), word).variables == {"ADDR_1": "xx.xx.xx.73"}
    with pytest.raises(UsageError, match=r"'xx\.xx\.xx\.73' is no address"):
        plan(old_node(source="live"), word)


def test_what_is_named_in_another_namespace_than_the_nodes_is_for_that_one() -> None:
    host = table(*leak(900), settings=SETTINGS, limit=1_000)
    here = table(row(), namespace=Namespace(SELF, 77), settings=SETTINGS, limit=1_000)
    made = plan(evidence(host, here, kernel="6.1.0"), "shorten-established")
    places = [
        action.where.netns for each in made.steps for action in each.actions if isinstance(action, SetSysctl)
    ]
    assert places == [SELF]
