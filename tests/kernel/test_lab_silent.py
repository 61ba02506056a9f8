"""Scenarios of the lab whose connections ended unseen, or only rest: the doctor names the cause first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack import lab, live
from halftrack.diagnosis import diagnose
from halftrack.evidence.tracking import Tracking
from halftrack.kernel import ct_users
from halftrack.lab.parameters import Parameters
from halftrack.lab.scene import Scene

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis

_SECONDS = 120.0
"""Other tests run on this machine."""


def examined(scene: Scene) -> Diagnosis:
    """Once more where not all was seen: others' namespaces come and go, and the machine may be busy."""
    for _ in range(5):
        found = diagnose(live.examine(scene.net.router.path, in_depth=True))
        if found.complete:
            break
    return found


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize(
    ("name", "symptom", "severity"),
    [
        ("vanished-peer", "idle-established", "ok"),
        ("owner-removed", "orphaned", "warning"),
        ("long-close-wait", "half-closed", "ok"),
        ("table-flush", "one-sided", "ok"),
        ("hooks-off", "orphaned", "warning"),
        ("hooks-off", "idle-established", "warning"),
        ("rst-ignored", "orphaned", "warning"),
        ("idle-pool", "idle-established", "ok"),
    ],
)
def test_the_doctor_names_the_cause_first(name: str, symptom: str, severity: str, *, ipv6: bool) -> None:
    told: list[str] = []
    with lab.staged(lab.find(name), told.append, Parameters(ipv6=ipv6, seconds=_SECONDS)) as scene:
        found = examined(scene)
    causes = {each.symptom: each.causes for each in found.findings}
    assert causes[symptom][0].cause == lab.find(name).cause
    assert causes[symptom][0].confidence >= 0.5
    assert found.severity == severity
    assert len(told) > 2


@pytest.mark.parametrize(("liberal", "left"), [("0", 24), ("1", 0)])
def test_resets_are_ignored_by_a_tracker_that_checks_windows(liberal: str, left: int) -> None:
    """As its runbook says: with be_liberal the very same resets end their entries, within minutes."""
    with Scene(str, Parameters(seconds=_SECONDS)) as scene:
        scene.net.router.set({"netfilter/nf_conntrack_tcp_be_liberal": liberal})
        lab.find("rst-ignored").play(scene)
        staying = scene.entries().filter(pl.col("timeout") > 300, pl.col("timeout") < 431_800)
    assert staying.height == left


def test_a_table_without_hooks_learns_nothing_of_what_goes_on() -> None:
    with lab.staged(lab.find("hooks-off"), str, Parameters(seconds=_SECONDS)) as scene:
        before = scene.entries().sort("id").select("id", "state", "orig_packets", "reply_packets")
        scene.visits(4)
        after = scene.entries().sort("id").select("id", "state", "orig_packets", "reply_packets")
        assert scene.net.router.call(ct_users.read) == Tracking()
    assert before.height == 48
    assert after.equals(before)
