"""Plans as the files of whoever owns the settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import assume, given, settings

from halftrack.diagnosis.document import Risk
from halftrack.evidence.values import OWN
from halftrack.plans.actions import (
    AddRules,
    ByHand,
    Drain,
    SetSysctl,
    TimeoutPolicy,
    Untracked,
    Where,
)
from halftrack.plans.document import Effect
from halftrack.plans.handover import TARGETS, hand_over
from halftrack.plans.kube_proxy_fields import go_duration
from unit.everything import BAD, HOSTILE, everything
from unit.plans import ESTABLISHED, plan, step

if TYPE_CHECKING:
    from halftrack.plans.document import Plan

PREFIX = "net.netfilter.nf_conntrack_"
UNTRACKED = Untracked(protocol="tcp", port=80, address="203.0.113.73", accept=("INPUT", "OUTPUT"))


def close_wait() -> Plan:
    """What kube-proxy owns is by hand; the rest is no matter of its."""
    theirs = (SetSysctl(name=f"{PREFIX}tcp_timeout_close_wait", before="3600", after="60"),)
    return plan(
        step(
            "cure",
            ByHand(manager="kube-proxy", lines=("conntrack:",), settings=theirs),
            SetSysctl(name=f"{PREFIX}tcp_loose", before="1", after="0"),
            SetSysctl(where=Where(netns="pod", path="/run/netns/pod"), name=ESTABLISHED, after="7440"),
            title="half-closed 281,446",
            effect=Effect(settles_at=4_700),
            risk=Risk(level="low", live_flows_affected=0),
        ),
        step("clear", Drain(filter=("symptom=half-closed",))),
        node="ip-10-3-7-21",
        taken_at=datetime(2026, 11, 23, 17, 4, 11, tzinfo=UTC),
    )


def test_kube_proxy_gets_its_fields_and_is_told_the_rest() -> None:
    text = hand_over(close_wait(), "kube-proxy")
    assert yaml.safe_load(text) == {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "conntrack": {"tcpCloseWaitTimeout": "60s"},
    }
    lines = text.splitlines()
    assert '  tcpCloseWaitTimeout: "60s"  # was 1h0m0s' in lines
    assert lines[0].endswith("for ip-10-3-7-21, table as of 2026-11-23T17:04:11Z")
    assert (
        lines[1] == "# predicted: half-closed 281,446; settles at about 4,700 entries; live flows affected: 0"
    )
    assert "rollout restart daemonset kube-proxy" in text
    assert f"#   {PREFIX}tcp_loose = 0" in lines
    assert "#   halftrack drain symptom=half-closed (shorten-established)" in lines
    assert f"#   {ESTABLISHED} = 7440 in the network namespace pod (shorten-established)" in lines


def test_kube_proxy_takes_each_kind_of_value_as_its_own() -> None:
    values = {"tcp_timeout_established": "7440", "max": "524288", "tcp_be_liberal": "1", "udp_timeout": "30"}
    made = plan(
        step("relief", *(SetSysctl(name=PREFIX + k, before="60", after=v) for k, v in values.items()))
    )
    assert yaml.safe_load(hand_over(made, "kube-proxy"))["conntrack"] == {
        "tcpEstablishedTimeout": "7440s",
        "min": 524_288,
        "tcpBeLiberal": True,
        "udpTimeout": "30s",
    }


@pytest.mark.parametrize(
    ("seconds", "shown"), [(60, "1m0s"), (3_600, "1h0m0s"), (59, "59s"), (432_000, "120h0m0s")]
)
def test_durations_are_shown_as_go_shows_them(seconds: int, shown: str) -> None:
    assert go_duration(seconds) == shown


def test_a_drop_in_says_what_why_and_what_it_was() -> None:
    text = hand_over(close_wait(), "sysctl.d")
    kept = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert kept == [f"{PREFIX}tcp_timeout_close_wait = 60", f"{PREFIX}tcp_loose = 0"]
    assert "# was 3600\n# kube-proxy sets this at each of its starts: it has to change there\n" in text
    assert "# half-closed 281,446; settles at about 4,700 entries" in text
    assert "halftrack drain symptom=half-closed" in text


def tasks(made: Plan) -> list[dict[str, Any]]:
    loaded = yaml.safe_load(hand_over(made, "ansible"))
    assert isinstance(loaded, list)
    return loaded


def test_tasks_hold_settings_files_and_rules_in_order() -> None:
    found = tasks(everything())
    assert all(task["name"] for task in found)
    modules = [next(key for key in task if "." in key) for task in found]
    assert modules[0] == "ansible.builtin.assert"
    assert found[0]["ansible.builtin.assert"] == {"that": ["addr_1 is defined"]}
    set_ = [task["ansible.posix.sysctl"] for task in found if "ansible.posix.sysctl" in task]
    assert [(each["name"], each["value"], each["sysctl_set"]) for each in set_] == [
        (f"{PREFIX}max", "524288", True),
        (f"{PREFIX}tcp_loose", "0", True),
    ]
    copied = {
        task["ansible.builtin.copy"]["dest"]: task["ansible.builtin.copy"]["content"]
        for task in found
        if "ansible.builtin.copy" in task
    }
    assert copied["/etc/modules-load.d/halftrack.conf"] == "nf_conntrack\n"
    assert copied["/etc/modprobe.d/halftrack.conf"] == "options nf_conntrack hashsize=131072\n"
    rules = copied["/etc/halftrack/rules.d/notrack_tcp_80_1.nft"]
    assert "    ip daddr {{ addr_1 }} tcp dport 80 notrack\n" in rules
    jumps = [
        (rule["table"], rule["chain"], rule["jump"])
        for task in found
        if (rule := task.get("ansible.builtin.iptables"))
    ]
    assert jumps.index(("filter", "INPUT", "ACCEPT")) < jumps.index(("raw", "PREROUTING", "NOTRACK"))
    assert modules.index("ansible.builtin.copy") < modules.index("ansible.posix.sysctl")


@pytest.mark.parametrize("target", TARGETS)
def test_a_plan_with_nothing_for_the_target_says_so(target: str) -> None:
    with pytest.raises(LookupError):
        hand_over(plan(step("clear", Drain(filter=("one-sided",)))), target)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=40, deadline=None)
@given(text=HOSTILE)
def test_free_text_stays_in_comments(target: str, text: str) -> None:
    assume(text not in OWN)  # as a namespace's name these mean the node's own
    told = hand_over(everything(text), target)
    assert told.isascii()
    plain = hand_over(everything("plain"), target)

    def bare(each: str) -> list[str]:
        return [line.partition("  # was")[0] for line in each.split("\n") if not line.startswith("#")]

    assert bare(told) == bare(plain)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "action",
    [
        SetSysctl(name=BAD, after="1"),
        SetSysctl(name=ESTABLISHED, after=BAD),
        SetSysctl(name=ESTABLISHED, after="{{ lookup('pipe', 'id') }}"),
    ],
)
def test_what_is_no_name_or_value_gets_no_file(target: str, action: SetSysctl) -> None:
    with pytest.raises(ValueError, match="is not"):
        hand_over(plan(step("cure", action)), target)


@pytest.mark.parametrize(
    "rule",
    [
        Untracked(protocol="tcp", port=80, address="{{ x }}"),
        Untracked(protocol="{{ x }}", port=80, address="203.0.113.73"),
        TimeoutPolicy(port=80, timeouts={"{{ x }}": 1}),
    ],
)
def test_no_rule_brings_anything_that_ansible_reads(rule: Untracked | TimeoutPolicy) -> None:
    with pytest.raises(ValueError, match="is no"):
        hand_over(plan(step("cure", AddRules(rule=rule))), "ansible")
