"""Traffic of which one direction takes another way: no verb that acts takes it for what the doctor does not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kernel.draining import environment
from kernel.test_lab import played

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.lab.scene import Scene


@pytest.mark.parametrize("scenario", ["asymmetric-path", "direct-return"])
def test_what_the_doctor_knows_for_traffic_is_neither_drained_nor_shut_out(
    scenario: str, tmp_path: Path
) -> None:
    """Sockets and routes alone tell of direct-return, so that whoever acts has to look at them too."""

    def typed(*words: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "halftrack", *words, "--json"],
            capture_output=True,
            check=False,
            timeout=120,
            env=environment(tmp_path),
        )
        assert done.returncode in (0, 1, 2, 3), done.stderr
        document: dict[str, object] = json.loads(done.stdout)
        return document

    def see(scene: Scene) -> None:
        where = ("--netns", scene.net.router.path)
        findings = typed("doctor", *where)["findings"]
        assert isinstance(findings, list)
        [alone] = [each for each in findings if each["symptom"] == "one-sided"]
        assert alone["causes"][0]["cause"] == scenario
        assert not {each["remedy"] for each in alone["remedies"]} & {"drain", "strict-pickup"}
        preview = typed("drain", "one-sided", "--dry-run", *where)["preview"]
        assert isinstance(preview, dict)
        assert [(each["fate"], each["entries"]) for each in preview["judged"]] == [
            ("traffic", alone["entries"])
        ]
        steps = typed("plan", *where)["steps"]
        assert isinstance(steps, list)
        assert not {each["remedy"] for each in steps} & {"drain", "strict-pickup"}

    played(scenario, see=see)
