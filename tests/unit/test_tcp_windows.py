"""Segments at the edges of what the two sides have sent and offered, and RSTs that answer something."""

from __future__ import annotations

import struct

import pytest

from halftrack.evidence import uapi
from halftrack.tcp import rules
from halftrack.tcp.profiles import PRESENT, V2_6_18, V4_9, V5_4, V5_15, Profile
from halftrack.tcp.settings import Settings
from halftrack.tcp.tracker import ESTABLISHED, INVALID
from unit.conversations import Talk

_SCALED = b"\x03\x03\x07\x01"
_SACK_PERMITTED = b"\x04\x02\x01\x01"


def _opened(profile: Profile = PRESENT) -> Talk:
    talk = Talk(profile)
    talk.open()
    return talk


def test_a_segment_may_begin_where_the_window_ends_and_no_further() -> None:
    talk = _opened()
    first = talk.numbers["client"]
    assert talk.o("ack", seq=first + 8192).event == rules.FOLLOWED
    talk = _opened()
    assert talk.o("ack", seq=first + 8193).event == rules.SEQ_EXCEEDS
    assert talk.o("ack", seq=first + 3 * 8192).event == rules.SEQ_TOO_HIGH


def test_what_exceeds_the_window_a_little_may_be_acknowledged() -> None:
    talk = _opened()
    step = talk.o("ack", seq=talk.numbers["client"] + 8193, data=100)
    assert (step.event, step.verdict, step.timeout) == (rules.SEQ_EXCEEDS, ESTABLISHED, None)
    assert talk.r("ack", ack=talk.numbers["client"] + 8293).event == rules.FOLLOWED


@pytest.mark.parametrize("profile", [V5_15, V5_4, V4_9])
def test_before_it_was_tolerated_it_was_invalid(profile: Profile) -> None:
    talk = _opened(profile)
    step = talk.o("ack", seq=talk.numbers["client"] + 8193, data=100)
    assert (step.event, step.verdict) == (rules.SEQ_TOO_HIGH, INVALID)


def test_windows_are_scaled_where_both_sides_said_so() -> None:
    for answer, event in ((_SCALED, rules.FOLLOWED), (b"", rules.SEQ_TOO_HIGH)):
        talk = Talk()
        talk.o("syn", options=_SCALED)
        talk.r("syn ack", options=answer)
        talk.o("ack")
        talk.r("ack", window=8192)
        assert talk.o("ack", seq=talk.numbers["client"] + 1_000_000).event == event


def test_an_acknowledgement_may_be_old_but_not_very_old() -> None:
    talk = _opened()
    for _ in range(60):
        talk.r("ack", data=1400)
        talk.o("ack")
    sent = talk.numbers["server"]
    assert talk.o("ack", ack=sent - 66_000).event == rules.FOLLOWED
    step = talk.o("ack", ack=sent - 66_001)
    assert (step.event, step.verdict) == (rules.ACK_TOO_LOW, ESTABLISHED)
    assert talk.o("ack", ack=sent + 1).event == rules.ACK_TOO_HIGH


def test_a_sack_block_acknowledges_what_was_not_sent() -> None:
    talk = Talk()
    talk.o("syn", options=_SACK_PERMITTED)
    talk.r("syn ack", options=_SACK_PERMITTED)
    talk.o("ack")
    sent = talk.numbers["server"]
    block = b"\x01\x01\x05\x0a" + struct.pack("!II", sent, sent + 10)
    assert talk.o("ack", options=block).event == rules.ACK_TOO_HIGH
    talk.r("ack", data=10)
    assert talk.o("ack", ack=sent, options=block).event == rules.FOLLOWED


@pytest.mark.parametrize("profile", [PRESENT, V5_15, V4_9])
def test_a_client_may_begin_again_further_on(profile: Profile) -> None:
    talk = Talk(profile)
    talk.o("syn")
    assert talk.o("syn", seq=7_000_000).event == rules.FOLLOWED
    assert talk.r("syn ack", ack=7_000_001).event == rules.FOLLOWED


def test_a_server_s_syn_may_be_further_on_than_its_answer_was() -> None:
    talk = Talk()
    talk.o("syn")
    assert talk.r("syn ack", seq=500, ack=talk.numbers["client"] + 9).event == rules.ACK_TOO_HIGH
    assert talk.r("syn", seq=600).event == rules.FOLLOWED
    assert talk.told == "SYN_SENT2 120"


@pytest.mark.parametrize("ack", [None, 0])
def test_a_refused_connection_is_forgotten(ack: int | None) -> None:
    talk = Talk()
    talk.o("syn")
    assert talk.r("rst ack", seq=0, ack=ack).event == rules.FORGOTTEN
    assert talk.told == "none"


