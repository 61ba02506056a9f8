"""What older kernels did otherwise, profile by profile, and which release has which profile."""

from __future__ import annotations

import pytest

from halftrack.evidence import uapi
from halftrack.tcp import profiles, releases, rules
from halftrack.tcp.profiles import (
    EL6,
    EL6_EARLY,
    EL7,
    EL8,
    LATE_6_12,
    PRESENT,
    V2_6_18,
    V2_6_32,
    V3_2,
    V3_16,
    V3_18,
    V4_9,
    V5_4,
    V5_15,
    VIRTUOZZO_7,
    Profile,
)
from halftrack.tcp.segments import Segment
from halftrack.tcp.settings import Settings, slots
from halftrack.tcp.table import TH_SYN, TH_URG
from halftrack.tcp.tracker import DROPPED, INVALID, Tracker
from unit.conversations import Talk


@pytest.mark.parametrize(
    ("release", "profile"),
    [
        ("2.6.18-028stab056", V2_6_18),
        ("2.6.18-398.el5", V2_6_18),
        ("2.6.24", V2_6_18),
        ("2.6.32-5-amd64", V2_6_32),
        ("2.6.32-042stab092.1", EL6_EARLY),
        ("2.6.32-042stab141.3", EL6),
        ("2.6.32-431.29.2.el6.x86_64", EL6_EARLY),
        ("2.6.32-754.35.1.el6.x86_64", EL6),
        ("3.2.40", V3_2),
        ("3.10.4", V3_2),
        ("3.10.108", V3_16),
        ("3.16.0-4-amd64", V3_16),
        ("3.10.0-1160.el7.x86_64", EL7),
        ("3.10.0-957.12.2.vz7.96.21", VIRTUOZZO_7),
        ("3.18.140", V3_18),
        ("4.9.0-19-amd64", V4_9),
        ("4.18.0-394.el8.x86_64", EL8),
        ("5.4.0-190-generic", V5_4),
        ("5.10.13", V5_4),
        ("5.15.0-91-generic", V5_15),
        ("5.14.0-362.el9.x86_64", V5_4),
        ("6.1.192", PRESENT),
        ("6.12.48", PRESENT),
        ("6.12.117", LATE_6_12),
        ("6.18.44", PRESENT),
        ("7.0-rc3", PRESENT),
        ("", PRESENT),
        (None, PRESENT),
    ],
)
def test_a_release_has_the_profile_of_its_family(release: str | None, profile: Profile) -> None:
    assert profiles.of(release) is profile


def test_every_profile_has_a_name_of_its_own() -> None:
    assert len({profile.name for profile in profiles.ALL}) == len(profiles.ALL)


def _holding(flag: str) -> set[str]:
    return {profile.name for profile in profiles.ALL if getattr(profile, flag)}


_NAMES = {profile.name for profile in profiles.ALL}
_BEFORE_EL8 = {"4.9", "el7", "virtuozzo7", "3.18", "3.16", "3.2", "el6", "el6-early", "2.6.32", "2.6.18"}


@pytest.mark.parametrize(
    ("flag", "lacking"),
    [
        ("clamps_one_sided", {"3.2", "el6-early", "2.6.32", "2.6.18"}),
        ("unacknowledged", {"2.6.18"}),
        ("challenge_ack", {"3.18", "3.16", "3.2", "2.6.32", "2.6.18"}),
        ("exact_rst", _BEFORE_EL8),
        ("zero_window", _BEFORE_EL8),
        ("simultaneous_open", _BEFORE_EL8),
        ("rst_closes_timer", _BEFORE_EL8 | {"6.12"}),
        ("syn_keeps_timer", _BEFORE_EL8 - {"virtuozzo7"} | {"5.4"}),
        ("closing_takes_rst", _BEFORE_EL8 | {"el8", "5.4"}),
        ("tolerant", _BEFORE_EL8 - {"virtuozzo7"} | {"el8", "5.4", "5.15"}),
        ("udp_waits", _BEFORE_EL8),
    ],
)
def test_who_lacks_what(flag: str, lacking: set[str]) -> None:
    assert _NAMES - _holding(flag) == lacking


@pytest.mark.parametrize("profile", profiles.ALL, ids=lambda profile: profile.name)
def test_a_connection_opens_and_closes_everywhere(profile: Profile) -> None:
    talk = Talk(profile)
    talk.open()
    assert talk.told == "ESTABLISHED 432000 ASSURED"
    talk.o("ack", data=10)
    assert talk.told == f"ESTABLISHED {300 if profile.unacknowledged else 432_000} ASSURED"
    talk.r("ack")
    talk.o("fin ack")
    talk.r("fin ack")
    talk.o("ack")
    assert talk.told == "TIME_WAIT 120 ASSURED"
    assert talk.o("syn", seq=50_000_000).event == rules.REOPENED


