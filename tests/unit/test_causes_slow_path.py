"""slow-path: round trips, retransmissions and what waits, of connections that live."""

from __future__ import annotations

from halftrack.diagnosis.document import LIKELY
from halftrack.evidence.shaping import Queue
from unit.causecases import (
    SLOW,
    against,
    first,
    shaped,
    sockets,
    stack,
    tbf,
    told,
    trouble,
    weighed,
)


class TestSlowPath:
    def test_long_round_trips_make_it_likely(self) -> None:
        one = trouble(tcp=sockets(**SLOW))
        assert first(one) == "slow-path"
        found = weighed(one, "slow-path")
        assert found.confidence >= LIKELY
        assert ("ms: the middle round trip of 20 open connections", 800) in [
            (reason.what, reason.value) for reason in found.for_
        ]
        assert not found.missing

    def test_quick_round_trips_speak_against_it(self) -> None:
        quick, unread = weighed(trouble(tcp=sockets()), "slow-path"), weighed(trouble(), "slow-path")
        assert quick.confidence < unread.confidence
        assert "are quicker" in against(quick)

    def test_unknown_asks_for_nothing_that_is_there(self) -> None:
        lacking = weighed(trouble(tcp=sockets(3)), "unknown").missing
        assert not any("ss -tino" in what for what in lacking)
        assert any("tc -s qdisc" in what for what in lacking)
        assert any("ss -tino" in what for what in weighed(trouble(), "unknown").missing)

    def test_what_is_sent_again(self) -> None:
        found = weighed(trouble(tcp=sockets(bytes_retrans=8_000)), "slow-path")
        assert found.confidence >= LIKELY
        assert 0.08 in [reason.value for reason in found.for_]

    def test_segments_where_bytes_are_not_counted(self) -> None:
        """Kernels before 4.19."""
        old = sockets(bytes_sent=None, bytes_retrans=None, segs_out=200, total_retrans=30)
        assert 0.15 in [reason.value for reason in weighed(trouble(tcp=old), "slow-path").for_]

    def test_data_that_waits_for_an_answer(self) -> None:
        held = sockets(wqueue=[4000] * 8 + [0] * 12, last_ack_recv_ms=[9000] * 8 + [10] * 12)
        found = weighed(trouble(tcp=held), "slow-path")
        assert "has waited over 3 s" in told(found)
        assert found.confidence >= LIKELY

    def test_a_handful_tells_of_itself_alone(self) -> None:
        found = weighed(trouble(tcp=sockets(3, **SLOW)), "slow-path")
        assert "too few to tell" in told(found)
        assert found.confidence < LIKELY

    def test_other_services_do_not_count(self) -> None:
        other = sockets(local_port=443, **SLOW)
        (lacking,) = weighed(trouble(tcp=other), "slow-path").missing
        assert "none of the service's connections was open" in lacking
        assert first(trouble(tcp=other)) == "unknown"

    def test_behind_a_shaper_that_holds_long_round_trips_are_its_doing(self) -> None:
        """They grow with the queue: then they are no evidence of the way beyond it."""
        one = trouble(tcp=sockets(**SLOW), shaping=shaped(tbf(backlog=60_000, drops=5, overlimits=900)))
        assert first(one) == "shaping"
        assert weighed(one, "slow-path").confidence < LIKELY

    def test_the_namespace_remembers_what_was_lost(self) -> None:
        lossy = stack({"Tcp.RetransSegs": 9_000, "Tcp.OutSegs": 100_000})
        found = weighed(trouble(stack=lossy), "slow-path")
        assert ("/proc/net/snmp of host", 0.09) in [(reason.source, reason.value) for reason in found.for_]
        sound = stack({"Tcp.RetransSegs": 9, "Tcp.OutSegs": 100_000})
        assert weighed(trouble(stack=sound), "slow-path").against

    def test_a_delay_made_on_purpose(self) -> None:
        delayed = shaped(Queue(2, "netem", "1:", "root", delay_s=0.4))
        assert "netem" in told(weighed(trouble(shaping=delayed), "slow-path"))
