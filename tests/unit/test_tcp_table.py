"""The transition table as data, and what older kernels had in its place."""

from __future__ import annotations

import pytest

from halftrack.evidence import uapi
from halftrack.tcp import table
from halftrack.tcp.table import ACK, FIN, IGNORE, INVALID, ORIGINAL, REPLY, RST, SYN, SYNACK

_TABLES = (table.MODERN, table.BEFORE_3_18, table.OF_2_6_32, table.OF_2_6_18)


@pytest.mark.parametrize("which", _TABLES)
def test_every_cell_says_something(which: table.Table) -> None:
    cells = {cell for side in which for row in side for cell in row}
    assert cells <= {*range(1, 10), INVALID, IGNORE}
    assert all(len(row) == len(uapi.TCP_STATES) for side in which for row in side)


def _changed(which: table.Table) -> set[tuple[int, int, int]]:
    return {
        (direction, event, state)
        for direction in (ORIGINAL, REPLY)
        for event in range(6)
        for state in range(10)
        if which[direction][event][state] != table.MODERN[direction][event][state]
    }


def test_before_3_18_only_the_server_s_reopening_differs() -> None:
    assert _changed(table.BEFORE_3_18) == {(REPLY, SYN, uapi.TCP_CONNTRACK_TIME_WAIT)}


def test_2_6_32_ignores_a_client_s_syn_ack() -> None:
    assert {event for _, event, _ in _changed(table.OF_2_6_32)} == {SYNACK}
    assert len(_changed(table.OF_2_6_32)) == 8


def test_2_6_18_knows_no_simultaneous_open() -> None:
    s2 = uapi.TCP_CONNTRACK_SYN_SENT2
    assert s2 not in {cell for side in table.OF_2_6_18 for row in side for cell in row}
    assert all(table.OF_2_6_18[side][event][s2] == INVALID for side in (0, 1) for event in range(6))


@pytest.mark.parametrize(
    ("flags", "event"),
    [
        (0x02, SYN),
        (0x12, SYNACK),
        (0x11, FIN),
        (0x10, ACK),
        (0x18, ACK),
        (0x04, RST),
        (0x14, RST),
        (0xC2, SYN),
        (0x22, SYN),
        (0x31, FIN),
        (0x00, table.ILLEGAL),
        (0x01, table.ILLEGAL),
        (0x03, table.ILLEGAL),
        (0x06, table.ILLEGAL),
        (0x15, table.ILLEGAL),
        (0x24, table.ILLEGAL),
        (0x32, table.ILLEGAL),
        (0x3F, table.ILLEGAL),
    ],
)
def test_flags_are_an_event(flags: int, event: int) -> None:
    assert table.EVENTS[flags] == event
