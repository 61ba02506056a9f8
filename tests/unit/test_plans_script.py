"""The script of a plan is plain POSIX shell, and nothing of the plan becomes code."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.plans.actions import (
    AddRules,
    Drain,
    Persist,
    SetSysctl,
    TimeoutPolicy,
    Untracked,
    Where,
)
from halftrack.plans.document import identified
from halftrack.plans.script import script
from halftrack.plans.script.variables import assignments, filled_in
from unit.everything import BAD, HOSTILE, everything
from unit.plans import ESTABLISHED, one_sided, plan, step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


CHECKERS = (
    ("dash", "-n"),
    ("busybox", "sh", "-n"),
    ("bash", "--posix", "-n"),
    ("shellcheck", "-s", "sh", "-e", "SC2317"),
)


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda words: words[0])
def test_the_script_is_plain_posix_shell(checker: tuple[str, ...], tmp_path: Path) -> None:
    if not shutil.which(checker[0]):
        pytest.skip(f"needs {checker[0]}")
    name = tmp_path / "fix.sh"
    name.write_text(script(everything()), "ascii")
    done = subprocess.run([*checker, name], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_text_is_the_same_for_the_same_plan_and_holds_its_id() -> None:
    made = everything()
    assert script(made) == script(identified(made))
    assert f"PLAN='{identified(made).id}'" in script(made)


@settings(max_examples=60, deadline=None)
@given(text=HOSTILE)
def test_no_text_of_a_plan_becomes_code(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = script(everything(text))
    assert made.isascii()
    assert "\x00" not in made
    home = tmp_path_factory.mktemp("canary")
    (home / "fix.sh").write_text(made, "ascii")
    checked = subprocess.run(["dash", "-n", "fix.sh"], cwd=home, capture_output=True, check=False, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, b"")
    shown = subprocess.run(["dash", "fix.sh"], cwd=home, capture_output=True, check=False, timeout=60)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert [path.name for path in home.iterdir()] == ["fix.sh"]
    assert made.count("\n") == script(everything()).count("\n")


def test_a_namespace_that_nothing_leads_to_is_not_taken_for_the_node() -> None:
    inside = SetSysctl(where=Where(netns="web-1"), name=ESTABLISHED, after="7440")
    made = script(plan(step("cure", inside)))
    assert "not_here" in made
    assert ESTABLISHED not in made


@pytest.mark.parametrize(
    "action",
    [
        SetSysctl(name=BAD, after="1"),
        SetSysctl(name="net..netfilter", after="1"),
        SetSysctl(name=ESTABLISHED, after=BAD),
        SetSysctl(name=ESTABLISHED, before="$(id)", after="1"),
        SetSysctl(where=Where(path="/run/netns/../../x"), name=ESTABLISHED, after="1"),
        SetSysctl(where=Where(path=BAD), name=ESTABLISHED, after="1"),
        AddRules(rule=Untracked(protocol=BAD, port=80, address="203.0.113.73")),
        AddRules(rule=Untracked(protocol="tcp", port=70_000, address="203.0.113.73")),
        AddRules(rule=Untracked(protocol="tcp", port=80, address=BAD)),
        AddRules(rule=Untracked(protocol="tcp", port=80, address="fe80::1%$(id)", family="ip6")),
        AddRules(rule=Untracked(protocol="tcp", port=80, address="$ADDR_2")),
        AddRules(tool="iptables", rule=Untracked(protocol="tcp", port=80, address="::1", accept=(BAD,))),
        AddRules(rule=TimeoutPolicy(port=80, timeouts={BAD: 1})),
        AddRules(rule=TimeoutPolicy(port=80, timeouts={"established": 0})),
        Persist(settings={ESTABLISHED: BAD}),
        Persist(settings={BAD: "1"}),
        Drain(filter=("x",), selections=(one_sided(BAD),)),
        Drain(filter=("x",), selections=(one_sided(state=BAD),)),
        Drain(filter=("x",), selections=(one_sided(protocol=BAD),)),
    ],
    ids=lambda action: msgspec.json.encode(action).decode()[:60],
)
def test_what_is_no_name_address_or_value_gets_no_script(action: object) -> None:
    with pytest.raises(ValueError, match="is n"):
        script(plan(step("cure", action), variables={"ADDR_1": "xx.xx.xx.73"}))


@pytest.mark.parametrize("name", [BAD, "PATH", "ADDR_0", "ADDR_1=x", "ADDR_1\n", ""])
def test_a_variable_has_a_name_of_ours(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a variable"):
        script(plan(step("cure", SetSysctl(name=ESTABLISHED, after="1")), variables={name: "x"}))


def test_addresses_to_fill_in_come_first_and_are_looked_at() -> None:
    lines = script(everything()).splitlines()
    first = next(line for line in lines[2:] if not line.startswith("#"))
    assert first == "ADDR_1=''    # the address shown as it's"


@pytest.mark.parametrize(
    ("address", "family", "good"),
    [
        ("203.0.113.73", "ip", True),
        ("0.0.0.1", "ip", True),
        ("255.255.255.255", "ip", True),
        ("256.1.1.1", "ip", False),
        ("1.2.3", "ip", False),
        ("1.2.3.4.5", "ip", False),
        ("1.2.3.", "ip", False),
        ("01.2.3.4", "ip", False),
        ("1.2.3.4/8", "ip", False),
        ("$(id)", "ip", False),
        ("2001:db8::73", "ip", False),
        ("2001:db8::73", "ip6", True),
        ("::", "ip6", True),
        ("::1", "ip6", True),
        ("1::", "ip6", True),
        ("1:2:3:4:5:6:7:8", "ip6", True),
        ("1:2:3:4:5:6:7:8:9", "ip6", False),
        ("1:2:3:4:5:6:7", "ip6", False),
        ("1::2::3", "ip6", False),
        (":::", "ip6", False),
        (":1:2:3:4:5:6:7:8", "ip6", False),
        ("12345::", "ip6", False),
        ("203.0.113.73", "ip6", False),
        ("fe80::1%eth0", "ip6", False),
    ],
)
@pytest.mark.parametrize("shell", [("dash",), ("busybox", "sh"), ("bash", "--posix")], ids=lambda s: s[0])
def test_a_filled_in_address_is_one_or_is_refused(
    address: str, family: str, good: bool, shell: tuple[str, ...]
) -> None:
    made = script(everything())
    library = made[made.index("set -u") : made.index('main "$@"')]
    call = f'filled ADDR_1 "$1" shown {family}; exit $refused'
    done = subprocess.run(
        [*shell, "-c", f"{library}\n{call}", "sh", address], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == (0 if good else 1), done.stderr


def leaves(node: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Where in a document of JSON texts stand, but for those that say what kind of thing it is."""
    if isinstance(node, str):
        yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            if key not in {"schema", "id", "action", "kind", "source", "level"}:
                yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from leaves(value, (*path, number))


