"""Which timeout an entry gets, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from halftrack.tcp.settings import Policy, Settings, slots
from tracking.beginning import HANDSHAKE
from tracking.claims import claim, model_only

if TYPE_CHECKING:
    from tracking.talk import Talk


def seconds(**timeouts: int) -> Settings:
    """``established=200``: of sysctls ``tcp_timeout_established`` and so on, all others their defaults."""
    return Settings(tcp=slots({f"tcp_timeout_{name}": value for name, value in timeouts.items()}))


@claim
def time_by_state(talk: Talk) -> None:
    talk.begin()
    given = [talk.say(each).told for each in HANDSHAKE.split(", ")]
    given += [talk.say(each).told for each in ("client fin", "server ack", "server fin", "client ack")]
    assert given == [
        ("SYN_SENT", 120),
        ("SYN_RECV", 60),
        ("ESTABLISHED", 432_000),
        ("FIN_WAIT", 120),
        ("CLOSE_WAIT", 60),
        ("LAST_ACK", 30),
        ("TIME_WAIT", 120),
    ]
    talk.begin()
    assert talk.say(f"{HANDSHAKE}, server rst").told == ("CLOSE", 10)


@claim
def time_by_the_first_rule(talk: Talk) -> None:
    talk.begin(seconds(max_retrans=200, unacknowledged=250))
    assert talk.say(f"{HANDSHAKE}, client data").given == 250
    assert [talk.say("client again").given for _ in range(3)] == [250, 250, 200]
    assert talk.say("server rst").given == 10
    talk.begin(seconds(max_retrans=270, unacknowledged=250))
    assert talk.say(f"{HANDSHAKE}, client data, server zero-window").given == 270
    assert talk.say("client data").given == 250


@claim
def time_unacknowledged(talk: Talk) -> None:
    talk.begin()
    assert talk.say(f"{HANDSHAKE}, client data").told == ("ESTABLISHED", 300)
    assert talk.say("server ack").told == ("ESTABLISHED", 432_000)


@claim
def time_retransmitted(talk: Talk) -> None:
    talk.begin(seconds(max_retrans=200))
    talk.say(HANDSHAKE)
    assert [talk.say("client again").given for _ in range(3)] == [432_000, 432_000, 200]
    assert talk.say("client ack").given == 432_000


@claim
def time_zero_window(talk: Talk) -> None:
    talk.begin(seconds(max_retrans=200))
    assert talk.say(f"{HANDSHAKE}, server zero-window").told == ("ESTABLISHED", 200)
    assert talk.say("server ack").told == ("ESTABLISHED", 432_000)


@claim
def time_only_shortened(talk: Talk) -> None:
    talk.begin(seconds(established=200))
    assert talk.say(f"{HANDSHAKE}, client data").given == 200
    assert talk.say("server zero-window").given == 200


@claim
def time_kept_by_invalid(talk: Talk) -> None:
    talk.begin()
    talk.say(HANDSHAKE)
    for words in ("client data-far", "server rst-far", "client syn", "server syn"):
        now = talk.say(words)
        assert (now.state, now.given) == ("ESTABLISHED", None)


@claim
def time_kept_by_syn(talk: Talk) -> None:
    talk.begin()
    assert talk.say("client syn, client again").told == ("SYN_SENT", None)


@claim
def time_of_new_settings(talk: Talk) -> None:
    talk.begin()
    talk.say(HANDSHAKE)
    talk.set(seconds(established=7_440))
    assert talk.entry is not None
    assert talk.entry.deadline - talk.clock > 400_000
    assert talk.say("server ack").given == 7_440


@claim
def time_over(talk: Talk) -> None:
    talk.begin(seconds(syn_sent=1))
    talk.say("client syn")
    talk.wait(1.5)
    now = talk.say("client ack")
    assert (now.state, now.event) == ("ESTABLISHED", "picked-up")


@claim
def one_sided(talk: Talk) -> None:
    talk.begin()
    assert {talk.say(f"server {kind}").told for kind in ("ack", "data", "data", "ack")} == {
        ("ESTABLISHED", 300)
    }


@claim
def one_sided_raised(talk: Talk) -> None:
    for raised, given in (
        ({"unacknowledged": 7_200}, 300),
        ({"max_retrans": 7_200}, 300),
        ({"unacknowledged": 7_200, "max_retrans": 7_300}, 7_200),
    ):
        talk.begin(seconds(**raised))
        assert talk.say("server ack").given == given


@claim
def one_sided_answered(talk: Talk) -> None:
    talk.begin()
    assert talk.say("server ack, client ack").told == ("ESTABLISHED", 300)
    assert talk.say("client ack").told == ("ESTABLISHED", 432_000)


@claim
def one_sided_closing(talk: Talk) -> None:
    talk.begin()
    now = talk.say("server ack, server fin")
    assert (*now.told, now.seen_reply) == ("FIN_WAIT", 120, False)


@model_only
def policy_decides(talk: Talk) -> None:
    policy = Policy(tcp=slots({"tcp_timeout_established": 7_440}), by="target")
    packet = talk.packet("client", "syn")
    talk.tracker.tcp(talk.clock, "client", "server", packet.segment, policy=policy)
    assert talk.say("server syn-ack, client ack").given == 7_440
    talk.set(replace(talk.tracker.settings, tcp=slots({"tcp_timeout_established": 600})))
    assert talk.say("server ack").given == 7_440


@model_only
def policy_of_nft_starts(talk: Talk) -> None:
    given = {"tcp_timeout_syn_sent": 77, "tcp_timeout_unacknowledged": 250, "tcp_timeout_max_retrans": 280}
    packet = talk.packet("server", "ack")
    policy = Policy(tcp=slots(given), by="nft")
    first = talk.tracker.tcp(talk.clock, "server", "client", packet.segment, policy=policy)
    assert first.timeout == 77
    assert talk.say("server ack").given == 250
