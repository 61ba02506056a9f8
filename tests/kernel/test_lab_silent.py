"""Scenarios of the lab whose connections ended unseen, or only rest: the doctor names the cause first."""

from __future__ import annotations

import pytest

from halftrack import lab, live
from halftrack.diagnosis import diagnose
from halftrack.lab.parameters import Parameters

_SECONDS = 120.0
"""Other tests run on this machine."""


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
        found = diagnose(live.examine(scene.net.router.path, in_depth=True))
    causes = {each.symptom: each.causes for each in found.findings}
    assert causes[symptom][0].cause == lab.find(name).cause
    assert causes[symptom][0].confidence >= 0.5
    assert found.severity == severity
    assert len(told) > 2
