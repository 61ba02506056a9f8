"""Plans for tests that carry them out, and all that they may change, as it is at a moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from halftrack.diagnosis.document import Risk
from halftrack.plans.actions import AddRules, Persist, SetSysctl, TimeoutPolicy, Untracked, Where
from halftrack.plans.document import Effect, Plan, Step, identified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.plans.actions import Action
    from kernel.scratch import Netns

ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"
UNACKNOWLEDGED = "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged"
LOOSE = "net.netfilter.nf_conntrack_tcp_loose"
_SETTINGS = Path("/proc/sys/net/netfilter")


@dataclass(frozen=True)
class Site:
    """A namespace and directories of a test's own; nothing else is to be changed."""

    netns: Netns
    base: Path

    @property
    def etc(self) -> Path:
        return self.base / "etc"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HALFTRACK_STATE_DIR": str(self.base / "state"),
            "HALFTRACK_RUN_DIR": str(self.base / "run"),
            "HALFTRACK_ETC_DIR": str(self.etc),
        }

    @property
    def where(self) -> Where:
        return Where(netns=self.netns.name, path=self.netns.path, inode=self.netns.inode)

    def plan(self, *steps: Sequence[Action]) -> Path:
        """A plan of these steps, in a file."""
        path = self.base / "plan.json"
        path.write_bytes(msgspec.json.encode(plan(*steps)))
        return path

    def halftrack(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """The program as a user runs it, in the namespace of the test."""
        command = [sys.executable, "-m", "halftrack", *words]
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self.environment,
        )

    def state(self) -> dict[str, object]:
        """Settings and rules of the namespace, and every file: path, content, permissions."""
        return {"settings": self.settings(), "rules": self.rules(), "files": self.files()}

    def settings(self) -> dict[str, str]:
        names = (ESTABLISHED, UNACKNOWLEDGED, LOOSE)
        return {name: self.value(name) for name in names}

    def value(self, name: str) -> str:
        path = Path("/proc/sys") / name.replace(".", "/")
        return self.netns.call(lambda: path.read_text(encoding="ascii").strip())

    def rules(self) -> object:
        return rules_of(self.netns)

    def files(self) -> dict[str, object]:
        return {
            str(path.relative_to(self.etc)): (
                path.stat().st_mode,
                path.read_bytes() if path.is_file() else None,
            )
            for path in sorted(self.etc.rglob("*"))
        }


def plan(*steps: Sequence[Action], node: str | None = None, risk: str = "low") -> Plan:
    """Values of a plan for this node whose words do not matter."""
    made = [
        Step(
            remedy="shorten-established",
            kind="cure",
            title=f"step {number}",
            target="test",
            before="",
            after="",
            undo="",
            verify="",
            effect=Effect(),
            risk=msgspec.convert({"level": risk}, Risk),
            actions=tuple(actions),
        )
        for number, actions in enumerate(steps, 1)
    ]
    return identified(Plan(node=node or os.uname().nodename, source="live", steps=tuple(made)))


def settings(site: Site) -> tuple[Action, ...]:
    """Two settings, the second of which changes twice."""
    return (
        SetSysctl(where=site.where, name=ESTABLISHED, before=site.value(ESTABLISHED), after="7440"),
        SetSysctl(where=site.where, name=LOOSE, before=site.value(LOOSE), after="0"),
        SetSysctl(where=site.where, name=ESTABLISHED, before="7440", after="8000"),
    )


def lasting(_: Site) -> tuple[Action, ...]:
    """Files: one that is there, others whose directories are not."""
    return (Persist(settings={ESTABLISHED: "7440", LOOSE: "0"}, module=True, hashsize=65536),)


def nft_rules(site: Site) -> tuple[Action, ...]:
    """No tracking for one service, other timeouts for another: two rules in our own table."""
    return (
        AddRules(where=site.where, rule=Untracked(protocol="tcp", port=80, address="203.0.113.73")),
        AddRules(where=site.where, rule=TimeoutPolicy(port=8883, timeouts={"established": 7440})),
    )


def iptables_rules(site: Site) -> tuple[Action, ...]:
    """The same for iptables: tables of two kinds, and policies of the kernel."""
    untracked = Untracked(protocol="tcp", port=80, address="203.0.113.73", accept=("INPUT", "OUTPUT"))
    policy = TimeoutPolicy(port=8883, timeouts={"established": 7440})
    return tuple(AddRules(where=site.where, tool="iptables", rule=rule) for rule in (untracked, policy))


def rules_of(netns: Netns) -> object:
    """The whole ruleset of nft, as it lists it for programs."""
    found = json.loads(netns.run("nft", "-j", "list", "ruleset"))["nftables"]
    return [_lasting(one) for one in found if "metainfo" not in one]


def _lasting(value: object) -> object:
    """Without what moves by itself: handles count up with every rule that was ever there, counters too."""
    if isinstance(value, dict):
        moving = {"handle": None, "counter": None}
        return {key: moving.get(key, _lasting(one)) for key, one in value.items()}
    return [_lasting(one) for one in value] if isinstance(value, list) else value
