"""What a plan foretells is what the kernel then shows, within 5 %.

A plan speaks of days. Time is compressed: timeouts are divided and paces multiplied by the same
factor, so counts stay what they are.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from halftrack import planning
from halftrack.diagnosis import examine
from halftrack.evidence import uapi
from halftrack.evidence.sysctls import PREFIX
from halftrack.evidence.values import HOST
from halftrack.plans.actions import SetSysctl
from kernel.arrivals import HALF_CLOSED, PORT, size_amid, tracked_netns
from kernel.inject import End, Entries, inject
from kernel.remedying import evidence_of, table_of
from kernel.scratch import scratch_netns
from kernel.troubles import (
    ANSWERED,
    DAYS,
    ONE_WAY,
    POINT_S,
    SETTLE_S,
    WITHIN,
    Trouble,
    history,
    set_all,
    size,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.plans.document import Step
    from kernel.scratch import Netns

BATCHES: Final = 10
TROUBLES: Final = {
    "shorten-established": Trouble(
        "shorten-established:established=12000",
        {**DAYS, "tcp_timeout_established": 48_000, "tcp_loose": 1},
        lifetime_s=48_000,
        compressed=2_000,
        per_s=200,
    ),
    "cap-unacknowledged": Trouble(
        "cap-unacknowledged:unacknowledged=12000,max_retrans=12000",
        {
            "tcp_timeout_unacknowledged": 48_000,
            "tcp_timeout_max_retrans": 48_000,
            "tcp_timeout_established": 432_000,
            "tcp_loose": 1,
        },
        lifetime_s=48_000,
        compressed=2_000,
        per_s=200,
    ),
    "strict-pickup": Trouble(
        "strict-pickup",
        {**DAYS, "tcp_timeout_established": 48_000, "tcp_loose": 1},
        lifetime_s=48_000,
        compressed=2_000,
        per_s=200,
    ),
    "advice": Trouble(
        "advice",
        {"tcp_timeout_close_wait": 7_200, "tcp_loose": 1},
        lifetime_s=7_200,
        compressed=10,
        per_s=60,
        segments=HALF_CLOSED,
        state=uapi.TCP_CONNTRACK_CLOSE_WAIT,
        status=ANSWERED,
    ),
}


@dataclass(frozen=True, slots=True)
class Held:
    """``freed``: entries that went with the change itself. ``course``: the table at ``POINT_S``, or None."""

    step: Step
    freed: int
    settled: int
    course: int | None


def planned(netns: Netns, trouble: Trouble) -> tuple[Step, int]:
    """The plan's step for a table as it would be, uncompressed; and how many went when it was set."""
    left_s = (np.arange(trouble.entries) + 1) * trouble.lifetime_s // trouble.entries
    set_all(netns, trouble.settings)
    inject(netns.path, history(trouble, left_s.astype(np.uint32)))
    settings = {f"{PREFIX}{name}": str(value) for name, value in trouble.settings.items()}
    table = table_of(netns, name=HOST, settings=settings, limit=262_144, buckets=65_536)
    seen = evidence_of(table, taken_at=datetime.now(UTC))
    made = planning.make(seen, examine(seen), planning.parse([trouble.words]))
    [step] = made.steps
    set_all(netns, changed(step))
    return step, len(table.flows or ()) - size(netns)


def changed(step: Step) -> dict[str, int]:
    """What the plan sets."""
    return {
        action.name.removeprefix(PREFIX): int(action.after)
        for action in step.actions
        if isinstance(action, SetSysctl)
    }


def settled(trouble: Trouble, step: Step) -> int:
    """Entries in the kernel once each lives as now set."""
    with tracked_netns("settle") as netns:
        set_all(netns, {**trouble.settings, **changed(step)}, trouble.compressed)
        shortest = min((value for name, value in changed(step).items() if "timeout" in name), default=0)
        seconds = shortest / trouble.compressed + SETTLE_S
        return size_amid(netns, trouble.per_s, seconds, trouble.segments)


def gone_on(trouble: Trouble, step: Step) -> int:
    """Entries at ``POINT_S`` in the kernel: those that were there go, new ones come."""
    lifetime_s = trouble.lifetime_s // trouble.compressed
    with tracked_netns("course") as netns:
        set_all(netns, {**trouble.settings, **changed(step)}, trouble.compressed)
        begun = time.monotonic()
        each = np.repeat(np.arange(1, lifetime_s + 1), trouble.per_s // BATCHES).astype(np.uint32)
        # ctnetlink takes whole seconds: those between them come by waiting between batches.
        for batch in range(BATCHES):
            time.sleep(max(begun + batch / BATCHES - time.monotonic(), 0))
            entries = history(trouble, each)
            moved = (entries.orig.dst + np.uint32(batch << 12)).astype(np.uint32)
            ends = (
                End(entries.orig.src, moved, PORT, 50_001),
                End(moved, entries.orig.src, 50_001, PORT),
            )
            inject(netns.path, Entries(*ends, count=len(each), timeout=each, state=entries.state))
        seconds = POINT_S / trouble.compressed
        # From here on one goes and one comes, whenever the last batch was through.
        return size_amid(netns, trouble.per_s, seconds, trouble.segments, begun + 1)


def held(name: str) -> Held:
    trouble = TROUBLES[name]
    with scratch_netns("plan") as netns:
        step, freed = planned(netns, trouble)
    with ThreadPoolExecutor(2) as pool:
        settling = pool.submit(settled, trouble, step)
        course = pool.submit(gone_on, trouble, step) if trouble.status == ONE_WAY else None
        return Held(step, freed, settling.result(), course.result() if course else None)


@pytest.fixture(scope="module")
def kernel() -> Iterator[dict[str, Held]]:
    """All troubles side by side: each waits for timeouts most of the time."""
    with ThreadPoolExecutor(len(TROUBLES)) as pool:
        yield dict(zip(TROUBLES, pool.map(held, TROUBLES), strict=True))


@pytest.mark.parametrize("name", TROUBLES)
def test_entries_freed_at_once(kernel: dict[str, Held], name: str) -> None:
    foretold = kernel[name].step.effect.entries_freed
    # Some run out by themselves meanwhile.
    assert kernel[name].freed == pytest.approx(foretold, abs=WITHIN * TROUBLES[name].entries)


@pytest.mark.parametrize("name", TROUBLES)
def test_where_it_settles(kernel: dict[str, Held], name: str) -> None:
    foretold = kernel[name].step.effect.settles_at
    assert foretold is not None
    assert kernel[name].settled == pytest.approx(foretold, rel=WITHIN)


@pytest.mark.parametrize("name", [name for name, each in TROUBLES.items() if each.status == ONE_WAY])
def test_the_table_six_hours_on(kernel: dict[str, Held], name: str) -> None:
    [point] = [each for each in kernel[name].step.effect.points if each.at_s == POINT_S]
    assert kernel[name].course == pytest.approx(point.entries, rel=WITHIN)
