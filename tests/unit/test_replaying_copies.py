"""A packet that several interfaces show is one packet; what is sent again is another."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from halftrack.replaying.copies import Copies
from halftrack.replaying.passing import COPY
from halftrack.replaying.tracking import Replay
from halftrack.tcp.profiles import PRESENT
from halftrack.tcp.settings import Settings
from unit.captures import SERVER, ip4, ip6, pcap, read, tcp

if TYPE_CHECKING:
    import polars as pl

_SECOND = 1_000_000_000
IN, OUT = 0, 4
SYN = ip6(tcp())


def _frame(*seen: tuple[int, int, bytes], at_ns: Sequence[int] | None = None) -> pl.DataFrame:
    """Packets as ``tcpdump -i any`` shows them: interface, packet type, packet."""
    frames = [
        struct.pack("!HHIHBB8s", 0x86DD if packet[0] >> 4 == 6 else 0x0800, 0, number, 1, kind, 6, bytes(8))
        + packet
        for number, kind, packet in seen
    ]
    return read(pcap(frames, 276, nanoseconds=True, at_ns=at_ns))[0]


def _originals(*frames: pl.DataFrame) -> list[bool]:
    copies = Copies()
    return [one for frame in frames for one in copies.originals(frame).to_list()]


def test_a_packet_on_its_way_is_one() -> None:
    frame = _frame((2, IN, SYN), (5, OUT, SYN), (6, OUT, SYN))
    assert _originals(frame) == [True, False, False]


def test_one_that_leaves_as_it_came_is_one() -> None:
    assert _originals(_frame((2, IN, SYN), (2, OUT, SYN))) == [True, False]


def test_one_that_is_sent_again_is_another() -> None:
    frame = _frame((2, IN, SYN), (5, OUT, SYN), (2, IN, SYN), (5, OUT, SYN))
    assert _originals(frame) == [True, False, True, False]
    assert _originals(_frame((2, IN, SYN), (2, IN, SYN))) == [True, True]


def test_interfaces_that_lag_show_the_same() -> None:
    frame = _frame((2, IN, SYN), (2, IN, SYN), (2, IN, SYN), (5, OUT, SYN), (5, OUT, SYN), (5, OUT, SYN))
    assert _originals(frame) == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    "other",
    [tcp(seq=1001), tcp(ack=1), tcp(window=1), tcp(flags=0x12), tcp(sport=1), tcp(payload=b"x")],
)
def test_what_differs_is_another(other: bytes) -> None:
    assert _originals(_frame((2, IN, SYN), (5, OUT, ip6(other)))) == [True, True]


def test_ipv4_numbers_its_packets() -> None:
    one, other = ip4(tcp(), ident=1), ip4(tcp(), ident=2)
    assert _originals(_frame((2, IN, one), (5, OUT, one), (5, OUT, other))) == [True, False, True]
    assert _originals(_frame((2, IN, one), (5, OUT, ip4(tcp(), target="192.0.2.9")))) == [True, True]
    assert SERVER != "192.0.2.9"


@pytest.mark.parametrize("cut", range(1, 6))
def test_frames_are_no_borders(cut: int) -> None:
    seen = [(2, IN, SYN), (2, IN, SYN), (5, OUT, SYN), (2, IN, SYN), (5, OUT, SYN), (5, OUT, SYN)]
    assert _originals(_frame(*seen[:cut]), _frame(*seen[cut:])) == [True, True, False, True, False, False]


def test_what_is_long_past_is_forgotten() -> None:
    early = _frame((2, IN, SYN), (5, OUT, ip6(tcp(seq=7))), at_ns=[_SECOND, _SECOND])
    late = _frame((2, IN, ip6(tcp(seq=8))), at_ns=[3 * _SECOND])
    again = _frame((5, OUT, SYN), at_ns=[3 * _SECOND])
    assert _originals(early, late, again) == [True, True, True, True]
    soon = _frame((5, OUT, SYN), at_ns=[2 * _SECOND])
    assert _originals(early, soon) == [True, True, False]


def _cooked(*seen: tuple[int, bytes]) -> pl.DataFrame:
    """Packets as older tools show them: packet type, packet."""
    return read(
        pcap(
            [
                struct.pack("!HHH8sH", kind, 1, 6, bytes(8), 0x86DD if packet[0] >> 4 == 6 else 0x0800)
                + packet
                for kind, packet in seen
            ],
            113,
        )
    )[0]


def test_where_interfaces_are_not_told_ipv4_numbers_tell() -> None:
    one, other, unnumbered = (ip4(tcp(), ident=number) for number in (1, 2, 0))
    seen = [(IN, one), (IN, one), (OUT, one), (OUT, one), (IN, other), (OUT, other)]
    assert _originals(_cooked(*seen)) == [True, False, False, False, True, False]
    for packet in (unnumbered, SYN):
        assert _originals(_cooked((IN, packet), (OUT, packet), (IN, packet), (OUT, packet))) == [
            True,
            False,
            True,
            False,
        ]


def test_one_interface_holds_no_copies() -> None:
    frames = [_frame((2, IN, SYN)) for _ in range(3)]
    assert _originals(*frames) == [True] * 3


def test_copies_pass_no_tracker() -> None:
    replay = Replay(PRESENT, Settings())
    replay.feed(_frame((2, IN, SYN), (5, OUT, SYN), (6, OUT, SYN)))
    replay.close()
    assert replay.skipped[COPY] == 2
    assert sum(replay.events.values()) == 1
