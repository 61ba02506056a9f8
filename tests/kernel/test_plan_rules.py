"""Rules of one service, asked for by name: planned, put in, in force for new traffic, taken out again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kernel.running import halftrack

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.scratch import Netns


def ruleset(netns: Netns) -> str:
    return netns.run("nft", "-j", "list", "ruleset")


def planned(netns: Netns, home: Path, word: str) -> Path:
    made = home / "plan.json"
    done = halftrack("plan", word, "--netns", netns.path, "-o", str(made), home=home)
    assert done.returncode == 0, done.stderr
    return made


def test_a_timeout_policy_for_one_service_comes_and_goes(netns: Netns, tmp_path: Path) -> None:
    before = ruleset(netns)
    made = planned(netns, tmp_path, "timeout-policy:service=tcp/8883,established=7440")
    [step] = json.loads(made.read_bytes())["steps"]
    [action] = step["actions"]
    assert (action["rule"]["port"], action["rule"]["timeouts"]) == (8883, {"established": 7440})
    done = halftrack("fix", str(made), "--yes", "--no-try", home=tmp_path)
    assert done.returncode == 0, done.stderr
    listed = netns.run("nft", "list", "ruleset")
    assert "8883" in listed
    # The tool is the one that holds the node's rules, which others may have put there.
    assert ("ct timeout set" if action.get("tool", "nft") == "nft" else "target CT") in listed
    done = halftrack("undo", "1", "--yes", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ruleset(netns) == before


def test_no_tracking_for_one_service_comes_and_goes(netns: Netns, tmp_path: Path) -> None:
    before = ruleset(netns)
    made = planned(netns, tmp_path, "notrack:service=tcp/80,address=127.0.0.1")
    done = halftrack("fix", str(made), "--yes", "--no-try", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "notrack" in netns.run("nft", "list", "ruleset")
    done = halftrack("undo", "1", "--yes", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ruleset(netns) == before


def test_no_tracking_waits_for_rules_that_let_the_service_pass(netns: Netns, tmp_path: Path) -> None:
    netns.run("nft", "add table inet admin")
    netns.run("nft", "add chain inet admin in { type filter hook input priority 0; policy drop; }")
    netns.run("nft", "add rule inet admin in ct state established,related accept")
    before = ruleset(netns)
    made = planned(netns, tmp_path, "notrack:service=tcp/80,address=127.0.0.1")
    done = halftrack("fix", str(made), "--yes", "--no-try", home=tmp_path)
    assert done.returncode == 76, done.stderr
    for line in ("daddr 127.0.0.1 tcp dport 80", "saddr 127.0.0.1 tcp sport 80"):
        assert f"nft insert rule inet admin in ip {line} accept" in done.stderr
    assert ruleset(netns) == before


def test_what_is_named_is_for_the_namespace_that_is_named(netns: Netns, tmp_path: Path) -> None:
    for word in ("notrack:service=tcp/80,address=127.0.0.1", "shorten-established", "strict-pickup"):
        made = planned(netns, tmp_path, word)
        for step in json.loads(made.read_bytes())["steps"]:
            places = [action["where"]["netns"] for action in step["actions"] if "where" in action]
            assert places == [netns.name], word


@pytest.mark.parametrize("word", ["notrack:service=tcp/80", "timeout-policy:established=7440"])
def test_a_rule_says_for_whom(netns: Netns, tmp_path: Path, word: str) -> None:
    done = halftrack("plan", word, "--netns", netns.path, home=tmp_path)
    assert done.returncode == 64, (done.stdout, done.stderr)