def skeleton(made: str) -> list[str]:
    """What of a script is code: without comments and without what stands in single quotes."""
    plain = made.replace(made.partition("PLAN='")[2][:8], "ID").replace("'\\''", "")
    lines = [line for line in plain.splitlines() if not line.startswith("#")]
    lines = [line.partition("    # ")[0] if line.startswith("ADDR_") else line for line in lines]
    return re.sub(r"'[^']*'", "''", "\n".join(lines)).splitlines()


DOCUMENT = json.loads(msgspec.json.encode(everything()))
LEAVES = list(leaves(DOCUMENT))


@settings(max_examples=300, deadline=None)
@given(where=st.sampled_from(LEAVES), text=HOSTILE)
def test_hostile_text_in_any_place_is_refused_or_stays_data(where: tuple[Any, ...], text: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = text
    try:
        changed = script(msgspec.convert(document, type(everything())))
    except (ValueError, msgspec.ValidationError):
        return
    same = skeleton(changed) == skeleton(script(everything()))
    # What is only told, to be typed by somebody, stands in double quotes as a whole: names go as they are.
    told = "by_hand" in where and re.fullmatch("[0-9A-Za-z_.:+-]*", text)
    assert same or told or re.fullmatch("[0-9A-Za-z]*", text), where


def test_what_the_map_knows_is_filled_in_and_nothing_else() -> None:
    lines = assignments({"ADDR_1": "240.0.0.9", "ADDR_2": "xx.xx.xx.73", "ADDR_3": "3fff::5"})
    masked = "\n".join([*lines, "echo \"ADDR_1=''    # the address shown as 240.0.0.9\""])
    filled = filled_in(masked, masked.replace("240.0.0.9", "192.0.2.7")).splitlines()
    assert filled[0] == "ADDR_1='192.0.2.7'    # the address shown as 192.0.2.7"
    assert filled[1:3] == lines[1:], "one that somebody masked by hand, and one of another map"
    assert filled[3].startswith("echo \"ADDR_1=''"), "it is no assignment"
