"""syn-flood: what the counters of the namespace that listens say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from halftrack.diagnosis.document import LIKELY
from halftrack.evidence import uapi
from halftrack.evidence.kernel_log import KernelLog, Lines, Stamp
from halftrack.evidence.values import LocalAddress
from unit.caserows import TAKEN_AT, V4, case, one_sided, rows, spread_evenly
from unit.causecases import (
    IDLE,
    against,
    first,
    sockets,
    stack,
    told,
    weighed,
)

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case

QUIET = {"TcpExt.SyncookiesSent": 0, "TcpExt.SyncookiesRecv": 0, "TcpExt.SyncookiesFailed": 0}


class TestSynFlood:
    def half_open(self, **table: Any) -> Case:
        frame = rows(
            2000,
            state=uapi.TCP_CONNTRACK_SYN_SENT,
            status=0,
            service="tcp/443",
            reply_sport=443,
            idle_s=spread_evenly(2000, 60),
        )
        return case("half-open", frame, **table)

    def test_cookies_that_do_not_come_back(self) -> None:
        counted = stack(QUIET, {**QUIET, "TcpExt.SyncookiesSent": 4_000, "TcpExt.SyncookiesRecv": 3})
        one = self.half_open(stack=counted)
        found = weighed(one, "syn-flood")
        assert first(one) == "syn-flood"
        values = [reason.value for reason in found.for_ if reason.source == "/proc/net/netstat of host"]
        assert values == [4_000, 0.0]
        assert not found.missing
        assert found.confidence > weighed(self.half_open(), "syn-flood").confidence

    def test_cookies_that_come_back_are_real_clients(self) -> None:
        counted = stack(QUIET, {**QUIET, "TcpExt.SyncookiesSent": 400, "TcpExt.SyncookiesRecv": 390})
        found = weighed(self.half_open(stack=counted), "syn-flood")
        assert "real clients do" in against(found)
        assert found.confidence < LIKELY

    def test_a_full_queue_without_cookies(self) -> None:
        counted = stack({"TcpExt.TCPReqQFullDrop": 10}, {"TcpExt.TCPReqQFullDrop": 250})
        assert 240 in [r.value for r in weighed(self.half_open(stack=counted), "syn-flood").for_]

    def test_what_the_kernel_logged_of_the_listener(self) -> None:
        at = LocalAddress("10.88.0.14", 24, "eth0")
        one = self.half_open(addresses=(at,))
        without = weighed(one, "syn-flood").confidence
        for port, ago, more in ((443, 5, True), (443, 5_000, True), (25, 5, False)):
            stamp = Stamp(None, TAKEN_AT - timedelta(minutes=ago))
            lines = Lines("syn-flood", 1, stamp, stamp, "dmesg:9", "flood", port=port)
            seen = replace(
                one.view, evidence=replace(one.view.evidence, log=KernelLog(("dmesg",), stamp, (lines,)))
            )
            found = weighed(replace(one, view=seen), "syn-flood")
            assert (found.confidence > without) == more, (port, ago)
            assert ("dmesg:9" in [reason.source for reason in found.for_]) == more
        quiet = self.half_open(addresses=(at,), stack=stack(QUIET, QUIET))
        seen = replace(quiet.view, evidence=replace(quiet.view.evidence, log=seen.evidence.log))
        assert "dmesg:9" not in [r.source for r in weighed(replace(quiet, view=seen), "syn-flood").for_]

    def test_quiet_counters_speak_against_it(self) -> None:
        found = weighed(self.half_open(stack=stack(QUIET, QUIET)), "syn-flood")
        assert "that ever found the queue full" in against(found)
        assert found.confidence < weighed(self.half_open(), "syn-flood").confidence

    def test_a_service_that_does_not_accept(self) -> None:
        """The other queue is full: clients are real and wait in vain."""
        listener = sockets(1, state=10, local_port=443, rqueue=129, wqueue=128, local_lo=V4)
        counted = stack({"TcpExt.ListenOverflows": 5}, {"TcpExt.ListenOverflows": 105})
        found = weighed(self.half_open(stack=counted, tcp=listener), "syn-flood")
        assert "the service does not" in against(found)
        values = [reason.value for reason in found.against]
        assert 129 in values
        assert 100 in values

    def test_one_reading_has_no_rise(self) -> None:
        found = weighed(self.half_open(stack=stack({"TcpExt.SyncookiesSent": 50})), "syn-flood")
        assert "once found the queue full" in told(found)

    def test_stray_packets_beside_one_sided_entries(self) -> None:
        counted = stack({"TcpExt.SyncookiesFailed": 0}, {"TcpExt.SyncookiesFailed": 90})
        frame = one_sided(500, idle_s=IDLE, orig_dport=50_000)
        found = weighed(case("one-sided", frame, stack=counted), "syn-flood")
        assert 90 in [reason.value for reason in found.for_]
        assert found.confidence < LIKELY
