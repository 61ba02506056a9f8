"""Where a finding's entries settle, by what little is known of when they came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from halftrack.diagnosis import settling
from halftrack.diagnosis.document import Finding, Forecast, Timeline

START = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize("entries", [(12,), (12, 0), (0, 12)])
@pytest.mark.parametrize("symptom", ["one-sided", "idle-established"])
def test_entries_of_one_second_have_no_pace(entries: tuple[int, ...], symptom: str) -> None:
    """Two moments showed that they come steadily; a timeline of seconds does not."""
    found = Finding(
        id=f"{symptom}/host",
        symptom=symptom,
        severity="warning",
        title="",
        entries=12,
        timeline=Timeline(clock="timeout", bucket_s=1, start=START, entries=entries),
        forecast=Forecast(shape="steady", basis="measured"),
    )
    assert settling.settles_at(found, None, 300) is None
