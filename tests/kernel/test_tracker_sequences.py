"""Sequences through kernel and model that shrink to what matters, and those that once told them apart."""

from __future__ import annotations

import dataclasses
import ipaddress
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from halftrack.evidence import uapi
from halftrack.tcp import rules
from halftrack.tcp.table import TH_ACK, TH_FIN, TH_PUSH, TH_RST, TH_SYN
from halftrack.tcp.tracker import Tracker
from kernel.campaigns import PROFILE, STEADY
from kernel.comparing import Disturbed
from kernel.crafting import MASK, Made
from kernel.exchanges import Exchange
from kernel.wire import tracked_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.tcp.entry import Connection, Side


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with tracked_wire("sequences") as wire:
        wire.apply(STEADY)
        made = Exchange(wire, Tracker(PROFILE, STEADY))
        yield made
        made.close()


_FLAGS = st.sampled_from(
    [
        TH_ACK,
        TH_SYN,
        TH_SYN | TH_ACK,
        TH_FIN | TH_ACK,
        TH_RST,
        TH_RST | TH_ACK,
        TH_ACK | TH_PUSH,
        TH_SYN | TH_FIN,
    ]
)
_OPTIONS = st.sampled_from(
    [b"", b"\x03\x03\x07\x04\x02\x01\x01\x01", b"\x03\x03\x0e\x01", b"\x04\x02\x01\x01", b"\x01\x01\x01\x01"]
)
_SEQ = ("td_end", "td_maxend", "peer_td_maxack", "last_end", "last_seq", "lowest", "nothing")
_ACK = ("peer_td_end", "last_end", "lowest", "nothing")
_STEP = st.sampled_from([0, 0, 0, 1, -1, 2, -2, 100, -100, 66_000, -66_000, 200_000, 1 << 31])
_WINDOW = st.sampled_from([0, 1, 1000, 65_535])
_PACKET = st.tuples(
    st.booleans(),
    _FLAGS,
    st.tuples(st.sampled_from(_SEQ), _STEP),
    st.tuples(st.sampled_from(_ACK), _STEP),
    _WINDOW,
    st.sampled_from([0, 0, 1, 1460]),
    _OPTIONS,
)


def _number(
    entry: Connection | None, sender: Side | None, receiver: Side | None, what: str, step: int
) -> int:
    if entry is None or sender is None or receiver is None:
        return (1_000_000 + step) & MASK
    near = {
        "td_end": sender.td_end,
        "td_maxend": sender.td_maxend,
        "peer_td_end": receiver.td_end,
        "peer_td_maxack": receiver.td_maxack,
        "last_end": entry.last_end,
        "last_seq": entry.last_seq,
        "lowest": sender.td_end - receiver.td_maxwin,
        "nothing": 0,
    }[what]
    return (near + step) & MASK


@settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(packets=st.lists(_PACKET, min_size=2, max_size=14))
def test_any_sequence_means_the_same_to_both(exchange: Exchange, packets: list[tuple]) -> None:
    exchange.begin()
    for by_client, flags, seq, ack, window, length, options in packets:
        entry = exchange.entry
        sides = (None, None)
        if entry is not None:
            sides = (entry.original, entry.reply)
            if by_client != (entry.source == exchange.flow.client):
                sides = (entry.reply, entry.original)
        made = Made(
            by_client,
            flags,
            _number(entry, *sides, *seq),
            _number(entry, *sides, *ack),
            window,
            length,
            options,
        )
        try:
            exchange.send(made)
        except Disturbed:
            reject()


def _client(flags: int, seq: int, ack: int = 0) -> Made:
    return Made(by_client=True, flags=flags, seq=seq, ack=ack, window=1000, length=0, options=b"")


def _server(flags: int, seq: int, ack: int = 0, length: int = 0) -> Made:
    return Made(by_client=False, flags=flags, seq=seq, ack=ack, window=1000, length=length, options=b"")


def test_a_rst_right_behind_its_sender_s_own_syn_does_not_answer_it(exchange: Exchange) -> None:
    """The SYN was not ignored but followed; an acknowledgement of zero is no answer to it."""
    exchange.begin()
    exchange.send(_client(TH_SYN, 3_926_783_746))
    exchange.send(_server(TH_SYN | TH_ACK, 745_230_199, 3_926_783_847))
    exchange.send(_server(TH_SYN | TH_ACK, 745_230_201, 3_539_589_415))
    assert exchange.send(_client(TH_RST, 66_000)).event == rules.SEQ_TOO_HIGH


