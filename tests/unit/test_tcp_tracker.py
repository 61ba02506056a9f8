"""What the tracker of a present kernel does with a connection: the rows that were measured on one (6.18)."""

from __future__ import annotations

import pytest

from halftrack.evidence import uapi
from halftrack.tcp import rules
from halftrack.tcp.entry import SIMULTANEOUS_OPEN
from halftrack.tcp.segments import Segment
from halftrack.tcp.settings import Policy, Settings, slots
from halftrack.tcp.table import TH_ACK, TH_SYN
from halftrack.tcp.tracker import ESTABLISHED, INVALID, NEW, Tracker
from unit.conversations import Talk

_BOTH_PICKED_UP = (0x0A, 0x0A)


def _opened() -> Talk:
    talk = Talk()
    talk.open()
    return talk


def test_a_handshake_ends_assured() -> None:
    talk = Talk()
    assert talk.o("syn").verdict == NEW
    assert talk.told == "SYN_SENT 120 UNREPLIED"
    assert talk.r("syn ack").verdict == ESTABLISHED
    assert talk.told == "SYN_RECV 60"
    talk.o("ack")
    assert talk.told == "ESTABLISHED 432000 ASSURED"


def test_data_keeps_an_entry_only_shortly_until_it_is_acknowledged() -> None:
    talk = _opened()
    step = talk.o("ack", data=10)
    assert (step.timeout, step.rule) == (300, rules.UNACKNOWLEDGED)
    assert talk.r("ack").timeout == 432_000


def test_an_orderly_close() -> None:
    talk = _opened()
    seen = []
    for side, flags in ((talk.o, "fin ack"), (talk.r, "ack"), (talk.r, "fin ack"), (talk.o, "ack")):
        side(flags)
        seen.append(talk.told)
    assert seen == [
        "FIN_WAIT 120 ASSURED",
        "CLOSE_WAIT 60 ASSURED",
        "LAST_ACK 30 ASSURED",
        "TIME_WAIT 120 ASSURED",
    ]


def test_a_packet_in_mid_stream_is_picked_up_for_five_minutes() -> None:
    talk = Talk()
    step = talk.o("ack")
    assert (step.event, step.rule) == (rules.PICKED_UP, rules.ZERO_WINDOW)
    assert talk.told == "ESTABLISHED 300 UNREPLIED"
    assert talk.flags == _BOTH_PICKED_UP


def test_every_packet_of_a_one_way_flow_is_new_to_rules() -> None:
    talk = Talk()
    assert {talk.o("ack", data=10).verdict for _ in range(5)} == {NEW}


def test_the_second_answer_assures_what_was_picked_up() -> None:
    talk = Talk()
    talk.o("ack")
    talk.r("ack")
    assert talk.told == "ESTABLISHED 300"
    talk.r("ack")
    assert talk.told == "ESTABLISHED 432000 ASSURED"


def test_a_rst_as_the_only_answer_removes_the_entry() -> None:
    talk = Talk()
    talk.o("ack")
    step = talk.r("rst")
    assert (step.event, step.new, step.verdict) == (rules.FORGOTTEN, uapi.TCP_CONNTRACK_NONE, ESTABLISHED)
    assert talk.told == "none"
    assert len(talk.tracker) == 0


@pytest.mark.parametrize("first", ["rst", "rst ack", "fin ack", "syn ack"])
def test_what_cannot_begin_an_entry_is_invalid(first: str) -> None:
    talk = Talk()
    step = talk.o(first)
    assert (step.event, step.verdict) == (rules.NOT_AN_OPENING, INVALID)
    assert talk.told == "none"


def test_nothing_is_picked_up_where_that_is_off() -> None:
    talk = Talk(settings=Settings(loose=False))
    assert talk.o("ack").event == rules.NOT_PICKED_UP
    assert talk.o("syn").event == rules.OPENED


def test_an_ack_before_its_syn_ack_has_no_place() -> None:
    talk = Talk()
    talk.o("syn")
    assert talk.o("ack").event == rules.OUT_OF_PLACE
    assert talk.told == "SYN_SENT 120 UNREPLIED"


def test_a_rst_far_above_the_window_changes_nothing() -> None:
    talk = _opened()
    step = talk.r("rst", seq=talk.numbers["server"] + 10_000_000)
    assert (step.event, step.verdict) == (rules.SEQ_TOO_HIGH, INVALID)
    assert talk.told == "ESTABLISHED 432000 ASSURED"


def test_a_rst_older_than_what_was_acknowledged_is_stale() -> None:
    talk = _opened()
    assert talk.r("rst", seq=talk.numbers["server"] - 1).event == rules.RST_STALE
    assert talk.told == "ESTABLISHED 432000 ASSURED"


