"""promtool and its like: Prometheus' own judgement of rules, queries and what they come to over time."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitoring import rules
from monitoring.files import as_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def tool(name: str) -> str:
    """Its path. Without it a test skips, but for a machine on which no test may."""
    found = shutil.which(name)
    if found is None:
        missing = f"needs {name} (scripts/debian-packages)"
        if os.environ.get("HALFTRACK_REQUIRE_KERNEL") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def accepted(*words: str) -> None:
    """What a tool checks must pass; otherwise the test fails with what it said."""
    done = subprocess.run(
        [tool(words[0]), *words[1:]], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def queries(directory: Path, expressions: Iterable[str]) -> None:
    """Each must be PromQL."""
    found = [{"record": f"query:{number}", "expr": each} for number, each in enumerate(expressions)]
    assert found
    path = directory / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": found}]}), encoding="utf-8")
    accepted("promtool", "check", "rules", "--lint=none", str(path))


@dataclass
class Course:
    """Series in promtool's notation, a value every so many minutes, and what must hold at which minute."""

    directory: Path
    every: int = 1
    series: dict[str, str] = field(default_factory=dict)
    tests: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def firing(self, minute: int, *expected: str) -> None:
        """Exactly these alerts, each as ``NAME node``, and no other."""
        samples = []
        for each in expected:
            name, _, node = each.partition(" ")
            instance = f', instance="{node}"' if node else ""
            samples.append({"labels": f'{{alertname="{name}"{instance}}}', "value": 1})
        self.holds(minute, 'count by (alertname, instance) (ALERTS{alertstate="firing"})', samples)

    def holds(self, minute: int, expr: str, samples: list[dict[str, Any]]) -> None:
        self.tests.append({"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples})

    def says(
        self, minute: int, alert: str, labels: Mapping[str, str], annotations: Mapping[str, str]
    ) -> None:
        expected = [{"exp_labels": dict(labels), "exp_annotations": dict(annotations)}]
        self.alerts.append({"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": expected})

    def judge(self) -> None:
        (self.directory / "rules.yaml").write_text(as_yaml({"groups": rules.groups()}), encoding="utf-8")
        group = {
            "interval": f"{self.every}m",
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "promql_expr_test": self.tests,
            "alert_rule_test": self.alerts,
        }
        test = {"rule_files": ["rules.yaml"], "evaluation_interval": f"{self.every}m", "tests": [group]}
        (self.directory / "test.yaml").write_text(yaml.safe_dump(test), encoding="utf-8")
        accepted("promtool", "test", "rules", str(self.directory / "test.yaml"))


def values(found: str) -> dict[str, float]:
    """Series to value."""
    lines = (line.rpartition(" ") for line in found.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


def lint(found: str) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=found.encode(), capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
