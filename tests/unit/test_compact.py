"""Frames that are held in less memory say the same."""

from __future__ import annotations

import pytest

from halftrack.kernel.compact import compact
from unit.flowrows import flows, one_sided, row, udp

_ROWS = {
    "nothing": [],
    "one": [one_sided()],
    "alike": [one_sided(), one_sided()],
    "of one service": [one_sided(dst=f"198.51.100.{last}") for last in range(1, 9)],
    "translated": [one_sided(), {**one_sided(), "reply_dport": 61_000}],
    "of two protocols": [one_sided(), udp(), row(proto="icmp", state=None, orig_type=8, orig_icmp_id=77)],
}


@pytest.mark.parametrize("name", _ROWS)
def test_they_say_the_same(name: str) -> None:
    frame = flows(*_ROWS[name]).frame.rechunk()
    assert compact(frame).equals(frame)
    assert compact(frame).schema == frame.schema


def test_a_service_s_entries_take_less_room() -> None:
    frame = flows(*({**one_sided(), "orig_dport": port, "reply_sport": port} for port in range(5_000))).frame
    frame = frame.rechunk()
    assert compact(frame).estimated_size() < frame.estimated_size() / 2
