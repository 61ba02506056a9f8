"""What several of these tests begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.alerting import well

if TYPE_CHECKING:
    from pathlib import Path

    from unit.promtool import Course


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Two hours of a node that is well, for alerts to be judged by."""
    return well(tmp_path)
