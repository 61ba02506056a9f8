"""Handshakes that were not finished, and questions that nobody answered."""

from __future__ import annotations

import pytest

from halftrack.diagnosis import enablers
from halftrack.diagnosis.document import LIKELY
from halftrack.evidence import uapi
from unit.caserows import V4, case, rows, spread_evenly
from unit.causecases import first, ranked


class TestUnfinished:
    def test_many_senders_at_one_service_are_a_flood(self) -> None:
        frame = rows(
            2000,
            state=uapi.TCP_CONNTRACK_SYN_RECV,
            status=uapi.IPS_SEEN_REPLY,
            idle_s=spread_evenly(2000, 60),
        )
        one = case("half-open", frame, settings={"net.ipv4.tcp_syncookies": "0"})
        assert first(one) == "syn-flood"
        off = enablers.no_cookies(one.view)
        assert off is not None
        assert (off.setting, off.value) == ("net.ipv4.tcp_syncookies", "0")
        assert enablers.no_cookies(case("half-open", frame).view) is None

    def test_an_unanswering_service_may_be_dead(self) -> None:
        """Many senders and no answer at all: a dead service shows that too."""
        answered = rows(
            2000, state=uapi.TCP_CONNTRACK_SYN_RECV, status=uapi.IPS_SEEN_REPLY, idle_s=[1] * 2000
        )
        silent = rows(2000, state=uapi.TCP_CONNTRACK_SYN_SENT, status=0, idle_s=[1] * 2000)
        flood, dead = (ranked(case("half-open", frame))["syn-flood"] for frame in (answered, silent))
        assert dead.confidence < LIKELY < flood.confidence

    @pytest.mark.parametrize("symptom", ["half-open", "unreplied-udp"])
    def test_one_sender_at_many_ports_is_a_scan(self, symptom: str) -> None:
        frame = rows(
            500,
            state=uapi.TCP_CONNTRACK_SYN_SENT,
            status=0,
            peer_lo=V4 + 0xC6336407,
            orig_dport=range(1, 501),
            idle_s=spread_evenly(500, 100),
        )
        one = case(symptom, frame)
        assert first(one) == "scan"
        assert "share of one sender, 198.51.100.7" in [reason.what for reason in ranked(one)["scan"].for_]

    def test_one_client_of_one_dead_service_is_no_scan(self) -> None:
        frame = rows(500, state=1, status=0, peer_lo=V4 + 7, idle_s=spread_evenly(500, 100))
        found = ranked(case("half-open", frame))
        assert "scan" not in found or found["scan"].confidence < LIKELY
