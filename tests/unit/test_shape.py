"""The shape of a timeline, under noise."""

from __future__ import annotations

import numpy as np
import pytest

from halftrack.diagnosis.document import Timeline
from halftrack.diagnosis.shape import moments, rate_per_minute, shape
from halftrack.diagnosis.timeline import timeline
from halftrack.evidence import uapi
from unit.caserows import marked, rows, view

HOUR = 3600


def drawn(*entries: int, bucket_s: int = HOUR) -> Timeline:
    return Timeline(clock="timeout", bucket_s=bucket_s, start=None, entries=entries)


def noise(seed: int, mean: float, buckets: int = 40) -> list[int]:
    return np.random.default_rng(seed).poisson(mean, buckets).tolist()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("mean", [3, 30, 5000])
def test_an_even_flow_is_steady(seed: int, mean: float) -> None:
    assert shape(drawn(*noise(seed, mean))) == "steady"


def test_day_and_night_are_not_steps() -> None:
    """A load that swings with the day goes on all the same."""
    hours = np.arange(0, 120, 3)
    swing = 1000 * (1 + 0.7 * np.sin(hours / 24 * 2 * np.pi))
    assert shape(drawn(*swing.astype(int).tolist(), bucket_s=3 * HOUR)) == "steady"


@pytest.mark.parametrize("seed", range(20))
def test_restarts_are_steps(seed: int) -> None:
    """Six restarts of unlike size over a thin leak, some of them across the edge of a bucket."""
    entries = noise(seed, 40)
    sizes = [31_118, 30_904, 31_265, 30_722, 5_010, 30_841]
    for place, size in zip(range(3, 40, 6), sizes, strict=False):
        entries[place] += size * 3 // 4
        entries[place + 1] += size // 4
    line = drawn(*entries, bucket_s=2 * HOUR)
    assert shape(line) == "steps"
    found = moments(line)
    assert len(found) in {5, 6}
    assert found[0].entries == entries[3] + entries[4]
    assert [moment.first for moment in found][:4] == [3, 9, 15, 21]


def test_one_moment_is_a_burst() -> None:
    entries = noise(1, 2)
    entries[10] += 4000
    assert shape(drawn(*entries)) == "burst"
    assert [moment.first for moment in moments(drawn(*entries))] == [10]


def test_a_crowd_that_has_just_come_may_be_a_beginning() -> None:
    """Whether it is over cannot be told from its first bucket."""
    assert shape(drawn(*[0] * 20, 5000)) == "unknown"


def test_an_empty_end_that_the_symptom_explains_means_nothing() -> None:
    """Entries chosen for two hours of silence leave the last two hours empty."""
    assert shape(drawn(*noise(3, 50), 0, 0)) == "steady"


def test_a_leak_that_stopped_falls() -> None:
    assert shape(drawn(*noise(4, 50), *[0] * 12)) == "falling"


def test_a_leak_that_dries_up_falls() -> None:
    assert shape(drawn(*[100 - 2 * bucket for bucket in range(48)])) == "falling"


def test_a_slow_decline_is_still_steady() -> None:
    assert shape(drawn(*[1000 - 10 * bucket for bucket in range(40)])) == "steady"


@pytest.mark.parametrize(
    "entries",
    [(), (0, 0, 0, 0), (3,), (1, 0, 1, 0, 1), (2, 1, 0, 3), (500, 500, 500)],
    ids=["none", "empty", "one bucket", "three", "seven", "short"],
)
def test_too_little_has_no_shape(entries: tuple[int, ...]) -> None:
    assert shape(drawn(*entries)) == "unknown"
    assert moments(drawn(*entries)) == ()


def test_no_timeline_has_no_shape() -> None:
    assert shape(None) == "unknown"
    assert moments(None) == ()


@pytest.mark.parametrize("seed", range(50))
def test_chance_makes_no_steps(seed: int) -> None:
    """A dozen entries strewn over five days are neither steps nor a burst."""
    places = np.random.default_rng(seed).integers(0, 40, 12)
    assert shape(drawn(*np.bincount(places, minlength=40).tolist())) == "unknown"


def test_rate_needs_entries_and_time() -> None:
    assert rate_per_minute(101, 6000, 0) == 1.0
    assert rate_per_minute(3, 69_092, 68_688) is None
    assert rate_per_minute(1000, 59, 0) is None
    assert rate_per_minute(1000, None, None) is None


def test_a_steady_stream_of_short_lived_entries_is_steady() -> None:
    """UDP questions at the default timeout live 30 s: buckets must be finer than a third of that."""
    frame = rows(6000, l4proto=uapi.IPPROTO_UDP, idle_s=[n % 30 for n in range(6000)], timeout=1)

    assert shape(timeline(marked(frame), view(frame))) == "steady"