@pytest.mark.parametrize("profile", profiles.ALL, ids=lambda profile: profile.name)
def test_who_keeps_what_nobody_answers_for_five_days(profile: Profile) -> None:
    talk = Talk(profile, Settings(loose=3))
    talk.o("ack", data=0)
    left = 300 if profile.clamps_one_sided else 432_000
    assert talk.told == f"ESTABLISHED {left} UNREPLIED"


@pytest.mark.parametrize(("profile", "left"), [(EL7, 7200), (V4_9, 7200), (EL8, 300), (PRESENT, 300)])
def test_raising_one_timeout_was_enough_before_a_window_was_asked_for(profile: Profile, left: int) -> None:
    talk = Talk(profile, Settings(tcp=slots({"tcp_timeout_unacknowledged": 7200})))
    talk.o("ack")
    assert talk.told == f"ESTABLISHED {left} UNREPLIED"


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (PRESENT, "ESTABLISHED 10 ASSURED"),
        (LATE_6_12, "ESTABLISHED 300 ASSURED"),
        (V5_4, "ESTABLISHED 10 ASSURED"),
        (V4_9, "CLOSE 10 ASSURED"),
        (EL7, "CLOSE 10 ASSURED"),
        (V2_6_18, "CLOSE 10 ASSURED"),
    ],
)
def test_a_rst_in_window_but_not_exact(profile: Profile, told: str) -> None:
    talk = Talk(profile)
    talk.open()
    talk.o("ack", data=100)  # so that the server may send further on than it has
    talk.r("ack")
    talk.r("rst", seq=talk.numbers["server"] + 10)
    assert talk.told == told


@pytest.mark.parametrize(("profile", "left"), [(V5_4, 120), (V4_9, 120), (EL8, 70), (V5_15, 70)])
def test_whether_a_repeated_syn_prolongs(profile: Profile, left: int) -> None:
    talk = Talk(profile)
    talk.o("syn")
    talk.now += 50
    talk.o("syn", seq=1_000_000)
    assert talk.told == f"SYN_SENT {left} UNREPLIED"


@pytest.mark.parametrize(
    ("profile", "event"), [(V5_4, rules.RST_STALE), (EL8, rules.RST_STALE), (V5_15, rules.FOLLOWED)]
)
def test_a_stale_rst_in_a_closing_connection(profile: Profile, event: str) -> None:
    talk = Talk(profile)
    talk.open()
    talk.o("fin ack")
    talk.r("ack", data=50)
    talk.o("ack")
    assert talk.r("rst", seq=talk.numbers["server"] - 20).event == event


@pytest.mark.parametrize(("profile", "invalid"), [(V5_15, True), (EL8, True), (PRESENT, False)])
def test_what_comes_far_too_late(profile: Profile, invalid: bool) -> None:
    talk = Talk(profile)
    talk.open()
    talk.o("ack", data=100)
    talk.r("ack")
    step = talk.o("ack", seq=talk.numbers["client"] - 60_000)
    assert step.event == rules.SEQ_TOO_LOW
    assert (step.verdict == INVALID) is invalid


@pytest.mark.parametrize(
    ("profile", "event"), [(V3_16, rules.OUT_OF_PLACE), (V3_18, rules.REOPENED), (PRESENT, rules.REOPENED)]
)
def test_a_server_that_opens_anew_from_time_wait(profile: Profile, event: str) -> None:
    talk = Talk(profile)
    talk.open()
    talk.o("fin ack")
    talk.r("fin ack")
    talk.o("ack")
    assert talk.r("syn", seq=50_000_000).event == event


@pytest.mark.parametrize(("profile", "event"), [(EL6, rules.IGNORED), (V3_2, rules.OUT_OF_PLACE)])
def test_a_client_s_syn_ack_in_an_established_connection(profile: Profile, event: str) -> None:
    talk = Talk(profile)
    talk.open()
    assert talk.o("syn ack").event == event


@pytest.mark.parametrize(
    ("profile", "state"),
    [
        (V4_9, uapi.TCP_CONNTRACK_SYN_RECV),
        (V5_4, uapi.TCP_CONNTRACK_ESTABLISHED),
        (PRESENT, uapi.TCP_CONNTRACK_ESTABLISHED),
    ],
)
def test_where_both_sides_opened_at_once(profile: Profile, state: int) -> None:
    talk = Talk(profile)
    talk.o("syn")
    talk.r("syn")
    talk.o("syn ack", seq=1_000_000)
    talk.r("ack")
    assert talk.entry is not None
    assert talk.entry.state == state


