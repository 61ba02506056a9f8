"""The model of the tracker against the running kernel, packet by packet."""

from __future__ import annotations

import pytest

from halftrack.tcp.settings import Settings
from halftrack.tcp.tracker import Tracker
from kernel.comparing import Comparison
from kernel.crafting import Crafter
from kernel.wire import tracked_wire

SETTINGS = Settings(tcp=(0, 1100, 1200, 20_000, 1400, 1500, 1600, 1700, 180, 120, 0, 0, 1900, 800))
"""Timeouts that tell by themselves which one was chosen, none of them near its end."""


@pytest.mark.parametrize("seed", [1, 2])
def test_kernel_and_model_agree_after_every_packet(seed: int) -> None:
    with tracked_wire("agree") as wire:
        wire.apply(SETTINGS)
        comparison = Comparison(wire, Tracker(settings=SETTINGS), Crafter(seed), flows=2_000)
        for _ in range(10):
            comparison.round()
    assert comparison.packets == 20_000