def test_a_stale_rst_is_believed_where_that_was_set() -> None:
    talk = Talk(settings=Settings(ignore_invalid_rst=True))
    talk.open()
    assert talk.r("rst", seq=talk.numbers["server"] - 1).event == rules.RST_INEXACT


def test_a_rst_in_window_but_not_exact_leaves_ten_seconds_to_protest() -> None:
    talk = _opened()
    step = talk.r("rst", seq=talk.numbers["server"] + 10)
    assert (step.event, step.rule) == (rules.RST_INEXACT, rules.RESET)
    assert talk.told == "ESTABLISHED 10 ASSURED"
    talk.o("ack", data=1)
    assert talk.told == "ESTABLISHED 300 ASSURED"


def test_an_exact_rst_closes() -> None:
    talk = _opened()
    talk.r("rst")
    assert talk.told == "CLOSE 10 ASSURED"


def test_a_rst_right_behind_its_sender_s_data_is_exact() -> None:
    talk = _opened()
    talk.r("ack", data=19)
    assert talk.r("rst").new == uapi.TCP_CONNTRACK_CLOSE


def test_a_syn_in_an_established_connection_is_let_pass_for_the_server_to_answer() -> None:
    talk = _opened()
    numbers = dict(talk.numbers)
    assert talk.o("syn", seq=77_000_000).event == rules.IGNORED
    assert talk.r("ack").event == rules.FOLLOWED
    talk.numbers = numbers
    talk.o("rst", seq=talk.numbers["client"])
    assert talk.told == "CLOSE 10 ASSURED"


def test_both_in_step_with_an_ignored_syn_take_the_entry_along() -> None:
    talk = _opened()
    talk.o("syn", seq=77_000_000)
    step = talk.r("syn ack", seq=88_000_000, ack=77_000_001)
    assert step.event == rules.RESYNCED
    assert talk.told == "SYN_RECV 60 ASSURED"


def test_a_syn_of_the_server_has_no_place() -> None:
    talk = _opened()
    assert talk.r("syn").event == rules.OUT_OF_PLACE


def test_both_sides_may_open_at_once() -> None:
    talk = Talk()
    talk.o("syn")
    talk.r("syn")
    assert talk.told == "SYN_SENT2 120"
    entry = talk.entry
    assert entry is not None
    assert entry.last_flags & SIMULTANEOUS_OPEN
    talk.o("syn ack", seq=1_000_000)
    assert talk.told == "SYN_RECV 60"
    assert talk.r("syn ack", seq=5_000_000).event == rules.IGNORED
    talk.r("ack")
    assert talk.told == "ESTABLISHED 432000 ASSURED"


def test_the_same_ack_again_and_again_is_a_retransmission() -> None:
    talk = _opened()
    steps = [talk.o("ack") for _ in range(5)]
    assert [step.rule for step in steps] == [rules.BY_STATE] * 2 + [rules.RETRANSMITTED] * 3


def test_a_window_of_nothing_shortens_the_timeout() -> None:
    talk = _opened()
    step = talk.o("ack", window=0)
    assert (step.timeout, step.rule) == (300, rules.ZERO_WINDOW)


def test_one_side_s_stray_fin_changes_nothing_both_sides_do() -> None:
    talk = _opened()
    far = 20_000_000
    talk.o("fin ack", seq=talk.numbers["client"] + far)
    assert talk.told == "ESTABLISHED 432000 ASSURED"
    step = talk.r("fin ack", seq=talk.numbers["server"] + far)
    assert (step.verdict, step.rule) == (INVALID, rules.OUT_OF_STEP)
    assert talk.told == "ESTABLISHED 300 ASSURED"


def test_windows_are_not_enforced_where_that_was_set() -> None:
    talk = Talk(settings=Settings(liberal=True))
    talk.open()
    step = talk.o("ack", seq=talk.numbers["client"] + 10_000_000)
    assert (step.event, step.verdict) == (rules.LIBERAL, ESTABLISHED)


def test_a_repeated_syn_does_not_prolong() -> None:
    talk = Talk()
    talk.o("syn")
    talk.now += 50
    step = talk.o("syn", seq=1_000_000)
    assert (step.timeout, step.rule) == (None, rules.KEPT)
    assert talk.told == "SYN_SENT 70 UNREPLIED"


def test_a_syn_after_a_close_begins_anew() -> None:
    talk = _opened()
    talk.o("fin ack")
    talk.r("fin ack")
    talk.o("ack")
    step = talk.o("syn", seq=9_000_000)
    assert (step.event, step.old, step.new) == (
        rules.REOPENED,
        uapi.TCP_CONNTRACK_TIME_WAIT,
        uapi.TCP_CONNTRACK_SYN_SENT,
    )
    assert len(talk.tracker) == 1


