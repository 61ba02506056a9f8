"""Long comparisons of model and kernel, each with its own kind of trouble; they return what they saw."""

from __future__ import annotations

import dataclasses
import platform
import random
import time
from typing import Final

from halftrack.tcp import profiles
from halftrack.tcp.settings import Settings
from halftrack.tcp.tracker import Tracker
from kernel import services
from kernel.comparing import Comparison, Seen
from kernel.crafting import Crafter
from kernel.wire import SERVER, tracked_wire

PROFILE: Final = profiles.of(platform.release())
"""What is held against the kernel that runs here."""
STEADY: Final = Settings(tcp=(0, 1100, 1200, 20_000, 1400, 1500, 1600, 1700, 180, 120, 0, 0, 1900, 800))
"""Timeouts that tell by themselves which one was chosen, none of them near its end."""
_OTHERS: Final = (
    STEADY,
    STEADY,
    dataclasses.replace(STEADY, loose=False),
    dataclasses.replace(STEADY, liberal=True),
    dataclasses.replace(STEADY, ignore_invalid_rst=True),
    dataclasses.replace(STEADY, max_retrans=0),
    dataclasses.replace(STEADY, max_retrans=1),
    dataclasses.replace(STEADY, max_retrans=255),
    dataclasses.replace(STEADY, tcp=(0, 950, 960, 9700, 980, 990, 910, 920, 930, 120, 0, 0, 700, 600)),
    dataclasses.replace(STEADY, tcp=(0, 950, 960, 970, 980, 990, 910, 920, 930, 120, 0, 0, 8000, 9000)),
)
_SHORT: Final = (
    Settings(tcp=(0, 4, 3, 9, 5, 3, 2, 4, 2, 120, 0, 0, 6, 5)),
    Settings(tcp=(0, 3, 4, 5, 3, 2, 4, 2, 3, 120, 0, 0, 4, 3), loose=False),
    Settings(tcp=(0, 5, 2, 130, 4, 4, 3, 5, 2, 120, 0, 0, 7, 8)),
)


def steady(seed: int, flows: int, rounds: int, *, with_policies: bool = False) -> Seen:
    """Nothing changes but what the packets change. ``with_policies``: half of the flows have a policy."""
    with tracked_wire("steady") as wire:
        wire.apply(STEADY)
        comparison = Comparison(wire, Tracker(PROFILE, STEADY), Crafter(seed), flows)
        if with_policies:
            _attach(comparison)
        for _ in range(rounds):
            comparison.round()
        return comparison.seen


def _attach(comparison: Comparison) -> None:
    services.offer(comparison.wire.netns)
    for number, (port, policy) in enumerate(services.POLICIES.items()):
        for flow in comparison.flows[number::4]:
            flow.server, flow.policy = (SERVER, port), policy


def changing(seed: int, flows: int, rounds: int) -> Seen:
    """Sysctls change between the rounds."""
    choose = random.Random(seed)  # noqa: S311  # the same ones for the same seed
    with tracked_wire("changing") as wire:
        wire.apply(STEADY)
        comparison = Comparison(wire, Tracker(PROFILE, STEADY), Crafter(seed), flows)
        for number in range(rounds):
            if number % 3 == 2:
                comparison.tracker.settings = choose.choice(_OTHERS)
                wire.apply(comparison.tracker.settings)
            comparison.round()
        return comparison.seen


def passing(seed: int, flows: int, rounds: int) -> Seen:
    """Timeouts are a few seconds, and some pass between the rounds."""
    choose = random.Random(seed)  # noqa: S311  # the same ones for the same seed
    with tracked_wire("passing") as wire:
        comparison = Comparison(wire, Tracker(PROFILE, _SHORT[0]), Crafter(seed), flows)
        for number in range(rounds):
            if number % 5 == 0:
                comparison.tracker.settings = _SHORT[number // 5 % len(_SHORT)]
                wire.apply(comparison.tracker.settings)
            comparison.round()
            if choose.random() < 0.3:
                time.sleep(choose.choice((0.5, 1.5, 2.5)))
        return comparison.seen
