"""A drain on a machine or disk that is slow: what was read too long ago is read again before it is changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from halftrack.changes.drain import acting, batches, looking, rereading
from halftrack.changes.drain.kept import Kept
from halftrack.changes.drain.reins import Reins
from halftrack.diagnosis import filters
from halftrack.draining.fates import Wish
from halftrack.draining.outcome import Outcome
from halftrack.errors import Busy
from kernel.draining import SERVER, entries, short, stuck

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from kernel.scratch import Netns

_COUNT = 3_000


@pytest.fixture
def run(netns: Netns, tmp_path: Path) -> Callable[[Wish], Outcome]:
    """Drains in this process what is one-sided there, every entry proven dead."""
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    stuck(netns, _COUNT)

    def work(wish: Wish) -> Outcome:
        wanted, outcome = filters.parse(("one-sided",)), Outcome()
        looked = looking.look(wanted, wish, netns.name)
        assert looked.judgement.changed == _COUNT
        acting.drain(looked, wanted, tmp_path, outcome, Reins())
        return outcome

    return work


@pytest.mark.parametrize("mode", ["retime", "delete"])
@pytest.mark.parametrize("dumped", [False, True])
def test_what_is_answered_while_the_disk_is_slow_is_left_alone(
    netns: Netns,
    run: Callable[[Wish], Outcome],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    *,
    dumped: bool,
) -> None:
    monkeypatch.setattr(rereading, "_FEW", 0 if dumped else 1 << 30)
    write = Kept.add

    def slow(kept: Kept, rows: pl.DataFrame) -> None:
        write(kept, rows)
        netns.run("conntrack", "-U", "-p", "tcp", "-s", SERVER, "-d", "10.0.0.9", "-u", "SEEN_REPLY")
        time.sleep(batches._STALE_S)  # noqa: SLF001  # longer than that since it was read

    monkeypatch.setattr(Kept, "add", slow)
    outcome = run(Wish("delete" if mode == "delete" else "retime"))
    assert (outcome.spoke, outcome.done, outcome.not_reached) == (1, _COUNT - 1, 0)
    if mode == "delete":
        assert entries(netns) == 1
    else:
        assert short(netns) == _COUNT - 1


def test_where_nothing_can_be_read_in_time_nothing_is_changed(
    netns: Netns, run: Callable[[Wish], Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_STALE_S", 0.0)
    with pytest.raises(Busy, match="too slow"):
        run(Wish())
    assert short(netns) == 0
