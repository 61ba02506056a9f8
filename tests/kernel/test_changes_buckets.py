"""Buckets are one number of the whole node, and are never made fewer without having been seen."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.changes import journal, making, persisting, showing
from halftrack.changes.writes import buckets
from halftrack.evidence.sysctls import HASHSIZE
from halftrack.plans.actions import SetBuckets
from kernel.changing import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

_DRIVER = Path(__file__).with_name("killing.py")


def test_a_plan_that_could_not_see_them_makes_them_no_fewer() -> None:
    """Nothing is written here: the writes are only made ready."""
    now = int(Path(HASHSIZE).read_text("ascii"))
    assert making.writes(SetBuckets(after=now // 2)) == []
    assert making.writes(SetBuckets(after=now)) == []
    (more,) = making.writes(SetBuckets(after=2 * now))
    assert isinstance(more, buckets.BucketsWrite)
    assert (more.before, more.after) == (now, 2 * now)


def test_what_boot_sets_is_no_less_than_what_is_there() -> None:
    now = int(Path(HASHSIZE).read_text("ascii"))
    assert persisting.buckets_at_boot(now // 2) == now
    assert persisting.buckets_at_boot(2 * now) == 2 * now


@pytest.fixture
def before() -> Iterator[int]:
    """How many there are, put back afterwards whatever happens."""
    parameter = Path(HASHSIZE)
    was = int(parameter.read_text("ascii"))
    try:
        yield was
    finally:
        parameter.write_text(str(was), "ascii")


def test_a_change_of_them_killed_anywhere_is_known_and_taken_back(
    netns: Netns, tmp_path: Path, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(netns, tmp_path)
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    plan = site.plan((SetBuckets(before=before, after=2 * before),))
    killed, at, seen = True, 0, set[int]()
    while killed:
        at += 1
        done = subprocess.run(
            [sys.executable, str(_DRIVER), "try-600", str(plan), str(at), "before"],
            check=False,
            capture_output=True,
            env=site.environment,
            timeout=60,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
        killed = done.returncode != 0
        now = int(Path(HASHSIZE).read_text("ascii"))
        seen.add(now)
        number = max(journal.numbers())
        if not journal.Journal(number).records():  # it never began
            assert now == before
            continue
        change = showing.show(journal.find(number)[1])
        # What is not announced was not done.
        assert [part.holds for part in change.parts] == (
            ["yes"] if now != before else ["no"] * len(change.parts)
        )
        undone = site.halftrack("undo", str(number), "--yes")
        assert undone.returncode == 0, undone.stderr
        assert int(Path(HASHSIZE).read_text("ascii")) == before
    assert seen == {before, 2 * before}
    assert at > 4
