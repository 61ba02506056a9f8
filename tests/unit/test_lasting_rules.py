"""What rules need on a node so that they come back after a boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.changes import lasting_rules
from halftrack.errors import FeatureMissing
from halftrack.kernel import tools
from halftrack.plans.actions import AddRules, TimeoutPolicy
from unit.plans import plan, step

if TYPE_CHECKING:
    from pathlib import Path

POLICY = TimeoutPolicy(port=8883, timeouts={"established": 7440})


def test_policies_of_iptables_need_nfct_at_boot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    monkeypatch.setenv("HALFTRACK_ETC_DIR", str(tmp_path / "etc"))
    monkeypatch.setattr(tools, "find", lambda _: None)
    with pytest.raises(FeatureMissing, match="by nfct"):
        lasting_rules.check(plan(step("cure", AddRules(tool="iptables", rule=POLICY))))
    lasting_rules.check(plan(step("cure", AddRules(rule=POLICY))))
