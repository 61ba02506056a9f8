"""One sick node, however it is sent: the findings are those of the live node, field by field.

What may differ is listed here by the path of the field, each with why; nothing else may.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.collecting import SHELLS, collected
from kernel.reporting import packed, report
from kernel.sick_node import sick_node

if TYPE_CHECKING:
    from kernel.sick_node import Node

_TIME: Final = (
    r".* groups\[\d+\] (idle|quiet)_(min|max)_s",
    r".* timeline (start|entries|bucket_s)",  # silent since then, a bucket more or less
    r".* forecast (basis|low|high|full_at)",
    r"tables\[\d+\] counters_over_s",
    r"taken_at|seconds",
)
"""Time goes on between two readings."""
_PLACE: Final = (r".* (at|source)", r".* first_lines", r"sources|source|input", r"ask command")
"""Where a number stands, and what to type for the next look."""
_FLAGS: Final = (
    r"findings \S+ began",
    r"findings \S+ causes (slow-path|shaping) (confidence|against)",
    r"findings one-sided\S+ causes asymmetric-path",
)
"""No text shows the TCP flags that prove how an entry came about; causes are weighed by them."""
_EXPIRED: Final = (r"tables\[\d+\] expired",)
"""Known of one's own dump alone."""
_TEXT: Final = (*_TIME, *_PLACE, *_FLAGS, *_EXPIRED)
_TOOLS: Final = (
    r"gaps",
    r"findings \S+ causes (slow-path|shaping) missing",
    r"findings orphaned\S+ explanation",
    r"findings \S+ remedies (notrack|timeout-policy) commands",
    r"tables\[\d+\] sockets",
)
"""Without nft, ss and tc there are no rules, no round-trip times and no queues to weigh, and commands are
for what is installed."""
_ONCE: Final = (r"tables\[\d+\] (dropped|dropped_early|insert_failed|invalid)",)
"""A report has one reading of the counters."""
_CONTAINER: Final = (
    r"in_container|verdict|focus",
    r"findings \S+ remedies \S+ (risk why|risk live_flows_affected|commands|arguments filter)",
    r"findings \S+ causes injected missing",
)
"""The scratch node is a container, of which no report is made: its table is taken for a node's, whose
settings outlast a boot by files that a container has no need of."""
_UNASKED: Final = (r"gaps", r"findings \S+ causes shaping missing")
"""sos asked nobody for containers, and for the queues of no namespace but its own."""


def by_name(document: dict[str, Any]) -> dict[str, Any]:
    """Findings, causes and remedies by what they are, in whatever order they come."""
    findings = {each.pop("id").replace("/host", "/self"): each for each in document["findings"]}
    for each in findings.values():
        each["causes"] = {cause.pop("cause"): cause for cause in each["causes"]}
        each["remedies"] = {remedy.pop("remedy"): remedy for remedy in each["remedies"]}
    return document | {"findings": findings}


def differing(here: Any, there: Any, path: str = "") -> Iterator[str]:
    """Paths of what is not the same."""
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        for name in sorted({*here, *there}):
            yield from differing(here.get(name), there.get(name), f"{path} {name}".strip())
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for number, pair in enumerate(zip(here, there, strict=True)):
            yield from differing(*pair, f"{path}[{number}]")
    elif here != there:
        yield f"{path}: {here!r} / {there!r}"[:400]


def unexpected(here: dict[str, Any], there: dict[str, Any], may: tuple[str, ...]) -> list[str]:
    allowed = re.compile(f"(?:{'|'.join(may)})(?:[ [].*)?")
    found = differing(by_name(json.loads(json.dumps(here))), by_name(json.loads(json.dumps(there))))
    return [each for each in found if not allowed.fullmatch(each.partition(": ")[0])]


def said(words: list[str]) -> dict[str, Any]:
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120)
    assert done.returncode in (1, 2), done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def doctor(*sources: Path) -> dict[str, Any]:
    return said([sys.executable, "-m", "halftrack", "doctor", "--json", *map(str, sources)])


