"""What ``whatif`` foretells of a leak is what the kernel then shows, within 5 % at every moment.

The founding case's three resolutions and all their combinations. Time is compressed: timeouts are
divided and paces multiplied by one factor, so counts stay what they are.
"""

from __future__ import annotations

import itertools
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from halftrack import whatif
from halftrack.diagnosis import examine, makeup
from halftrack.evidence import uapi
from halftrack.evidence.sysctls import PREFIX
from halftrack.evidence.values import HOST
from halftrack.kernel import ctnetlink
from halftrack.whatif import answering
from kernel.arrivals import ONE_SIDED, SERVER, arrive, tracked_netns
from kernel.inject import End, Entries, inject
from kernel.leaking import COMPRESSED, LIFETIME_S, TODAY, leaked
from kernel.remedying import evidence_of, table_of
from kernel.scratch import scratch_netns
from kernel.troubles import ANSWERED, set_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.course import Course
    from kernel.scratch import Netns

PER_S: Final = 40
"""Compressed: new entries."""
OTHERS: Final = 400
"""Entries that are in use all the time."""
WITHIN: Final = 0.05
"""Of the table: of its least here that is what comes in a second, by which a busy machine may be late."""
MOMENTS_S: Final = (0.5, 2, 5, 8, 10, 12, 15, 20, 25, 30, 35, 39, 42)
LOOKS: Final = 3
BATCHES: Final = 10
RESOLUTIONS: Final = ("tcp_timeout_established=10000", "tcp_loose=0", "notrack:tcp/80")
ASKED: Final = tuple(
    words for count in range(1, len(RESOLUTIONS) + 1) for words in itertools.combinations(RESOLUTIONS, count)
)
_NOTRACK: Final = """\
table inet untracked {
  chain pre { type filter hook prerouting priority raw; tcp sport 80 notrack; tcp dport 80 notrack; }
  chain out { type filter hook output priority raw; tcp sport 80 notrack; tcp dport 80 notrack; }
}
"""


@dataclass(frozen=True, slots=True)
class Look:
    """Entries ``at_s`` compressed seconds after the change, in the kernel and as foretold."""

    at_s: float
    seen: int
    foretold: float

    @property
    def off(self) -> float:
        return self.seen / self.foretold - 1


def others() -> Entries:
    """Connections that are in use all the time: here they last without a packet."""
    clients = (np.arange(OTHERS) + 0x0A000000).astype(np.uint32)
    server = np.full(OTHERS, int.from_bytes(SERVER), dtype=np.uint32)
    ends = End(clients, server, 40_000, 443), End(server, clients, 443, 40_000)
    state = uapi.TCP_CONNTRACK_ESTABLISHED
    return Entries(*ends, count=OTHERS, timeout=3_000_000, state=state, status=ANSWERED)


def foretold() -> Course:
    """The course of the table as it is, out of one dump."""
    count = PER_S * LIFETIME_S
    left_s = (np.arange(count) + 1) * LIFETIME_S * COMPRESSED // count
    with scratch_netns("whatif") as netns:
        set_all(netns, TODAY)
        inject(netns.path, leaked(left_s))
        inject(netns.path, others())
        settings = {f"{PREFIX}{name}": str(value) for name, value in TODAY.items()}
        table = table_of(netns, name=HOST, settings=settings, limit=262_144, buckets=65_536)
    seen = evidence_of(table, taken_at=datetime.now(UTC))
    cases = examine(seen).cases
    made = makeup.of(cases[0].view, cases)
    assert made.doubt is None
    return made.course


def fill(netns: Netns) -> float:
    """The same table in compressed time, over one second: ctnetlink takes whole seconds.

    When it is as the evidence shows it, by ``time.monotonic``.
    """
    each = np.repeat(np.arange(1, LIFETIME_S + 1), PER_S // BATCHES)
    begun = time.monotonic()
    for batch in range(BATCHES):
        time.sleep(max(begun + batch / BATCHES - time.monotonic(), 0))
        inject(netns.path, leaked(each, first=batch << 12))
    inject(netns.path, others())
    time.sleep(max(begun + 1 - time.monotonic(), 0))
    return begun + 1


def looks(words: tuple[str, ...], today: Course) -> list[list[Look]]:
    """The table at each of the moments, a few times in a row, while the leak goes on."""
    asked = whatif.parse(words)
    assert today.conditions is not None
    _, course = answering.changed(today, today.conditions, asked)
    with tracked_netns("whatif") as netns, ThreadPoolExecutor(1) as pool:
        set_all(netns, TODAY, COMPRESSED)
        begun = fill(netns)
        set_all(netns, dict(asked.settings), COMPRESSED)
        if asked.rules:
            netns.run("nft", "-f", "-", stdin=_NOTRACK)
        lasting_s = MOMENTS_S[-1] + 2
        leaking = pool.submit(netns.call, lambda: arrive(PER_S, lasting_s, ONE_SIDED, begun=begun))
        found = []
        for moment_s in MOMENTS_S:
            time.sleep(max(begun + moment_s - time.monotonic(), 0))
            found.append([look(netns, begun, course) for _ in range(LOOKS)])
        leaking.result()
        return found


def look(netns: Netns, begun: float, course: Course) -> Look:
    before = time.monotonic()
    seen = len(ctnetlink.dump(netns_path=netns.path).flows)
    at_s = (before + time.monotonic()) / 2 - begun
    return Look(at_s, seen, float(course.at(np.array([at_s * COMPRESSED]))[0]))


@pytest.fixture(scope="module")
def kernel() -> Iterator[dict[tuple[str, ...], list[list[Look]]]]:
    """All of them side by side: each waits for timeouts most of the time."""
    today = foretold()
    every = ((), *ASKED)

    def run(words: tuple[str, ...]) -> list[list[Look]]:
        return looks(words or ("tcp_loose=1",), today)

    with ThreadPoolExecutor(len(every)) as pool:
        yield dict(zip(every, pool.map(run, every), strict=True))


@pytest.mark.parametrize("words", [(), *ASKED], ids=lambda words: " ".join(words) or "as it is")
def test_the_table_is_as_foretold_at_every_moment(
    kernel: dict[tuple[str, ...], list[list[Look]]], words: tuple[str, ...]
) -> None:
    for several in kernel[words]:
        # One look of some may fall into a moment in which the machine does something else.
        assert abs(statistics.median(each.off for each in several)) <= WITHIN, several


def test_the_resolutions_differ_as_they_should(kernel: dict[tuple[str, ...], list[list[Look]]]) -> None:
    """Nothing here would hold if a change did nothing."""
    ends = {words: statistics.median(each.seen for each in several[-1]) for words, several in kernel.items()}
    assert ends[()] > 1.9 * ends["tcp_timeout_established=10000",]
    assert ends["tcp_timeout_established=10000",] > 1.5 * ends["tcp_loose=0",]
    assert ends["notrack:tcp/80",] == pytest.approx(OTHERS, abs=10)
