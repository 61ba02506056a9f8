"""TCP options as the tracker reads them, whatever stands there."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.tcp.options import highest_sack, opening

_SCALE, _SACK = 1, 2


@pytest.mark.parametrize(
    ("options", "scale", "flags"),
    [
        (b"", 0, 0),
        (b"\x02\x04\x05\xb4\x01\x03\x03\x07\x04\x02", 7, _SCALE | _SACK),
        (b"\x03\x03\x0f", 14, _SCALE),
        (b"\x03\x03\xff", 14, _SCALE),
        (b"\x03\x03\x00", 0, _SCALE),
        (b"\x00\x03\x03\x07", 0, 0),
        (b"\x04\x02\x03\x03", 0, _SACK),
        (b"\x05\x01\x04\x02", 0, 0),
        (b"\x04\x03\x00\x04\x02", 0, _SACK),
        (b"\x03\x03\x02\x03\x03\x05", 5, _SCALE),
    ],
)
def test_what_a_syn_announces(options: bytes, scale: int, flags: int) -> None:
    assert opening(options) == (scale, flags)


def _sack(*edges: int) -> bytes:
    return b"\x01\x01" + struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges)


@pytest.mark.parametrize(
    ("options", "highest"),
    [
        (_sack(200, 300), 300),
        (_sack(200, 300, 10, 900), 900),
        (_sack(20, 30), 100),
        (b"\x01\x01\x08\x0a" + bytes(8), 100),
        (b"\x01\x01\x08\x0a" + bytes(8) + _sack(200, 300), 300),
        (b"\x05\x02" + _sack(200, 300), 300),
        (_sack(200, 300) + _sack(200, 900), 300),
        (b"\x00" + _sack(200, 300), 100),
        (_sack(200, 300)[:-1], 100),
        (b"\x05\x06" + bytes(4) + _sack(200, 300), 300),
    ],
)
def test_the_right_edge_that_is_furthest_on(options: bytes, highest: int) -> None:
    assert highest_sack(options, 100) == highest


def test_an_edge_may_be_beyond_the_wrap() -> None:
    assert highest_sack(_sack(0xFFFF_FFF0, 16), 0xFFFF_FFF0) == 16


@given(st.binary(max_size=40))
def test_any_bytes_are_read_to_an_end(options: bytes) -> None:
    scale, flags = opening(options)
    assert 0 <= scale <= 14
    assert flags in {0, 1, 2, 3}
    assert 0 <= highest_sack(options, 7) < 1 << 32
