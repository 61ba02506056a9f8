"""How serious a finding is: by its size, the table's, and when that is full."""

from __future__ import annotations

from datetime import timedelta

import pytest

from halftrack.diagnosis.document import Forecast
from halftrack.diagnosis.standing import Standing, Weights, severity
from unit.flowrows import TAKEN_AT

WEIGHTS = Weights(of_limit=0.01, share=0.1, fewest=20, many=1_000)


@pytest.mark.parametrize(
    ("entries", "standing", "level"),
    [
        (3, Standing(3, 3, None), "warning"),
        (3, Standing(3, 3, 262_144), "info"),
        (30, Standing(100, 100, 262_144), "warning"),
        (30, Standing(100_000, 100_000, 262_144), "info"),
        (1_000, Standing(100_000, 100_000, 262_144), "warning"),
        (3_000, Standing(100_000, 100_000, 262_144), "warning"),
        (400, Standing(1_000, 1_000, 1_000), "critical"),
        (200, Standing(1_000, 1_000, 1_000), "warning"),
        (400, Standing(800, 800, 1_000, dropped=5), "critical"),
        (400, Standing(800, 800, 1_000, dropped=0), "warning"),
    ],
)
def test_thresholds_of_severity(entries: int, standing: Standing, level: str) -> None:
    assert severity(entries, standing, WEIGHTS) == level


@pytest.mark.parametrize(("hours", "level"), [(1, "critical"), (48, "warning"), (24 * 30, "info")])
def test_what_fills_the_table_soon_is_serious(hours: int, level: str) -> None:
    standing = Standing(40, 40, 262_144, taken_at=TAKEN_AT)
    ahead = Forecast(full_at=TAKEN_AT + timedelta(hours=hours), basis="")

    assert severity(15, standing, WEIGHTS, ahead) == level
