"""Ctrl-C while a plan's drain is at its last entries is not lost."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from halftrack.changes import clearing
from halftrack.changes.drain import acting
from halftrack.diagnosis import filters

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("in_time", [True, False])
def test_whoever_goes_on_hears_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_time: bool) -> None:
    def drain(_looked: Any, _wanted: Any, _directory: Any, outcome: Any, _reins: Any, **_: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        outcome.stopped = in_time
        outcome.retimed = 3

    monkeypatch.setattr(acting, "drain", drain)
    looked: Any = SimpleNamespace(judgement=SimpleNamespace(changed=3))
    journal: Any = SimpleNamespace(directory=tmp_path)
    noted: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        clearing.act(looked, filters.parse(("one-sided",)), journal, lambda entries, _: noted.append(entries))
    assert noted == [3]