def test_a_syn_after_the_other_side_s_rst_waits_for_the_entry_to_run_out() -> None:
    talk = _opened()
    talk.r("rst")
    assert talk.o("syn", seq=9_000_000).event == rules.IGNORED
    assert talk.told == "CLOSE 10 ASSURED"


def test_a_syn_after_one_s_own_rst_begins_anew() -> None:
    talk = _opened()
    talk.o("rst")
    assert talk.o("syn", seq=9_000_000).event == rules.REOPENED


def test_in_last_ack_an_answer_to_a_stray_syn_is_no_last_ack() -> None:
    talk = _opened()
    talk.o("fin ack")
    talk.r("fin ack")
    talk.o("syn", seq=9_000_000)
    assert talk.r("ack").event == rules.CHALLENGED
    assert talk.told == "LAST_ACK 30 ASSURED"
    talk.o("ack")
    assert talk.told == "TIME_WAIT 120 ASSURED"


def test_what_ran_out_is_gone_and_said_so() -> None:
    talk = _opened()
    talk.o("fin ack")
    talk.r("ack")
    talk.now += 75
    assert talk.told == "none"
    step = talk.r("ack", data=100)
    assert (step.event, step.expired_s, step.verdict) == (rules.PICKED_UP, 15, NEW)
    assert talk.told == "ESTABLISHED 300 UNREPLIED"
    entry = talk.entry
    assert entry is not None
    assert entry.source == "server"


def test_other_settings_apply_from_the_next_packet_on() -> None:
    talk = _opened()
    talk.tracker.settings = Settings(tcp=slots({"tcp_timeout_established": 7440}))
    assert talk.told == "ESTABLISHED 432000 ASSURED"
    talk.o("ack")
    assert talk.told == "ESTABLISHED 7440 ASSURED"


def test_raising_both_timeouts_brings_five_days_back_for_one_sided_entries() -> None:
    for raised, left in (
        ({"tcp_timeout_unacknowledged": 7200}, 300),
        ({"tcp_timeout_unacknowledged": 7200, "tcp_timeout_max_retrans": 7300}, 7200),
    ):
        talk = Talk(settings=Settings(tcp=slots(raised)))
        talk.o("ack")
        assert talk.told == f"ESTABLISHED {left} UNREPLIED"


def test_a_policy_goes_before_the_settings() -> None:
    talk = Talk()
    talk.policy = Policy(tcp=slots({"tcp_timeout_established": 900}), by="target")
    talk.open()
    assert talk.told == "ESTABLISHED 900 ASSURED"


def test_a_policy_of_nft_s_begins_with_its_timeout_of_syn_sent() -> None:
    talk = Talk()
    talk.policy = Policy(tcp=slots({"tcp_timeout_syn_sent": 7}))
    assert talk.o("ack").rule == rules.POLICY_START
    assert talk.told == "ESTABLISHED 7 UNREPLIED"
    talk.o("ack", data=1)
    assert talk.told == "ESTABLISHED 300 UNREPLIED"


def test_flags_that_exclude_each_other_are_invalid_everywhere() -> None:
    talk = _opened()
    assert talk.o("syn fin", seq=1).event == rules.ILLEGAL
    assert Talk().o("syn rst", seq=1).event == rules.ILLEGAL
    assert talk.told == "ESTABLISHED 432000 ASSURED"


def test_a_broken_segment_is_invalid() -> None:
    tracker = Tracker()
    step = tracker.tcp(0.0, 1, 2, Segment(TH_SYN, 1, 0, 100), broken=True)
    assert (step.event, step.verdict, len(tracker)) == (rules.BROKEN, INVALID, 0)


def test_numbers_may_wrap() -> None:
    talk = Talk()
    talk.numbers = {"client": 0xFFFF_FFFE, "server": 0xFFFF_FFFF}
    talk.open()
    talk.o("ack", data=100)
    talk.r("ack", data=100)
    assert talk.o("ack").event == rules.FOLLOWED
    assert talk.told == "ESTABLISHED 432000 ASSURED"


def test_a_fixed_timeout_is_never_moved() -> None:
    talk = _opened()
    entry = talk.entry
    assert entry is not None
    entry.status |= uapi.IPS_FIXED_TIMEOUT
    talk.now += 100
    assert talk.o("ack", data=10).rule == rules.KEPT
    assert talk.told == "ESTABLISHED 431900 ASSURED"


def test_a_payload_in_a_syn_counts() -> None:
    tracker = Tracker()
    tracker.tcp(0.0, 1, 2, Segment(TH_SYN, 100, 0, 1000, 50))
    step = tracker.tcp(0.0, 2, 1, Segment(TH_SYN | TH_ACK, 1, 151, 1000))
    assert step.event == rules.FOLLOWED
