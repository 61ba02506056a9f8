"""The model of the tracker against the running kernel, packet by packet, a million of them.

About a minute where others leave some of the machine. More, and other seeds: ``python -m
benchmarks.tracker agree``.
"""

from __future__ import annotations

import dataclasses

import pytest

from halftrack.tcp import rules, table
from halftrack.tcp.profiles import PRESENT
from halftrack.tcp.tracker import Tracker
from kernel.campaigns import PROFILE, STEADY, changing, passing, steady
from kernel.comparing import Comparison, Disagreement, agreeing
from kernel.crafting import Crafter
from kernel.wire import tracked_wire

_OF_OTHERS = {rules.OUT_OF_SYNC, rules.BROKEN, rules.UNTRACKED, rules.TABLE_FULL, rules.CONTINUED}
"""Events of other kernels, other protocols, and of what is not sent here."""


def test_kernel_and_model_agree_after_every_packet_while_settings_change() -> None:
    seen = agreeing(lambda: changing(seed=1, flows=20_000, rounds=30))
    assert seen.total() > 590_000
    if PROFILE is PRESENT:
        assert {event for event, _ in seen} == set(rules.EVENTS) - _OF_OTHERS
    assert {rule for _, rule in seen} >= {
        None,
        rules.RETRANSMITTED,
        rules.RESET,
        rules.UNACKNOWLEDGED,
        rules.ZERO_WINDOW,
        rules.BY_STATE,
        rules.ONE_SIDED,
        rules.OUT_OF_STEP,
        rules.KEPT,
    }


def test_they_agree_while_entries_run_out() -> None:
    seen = agreeing(lambda: passing(seed=2, flows=8_000, rounds=30))
    assert seen.total() > 180_000


def test_they_agree_about_services_with_timeouts_of_their_own() -> None:
    seen = agreeing(lambda: steady(seed=3, flows=12_000, rounds=20, with_policies=True))
    assert seen.total() > 230_000
    assert rules.POLICY_START in {rule for _, rule in seen}


_WRONG = [
    *(
        {field.name: not getattr(PROFILE, field.name)}
        for field in dataclasses.fields(PROFILE)
        if field.type == "bool" and field.name not in {"udp_waits", "rst_unacknowledged"}
    ),
    {"rst_closes_timer": False, "rst_unacknowledged": True},
    {"table": table.BEFORE_3_18},
    {"table": table.OF_2_6_32},
    {"table": table.OF_2_6_18},
]


@pytest.mark.parametrize("differs", _WRONG, ids=",".join)
def test_a_model_of_another_kernel_is_found_out(differs: dict[str, object]) -> None:
    """Each difference between kernels is one that the comparison would see."""
    profile = dataclasses.replace(PROFILE, **differs)
    with tracked_wire("wrong") as wire:
        wire.apply(STEADY)
        comparison = Comparison(wire, Tracker(profile, STEADY), Crafter(5), flows=6_000)
        with pytest.raises(Disagreement):
            _compare(comparison, rounds=40)


def _compare(comparison: Comparison, rounds: int) -> None:
    for _ in range(rounds):
        comparison.round()
