"""The decoder under bytes that no kernel would send."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutations import examples, mutated
from halftrack.evidence.flows import SCHEMA
from halftrack.kernel.ctnetlink.decode import Decoder
from halftrack.kernel.netlink import DATAGRAM

SEQUENCE = 0x40000001
CORPUS = (Path(__file__).parents[1] / "fixtures/ctnetlink/one-of-everything.bin").read_bytes()


def decode(data: bytes) -> tuple[int, int]:
    """Rows and unreadable messages of one datagram."""
    decoder = Decoder(SEQUENCE)
    decoder.add(data[:DATAGRAM].ljust(DATAGRAM, b"\0"), [min(len(data), DATAGRAM)])
    frame = decoder.frame()
    assert dict(frame.schema) == dict(SCHEMA)
    return frame.height, decoder.unreadable


def test_the_recorded_datagram_is_read_whole() -> None:
    rows, unreadable = decode(CORPUS)
    assert (rows, unreadable) == (26, 0)


@examples
@given(mutated(CORPUS))
def test_changed_bytes_give_rows_or_a_count(data: bytes) -> None:
    rows, unreadable = decode(data)
    assert rows + unreadable <= len(data) // 16 + 1


@examples
@given(st.binary(max_size=4096))
def test_any_bytes_give_rows_or_a_count(data: bytes) -> None:
    assert decode(data)[0] == 0


@examples
@given(st.integers(0, len(CORPUS)))
def test_a_cut_datagram_loses_only_its_end(length: int) -> None:
    rows, _ = decode(CORPUS[:length])
    assert rows <= 26
    assert rows >= length // 340 - 1