def test_a_challenged_client_resets_what_the_server_remembers() -> None:
    talk = Talk()
    talk.o("syn")
    assert talk.r("ack", seq=777, ack=424_242_424).event == rules.IGNORED
    assert talk.o("rst", seq=424_242_424).event == rules.FOLLOWED
    assert talk.told == "CLOSE 10"


def test_until_5_15_anything_further_on_began_the_client_s_side_anew() -> None:
    for profile, event in ((V5_15, rules.FORGOTTEN), (PRESENT, rules.SEQ_TOO_HIGH)):
        talk = Talk(profile)
        talk.o("syn")
        assert talk.o("rst", seq=424_242_424).event == event


def test_a_rst_that_answers_an_ignored_syn_closes_wherever_it_is() -> None:
    talk = _opened()
    talk.o("syn", seq=77_000_000)
    assert talk.r("rst ack", seq=0, ack=77_000_001).new == uapi.TCP_CONNTRACK_CLOSE


def test_before_a_connection_is_assured_a_rst_with_no_number_is_believed() -> None:
    talk = Talk()
    talk.o("syn")
    talk.r("syn ack")
    assert talk.r("rst", seq=0).event == rules.SEQ_TOO_LOW
    assert talk.told == "SYN_RECV 60"


def test_the_answer_to_a_keepalive_fits_a_connection_that_was_picked_up() -> None:
    for profile, acknowledged in ((PRESENT, rules.FOLLOWED), (V4_9, rules.LIBERAL)):
        talk = Talk(profile)
        talk.o("ack", ack=0)
        assert talk.r("ack", ack=talk.numbers["client"] + 1).event == acknowledged


def test_a_side_seen_first_after_the_other_tells_what_it_was_sent() -> None:
    talk = _opened()
    entry = talk.entry
    assert entry is not None
    entry.original.forget()
    entry.reply.forget()
    assert talk.o("ack").event == rules.FOLLOWED
    assert entry.reply.td_end == talk.numbers["server"]


def test_one_stray_rst_is_remembered_a_second_from_the_same_side_changes_nothing() -> None:
    talk = _opened()
    for _ in range(2):
        assert talk.o("rst", seq=talk.numbers["client"] + 20_000_000).rule is None
    assert talk.told == "ESTABLISHED 432000 ASSURED"


def test_what_is_about_to_end_is_not_shortened() -> None:
    talk = _opened()
    talk.now += 432_000 - 119
    for side in (talk.o, talk.r):
        side("fin ack", seq=90_000_000)
    assert talk.told == "ESTABLISHED 119 ASSURED"


def test_a_connection_that_was_not_assured_is_not_shortened() -> None:
    talk = Talk()
    talk.o("syn")
    talk.r("syn ack")
    for side in (talk.o, talk.r):
        assert side("fin ack", seq=90_000_000).event in {rules.SEQ_TOO_HIGH, rules.SEQ_TOO_LOW}
    assert talk.told == "SYN_RECV 60"


class TestOf2618:
    """Its windows, which are its own."""

    def test_the_four_bounds(self) -> None:
        talk = _opened(V2_6_18)
        client, server = talk.numbers["client"], talk.numbers["server"]
        assert talk.o("ack", seq=client + 20_000, data=1).event == rules.SEQ_TOO_HIGH
        assert talk.o("ack", seq=client - 20_000, data=1).event == rules.SEQ_TOO_LOW
        assert talk.o("ack", ack=server + 1).event == rules.ACK_TOO_HIGH
        assert talk.o("ack", ack=server - 70_000).event == rules.ACK_TOO_LOW

    def test_a_late_segment_is_invalid(self) -> None:
        talk = _opened(V2_6_18)
        assert talk.o("ack", seq=talk.numbers["client"] - 20_000, data=1).verdict == INVALID

    def test_the_same_segment_is_a_retransmission_whatever_window_it_offers(self) -> None:
        talk = _opened(V2_6_18)
        steps = [talk.o("ack", window=window) for window in (10, 20, 30, 40, 50)]
        assert [step.rule for step in steps][-2:] == [rules.RETRANSMITTED] * 2

    def test_a_client_may_begin_again_further_on(self) -> None:
        talk = Talk(V2_6_18)
        talk.o("syn", options=_SCALED)
        talk.o("syn", seq=7_000_000, options=_SACK_PERMITTED)
        assert talk.r("syn ack", ack=7_000_001).event == rules.FOLLOWED
        assert talk.flags == (0x02, 0)

    def test_sack_is_assumed_of_what_is_picked_up_but_nobody_is_liberal(self) -> None:
        talk = Talk(V2_6_18, Settings(loose=3))
        talk.o("ack", data=10)
        assert talk.flags == (0x02, 0x02)
