"""Looking at what was changed in a second dump that follows the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.changes.drain import acting, following, looking, rereading
from halftrack.changes.drain.reins import Reins
from halftrack.diagnosis import filters
from halftrack.draining.fates import Wish
from halftrack.draining.outcome import Outcome
from kernel.draining import SERVER, short, stuck

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import polars as pl

    from halftrack.changes.drain.entries import Entries
    from halftrack.changes.drain.rereading import Again
    from kernel.scratch import Netns

_COUNT = 60_000


@pytest.mark.parametrize(("distance", "by_name"), [(_COUNT, range(1)), (-_COUNT, range(1, _COUNT + 1))])
def test_what_the_second_dump_shows_too_early_is_looked_at_by_name(
    netns: Netns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distance: int, by_name: range
) -> None:
    """Far behind, it begins when all is done; ahead, it is over while the first batch is under way."""
    monkeypatch.setattr(following, "_DISTANCE", distance)
    dumps = iter([True])
    monkeypatch.setattr(rereading, "worth_a_dump", lambda *_: next(dumps, False))
    asked: list[int] = []
    read = rereading.by_name

    def counted(
        flows: pl.DataFrame, groups: Iterable[pl.Series], entries: Entries, *batch: int
    ) -> Iterator[Again]:
        for again in read(flows, groups, entries, *batch):
            asked.append(len(again.rows))
            yield again

    monkeypatch.setattr(rereading, "by_name", counted)
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    stuck(netns, _COUNT)
    wanted, outcome = filters.parse(("one-sided",)), Outcome()
    looked = looking.look(wanted, Wish("retime", None), netns.name)

    acting.drain(looked, wanted, tmp_path, outcome, Reins())

    assert (outcome.retimed, outcome.restored, outcome.went, outcome.healed) == (_COUNT, 0, 0, 0)
    assert short(netns) == _COUNT
    assert sum(asked) in by_name


def test_who_wakes_up_behind_the_first_dump_is_given_back_what_it_had(
    netns: Netns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that are answered right after they were read again are seen by the dump that follows."""
    monkeypatch.setattr(following, "_DISTANCE", 10_000)
    monkeypatch.setattr(rereading, "_FEW", 0)
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    stuck(netns, _COUNT)
    wanted, outcome = filters.parse(("one-sided",)), Outcome()
    looked = looking.look(wanted, Wish("retime", None), netns.name)
    retime = acting.Entries.retime
    woken: list[pl.DataFrame] = []

    def woken_first(entries: Entries, frame: pl.DataFrame, seconds: int) -> object:
        if not woken:
            woken.append(frame[:7])
            for client in woken[0]["orig_dst_lo"].to_list():
                address = ".".join(str(client >> shift & 255) for shift in (24, 16, 8, 0))
                netns.run("conntrack", "-U", "-d", address, "-u", "SEEN_REPLY")
        return retime(entries, frame, seconds)

    monkeypatch.setattr(acting.Entries, "retime", woken_first)

    acting.drain(looked, wanted, tmp_path, outcome, Reins())

    assert (outcome.retimed, outcome.healed) == (_COUNT, 7)
    assert short(netns) == _COUNT - 7
