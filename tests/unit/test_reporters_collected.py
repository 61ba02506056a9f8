"""What is said of a bundle once it is written."""

from __future__ import annotations

from pathlib import Path

from halftrack.evidence.values import Evidence, Gap
from halftrack.reporters import collected


def test_many_gaps_are_summed_up() -> None:
    gaps = tuple(Gap(f"namespace {number}", "it ended during the examination") for number in range(90))
    lines = collected.text(Evidence("n", "live", gaps=gaps), Path("n.tgz"), 5_000, "halftrack").splitlines()
    assert len(lines) == 13
    assert lines[1] == "not in it: namespace 0 (it ended during the examination)"
    assert lines[-2] == "not in it: 80 more, which doctor names"