def astray(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """What routes say of answers, as a reason."""
    return [
        (reason["what"], reason["value"])
        for finding in document["findings"]
        for cause in finding["causes"]
        for reason in cause["for"]
        if "would not leave" in reason["what"]
    ]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with sick_node() as made:
        yield made


@pytest.fixture(scope="module")
def live(node: Node) -> dict[str, Any]:
    """Rules are waited for so long: on a busy machine look again."""
    for _ in range(20):
        found = said(node.alone([sys.executable, "-m", "halftrack", "doctor", "--json"]))
        if not any(table["sockets"] and table["sockets"]["untold"] for table in found["tables"]):
            return found
    raise AssertionError("the rules never came in time")


def test_the_node_is_as_sick_as_it_was_made(live: dict[str, Any]) -> None:
    found = {
        finding["symptom"]: finding["entries"]
        for finding in live["findings"]
        if finding["symptom"] != "one-sided"
    }
    assert found.items() >= {"half-open": 600, "orphaned": 600, "unreplied-udp": 600}.items()
    one_sided = [finding for finding in live["findings"] if finding["symptom"] == "one-sided"]
    assert sorted(finding["entries"] for finding in one_sided) == [1_200, 2_800]
    services = {group["service"] for finding in one_sided for group in finding["groups"]}
    assert services == {"tcp/80", "tcp/443", "tcp/8443", "tcp/8883"}


def test_its_answers_go_astray(live: dict[str, Any]) -> None:
    ((what, share),) = astray(live)
    assert what.startswith("share of 1 answers that would not leave by front")
    assert share == 1.0


def test_collects_bundle(node: Node, live: dict[str, Any], tmp_path: Path) -> None:
    words = node.alone([sys.executable, "-m", "halftrack", "collect", "-o", "-"])
    bundle = tmp_path / "node.tgz"
    bundle.write_bytes(subprocess.run(words, capture_output=True, check=True, timeout=120).stdout)
    assert unexpected(live, doctor(bundle), (*_TIME, *_PLACE)) == []


@pytest.mark.parametrize("shell", ["dash", "bash", "mksh"])
def test_the_scripts_stream(node: Node, live: dict[str, Any], shell: str, tmp_path: Path) -> None:
    stream = tmp_path / "node.collected"
    done = collected(node.alone(SHELLS[shell]))
    assert done.returncode == 0, done.stderr
    stream.write_bytes(done.stdout)
    assert unexpected(live, doctor(stream), _TEXT) == []


def test_with_nothing_but_busybox(node: Node, live: dict[str, Any], tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    assert busybox is not None
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        (tools / tool).symlink_to(busybox)
    hidden = f'mount -t tmpfs none /usr/sbin; PATH={tools}; exec "$@"'
    done = collected(node.alone(["/bin/sh", "-c", hidden, "sh", busybox, "sh", "-s"]), dict(os.environ))
    assert done.returncode == 0, done.stderr
    stream = tmp_path / "node.collected"
    stream.write_bytes(done.stdout)
    told = doctor(stream)
    assert unexpected(live, told, (*_TEXT, *_TOOLS)) == []
    assert astray(told) == astray(live)


def test_a_report_packed_and_not(node: Node, live: dict[str, Any], tmp_path: Path) -> None:
    directory = report(tmp_path, node.other, node.alone)
    shown = doctor(directory)
    named = json.loads(
        json.dumps(shown).replace('"netns": "host"', '"netns": "self"').replace(" of host", " of self")
    )
    assert unexpected(live, named, (*_TEXT, *_ONCE, *_CONTAINER, *_UNASKED)) == []
    unpacked = {name: value for name, value in shown.items() if name != "seconds"}
    for how in ("", "gz", "xz"):
        found = doctor(packed(directory, how))
        assert {name: value for name, value in found.items() if name != "seconds"} == unpacked
