"""Whether those of whom the tracker heard nothing do answer, by the sockets of our own end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halftrack.diagnosis.causes import replies, weigh_all
from halftrack.diagnosis.document import LIKELY
from unit.caserows import V4, case, one_sided, rows
from unit.causecases import SLOW, against, sockets, told, weighed

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case

PEERS = [V4 + 0xC6336400 + n for n in range(40)]
LATELY, HOUR_MS = 5, 3_600_000


def own_sockets(**columns: Any) -> Any:
    """A socket for each of the entries below."""
    return sockets(40, remote_lo=PEERS, **columns)


def talking(idle_s: int = LATELY, *, client: bool = False, **columns: Any) -> Case:
    """40 one-sided entries and the sockets that belong to them."""
    of_client = {"local_src": False, "orig_sport": 50_000, "orig_dport": 80, "reply_sport": 80}
    frame = one_sided(40, idle_s=[idle_s] * 40, peer_lo=PEERS, **(of_client if client else {}))
    return case("one-sided", frame, tcp=own_sockets(**columns))


class TestByAnotherWay:
    def test_sockets_that_hear_acknowledgements_make_another_way_likely(self) -> None:
        one = talking(last_ack_recv_ms=4_000)
        found = weighed(one, "asymmetric-path")
        assert found.confidence > LIKELY
        assert "hears answers that did not pass here" in told(found)

    def test_of_a_client_alone_it_is_the_server_that_answers_past_us(self) -> None:
        one = talking(client=True, last_ack_recv_ms=4_000, last_data_recv_ms=4_000)
        assert weigh_all(one)[0].cause == "direct-return"
        assert "asymmetric-path" not in {cause.cause for cause in weigh_all(one) if cause.confidence > 0.2}

    def test_acknowledgements_from_before_the_entry_are_none(self) -> None:
        one = talking(last_ack_recv_ms=30_000)
        assert replies.of(one) == replies.Replies(
            "sockets of host (sock_diag, tcp_info)",
            entries=40,
            sockets=40,
            answered=0,
            unheard=0,
            elsewhere=0,
        )
        assert all(cause.confidence < LIKELY for cause in weigh_all(one)[1:])

    def test_who_sends_again_and_again_talks_to_nobody(self) -> None:
        one = talking(last_ack_recv_ms=60_000, retransmits=4, wqueue=900, bytes_retrans=8_000)
        assert weigh_all(one)[0].cause == "unknown"
        (found,) = [cause for cause in weigh_all(one) if cause.cause == "slow-path"]
        assert "open connections" not in told(found)

    def test_it_does_not_tell_how_the_way_of_others_is(self) -> None:
        """Twenty more connections do; the forty of the entries themselves would say that all is lost."""
        both = own_sockets(retransmits=4, wqueue=900, bytes_retrans=80_000, last_ack_recv_ms=60_000)
        others = sockets(20, **SLOW)
        frame = one_sided(40, idle_s=[LATELY] * 40, peer_lo=PEERS)
        mixed = type(both)(both.frame.vstack(others.frame))
        found = weighed(case("one-sided", frame, tcp=mixed), "slow-path")
        assert "20 open connections" in told(found)
        assert "sent again" not in told(found)


class TestElsewhere:
    def test_what_goes_on_without_the_entry_was_not_made_by_its_packets(self) -> None:
        one = talking(idle_s=30, client=True, last_ack_recv_ms=100, last_data_recv_ms=100)
        found = weighed(one, "injected")
        assert weigh_all(one)[0].cause == "injected"
        assert "see nothing of what their sockets send and hear" in told(found)
        assert "see nothing of what" in against(weighed(one, "direct-return"))

    def test_an_unanswered_syn_sees_nothing_of_what_follows_it(self) -> None:
        """The tracker finds the client's next packets invalid: they pass, and renew nothing."""
        columns = {"reply_sport": 80, "orig_sport": 50_000, "orig_dport": 80, "peer_lo": PEERS}
        frame = rows(40, state=1, status=0, idle_s=[60] * 40, service="tcp/80", **columns)
        heard = own_sockets(last_ack_recv_ms=100, last_data_recv_ms=100)
        found = weighed(case("half-open", frame, tcp=heard), "direct-return")
        assert found.confidence > LIKELY
        assert not found.against

    def test_of_the_servers_entries_what_it_sends_counts(self) -> None:
        gone_on = talking(idle_s=30, last_ack_recv_ms=100, last_data_sent_ms=100)
        waiting = talking(idle_s=30, last_ack_recv_ms=100, last_data_sent_ms=HOUR_MS, last_data_recv_ms=100)
        assert weigh_all(gone_on)[0].cause == "injected"
        assert weigh_all(waiting)[0].cause == "asymmetric-path"