def test_a_rst_behind_its_sender_s_own_ignored_ack_is_believed(exchange: Exchange) -> None:
    """Unlike behind an ignored SYN, whose answer has to come from the other side."""
    exchange.begin()
    exchange.send(_client(TH_SYN, 1_611_642_097))
    assert exchange.send(_server(TH_ACK, 3_743_397_515, 1_611_576_098, length=10)).event == rules.IGNORED
    rst = _server(TH_RST | TH_ACK, 3_849_551_533, 3_743_397_525)
    assert exchange.send(rst).event == rules.FOLLOWED
    assert exchange.entry is not None


def test_the_256th_repetition_begins_the_count_anew(exchange: Exchange) -> None:
    """The kernel counts retransmissions in eight bits."""
    exchange.begin()
    exchange.send(_client(TH_SYN, 100))
    exchange.send(_server(TH_SYN | TH_ACK, 500, 101))
    seen = [exchange.send(_client(TH_ACK, 101, 501)).rule for _ in range(262)]
    assert seen[:3] == [rules.BY_STATE] * 3
    assert set(seen[3:256]) == {rules.RETRANSMITTED}
    assert seen[256:] == [rules.BY_STATE] * 3 + [rules.RETRANSMITTED] * 3


def _assured(exchange: Exchange) -> None:
    exchange.begin()
    exchange.send(_client(TH_SYN, 100))
    exchange.send(_server(TH_SYN | TH_ACK, 500, 101))
    exchange.send(_client(TH_ACK, 101, 501))


def test_what_is_out_of_step_is_not_shortened_once_it_has_less_than_two_minutes(exchange: Exchange) -> None:
    lasting = dataclasses.replace(STEADY, tcp=(0, 9, 9, 122, 9, 9, 9, 9, 9, 9, 0, 0, 9, 8))
    strays = (_client(TH_FIN | TH_ACK, 9_000_000, 501), _server(TH_RST | TH_ACK, 9_000_000, 101))
    exchange.apply(lasting)
    try:
        _assured(exchange)
        assert [exchange.send(stray).timeout for stray in strays] == [None, 8]
        _assured(exchange)
        time.sleep(3)  # less than two minutes of 122 s are left
        assert [exchange.send(stray).timeout for stray in strays] == [None, None]
    finally:
        exchange.apply(STEADY)


def test_a_picked_up_connection_takes_a_rst_from_anywhere_until_it_was_acknowledged(
    exchange: Exchange,
) -> None:
    for acknowledged, state in ((False, uapi.TCP_CONNTRACK_CLOSE), (True, uapi.TCP_CONNTRACK_ESTABLISHED)):
        exchange.begin()
        assert exchange.send(_server(TH_ACK, 7_000, 900, length=100)).event == rules.PICKED_UP
        for _ in range(3):
            exchange.send(_client(TH_ACK, 900, 7_100))
        if acknowledged:
            exchange.send(_server(TH_ACK, 7_100, 900))
        exchange.send(_client(TH_RST, 123_456_789))
        assert exchange.entry is not None
        assert exchange.entry.status & uapi.IPS_ASSURED
        assert exchange.entry.state == state


def test_a_fixed_timeout_is_never_moved(exchange: Exchange) -> None:
    _assured(exchange)
    (client, port), entry = exchange.flow.client, exchange.entry
    assert entry is not None
    address = str(ipaddress.IPv4Address(client))
    words = ("-p", "tcp", "-s", address, "--sport", str(port), "-u", "FIXED_TIMEOUT")
    exchange.wire.netns.run("conntrack", "-U", *words)
    entry.status |= uapi.IPS_FIXED_TIMEOUT
    for side in (entry.original, entry.reply):  # conntrack(8) sets these whatever it is asked for
        side.flags |= uapi.IP_CT_TCP_FLAG_BE_LIBERAL | uapi.IP_CT_TCP_FLAG_SACK_PERM
    deadline = entry.deadline
    exchange.send(_client(TH_ACK, 101, 501))
    exchange.send(_server(TH_ACK, 501, 101, length=10))
    exchange.send(_client(TH_FIN | TH_ACK, 9_000_000, 501))
    exchange.send(_server(TH_FIN | TH_ACK, 9_000_000, 101))
    exchange.send(_server(TH_RST | TH_ACK, 511, 101))
    assert entry.deadline == deadline