@pytest.mark.parametrize(
    ("profile", "told"), [(V3_18, "TIME_WAIT 120 ASSURED"), (V4_9, "LAST_ACK 30 ASSURED")]
)
def test_an_ack_that_challenges_a_stray_syn(profile: Profile, told: str) -> None:
    talk = Talk(profile)
    talk.open()
    talk.o("fin ack")
    talk.r("fin ack")
    talk.o("syn", seq=9_000_000)
    talk.r("ack")
    assert talk.told == told


@pytest.mark.parametrize(("profile", "retransmitted"), [(V4_9, False), (V5_4, True)])
def test_a_scaled_window_hid_retransmissions(profile: Profile, retransmitted: bool) -> None:
    """It was remembered in sixteen bits, into which it does not fit."""
    talk = Talk(profile)
    scaled = b"\x03\x03\x07\x01"
    talk.o("syn", options=scaled)
    talk.r("syn ack", options=scaled)
    talk.o("ack")
    steps = [talk.o("ack", window=8192) for _ in range(6)]
    assert (steps[-1].rule == rules.RETRANSMITTED) is retransmitted


def test_2_6_18_lets_three_segments_of_a_picked_up_connection_be_anywhere() -> None:
    talk = Talk(V2_6_18, Settings(loose=3))
    talk.o("ack", data=1)
    for _ in range(2):
        assert talk.o("ack", seq=talk.numbers["client"] + 10_000_000, data=1).event == rules.FOLLOWED
    talk.r("ack", ack=1)
    talk.r("ack", ack=2)
    talk.r("ack", ack=3)
    assert talk.r("ack", ack=4).verdict == INVALID


def test_2_6_18_drops_the_answer_to_a_syn_that_it_ignored() -> None:
    talk = Talk(V2_6_18)
    talk.open()
    talk.o("syn", seq=77_000_000)
    step = talk.r("syn ack", seq=88_000_000, ack=77_000_001)
    assert (step.event, step.verdict) == (rules.OUT_OF_SYNC, DROPPED)
    assert talk.told == "none"


def test_2_6_18_knows_no_simultaneous_open_and_no_urgent_syn() -> None:
    talk = Talk(V2_6_18)
    talk.o("syn")
    assert talk.r("syn").event == rules.OUT_OF_PLACE
    urgent = Segment(TH_SYN | TH_URG, 1, 0, 100)
    assert talk.tracker.tcp(talk.now, "another", "server", urgent).event == rules.ILLEGAL
    assert Tracker().tcp(talk.now, "another", "server", urgent).event == rules.OPENED


def test_2_6_18_opens_anew_only_what_is_further_on() -> None:
    talk = Talk(V2_6_18)
    talk.open()
    talk.r("rst")
    assert talk.o("syn", seq=talk.numbers["client"] - 5000).event == rules.OUT_OF_PLACE
    assert talk.o("syn", seq=talk.numbers["client"] + 5000).event == rules.REOPENED


def test_2_6_32_does_not_look_at_the_number_of_an_empty_segment() -> None:
    for profile, event in ((EL6, rules.FOLLOWED), (V3_2, rules.SEQ_TOO_HIGH)):
        talk = Talk(profile)
        talk.open()
        assert talk.o("ack", seq=talk.numbers["client"] + 10_000_000).event == event


@pytest.mark.parametrize(
    "release",
    [
        "2.6.18-028stab056",
        "2.6.24",
        "2.6.32-042stab092.1",
        "2.6.32-042stab141.3",
        "2.6.32-431.29.2.el6.x86_64",
        "3.2.40",
        "3.9.6",
        "3.10.4",
        "3.10.108",
        "3.10.0-1160.el7.x86_64",
        "3.10.0-957.12.2.vz7.96.21",
        "3.16.84",
        "3.18.140",
        "4.9.337",
        "4.18.0-394.el8.x86_64",
        "5.4.124",
        "5.10.13",
        "5.15.91",
        "6.1.192",
        "6.18.44",
        "7.0-rc3",
    ],
)
def test_what_diagnosis_believes_of_a_release_is_what_its_tracker_does(release: str) -> None:
    """``releases.Features`` may not know; what it knows is the same."""
    known, profile = releases.features(release), profiles.of(release)
    assert known.clamps_one_sided in {None, profile.clamps_one_sided}
    assert known.retrans_caps_pickup in {None, profile.zero_window}
