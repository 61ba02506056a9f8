"""What a plan foretells of rules and of clearing, against the kernel that has them: within 5 %.

Timeouts are divided and paces multiplied by one factor, as where settings are foretold.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import pytest

from halftrack.kernel import ctnetlink
from halftrack.plans import document
from halftrack.plans.actions import AddRules, TimeoutPolicy
from kernel.arrivals import ONE_SIDED, size_amid, tracked_netns
from kernel.changing import Site
from kernel.inject import inject
from kernel.troubles import DAYS, SETTLE_S, WITHIN, Trouble, history, set_all, size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from halftrack.plans.document import Step
    from kernel.scratch import Netns

TROUBLE: Final = Trouble(
    "", {**DAYS, "tcp_timeout_established": 48_000, "tcp_loose": 1}, 48_000, compressed=4_000, per_s=200
)
SHORTEST_S: Final = 3
RULES: Final = {
    "timeout-policy": "timeout-policy:service=tcp/80,established=12000",
    "notrack": "notrack:service=tcp/80,address=203.0.113.73",
}


@dataclass(frozen=True, slots=True)
class Held:
    """``freed``: entries that went as the rules came. ``settled``: how many there are once each lives by them."""

    step: Step
    freed: int
    settled: int


def sick(netns: Netns) -> None:
    """A table as the trouble leaves it, uncompressed."""
    left_s = (np.arange(TROUBLE.entries) + 1) * TROUBLE.lifetime_s // TROUBLE.entries
    set_all(netns, TROUBLE.settings)
    inject(netns.path, history(TROUBLE, left_s.astype(np.uint32)))


def planned(site: Site, word: str) -> Step:
    """The only step of a plan that is carried out as it is."""
    path = site.base / "plan.json"
    done = site.halftrack("plan", word, "--netns", site.netns.path, "-o", str(path))
    assert done.returncode == 0, done.stderr
    [step] = document.decode(path.read_bytes()).steps
    done = site.halftrack("fix", str(path), "--yes", "--no-try")
    assert done.returncode == 0, done.stderr
    return step


def settled(site: Site, step: Step) -> int:
    """Entries in the kernel once each lives as the rules say, in compressed time."""
    [action] = (each for each in step.actions if isinstance(each, AddRules))
    rule = action.rule
    if isinstance(rule, TimeoutPolicy):
        shorter = {state: seconds // TROUBLE.compressed for state, seconds in rule.timeouts.items()}
        rule = msgspec.structs.replace(rule, timeouts=shorter)
    set_all(site.netns, TROUBLE.settings, TROUBLE.compressed)
    moved = msgspec.structs.replace(action, where=site.where, rule=rule)
    done = site.halftrack("fix", str(site.plan([moved])), "--yes", "--no-try")
    assert done.returncode == 0, done.stderr
    # With nft the first packet of an entry still gets the time of SYN_SENT: late data comes more than once.
    return size_amid(site.netns, TROUBLE.per_s, SHORTEST_S + SETTLE_S, ONE_SIDED * 2)


def held(word: str, base: Path) -> Held:
    with tracked_netns("plan") as netns, tracked_netns("settle") as other:
        site, elsewhere = Site(netns, base / "plan"), Site(other, base / "settle")
        for one in (site, elsewhere):
            one.etc.mkdir(parents=True)
        sick(netns)
        before = size(netns)
        step = planned(site, word)
        return Held(step, before - size(netns), settled(elsewhere, step))


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Held]]:
    base = tmp_path_factory.mktemp("sites")
    with ThreadPoolExecutor(len(RULES)) as pool:
        yield dict(zip(RULES, pool.map(lambda name: held(RULES[name], base / name), RULES), strict=True))


@pytest.mark.parametrize("name", RULES)
def test_entries_freed_at_once(kernel: dict[str, Held], name: str) -> None:
    # Some run out by themselves meanwhile.
    assert kernel[name].freed == pytest.approx(
        kernel[name].step.effect.entries_freed, abs=WITHIN * TROUBLE.entries
    )


@pytest.mark.parametrize("name", RULES)
def test_where_it_settles(kernel: dict[str, Held], name: str) -> None:
    foretold = kernel[name].step.effect.settles_at
    assert foretold is not None
    assert kernel[name].settled == pytest.approx(foretold, rel=WITHIN)


def test_what_is_cleared_is_what_was_to_go(tmp_path: Path) -> None:
    with tracked_netns("clear") as netns:
        site = Site(netns, tmp_path)
        site.etc.mkdir()
        sick(netns)
        step = planned(site, "drain")
        left_s = ctnetlink.dump(netns_path=netns.path).flows.frame["timeout"]
        assert step.effect.entries_freed > 0
        gone = TROUBLE.entries - len(left_s) + (left_s <= 60).sum()
        assert gone == pytest.approx(step.effect.entries_freed, rel=WITHIN)
