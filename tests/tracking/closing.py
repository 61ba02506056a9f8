"""How a connection closes, and opens again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.beginning import HANDSHAKE
from tracking.claims import claim
from tracking.lasting import seconds

if TYPE_CHECKING:
    from tracking.talk import Talk

CLOSED = f"{HANDSHAKE}, client fin, server fin, client ack"


@claim
def close_fin_crosses(talk: Talk) -> None:
    talk.begin()
    assert talk.say(f"{HANDSHAKE}, client fin, server fin").told == ("LAST_ACK", 30)
    assert talk.say("client ack").told == ("TIME_WAIT", 120)


@claim
def close_half(talk: Talk) -> None:
    talk.begin()
    talk.say(f"{HANDSHAKE}, server fin")
    assert talk.say("client ack").told == ("CLOSE_WAIT", 60)
    assert talk.say("client data").told == ("CLOSE_WAIT", 60)


@claim
def close_half_is_forgotten(talk: Talk) -> None:
    talk.begin(seconds(close_wait=1))
    assert talk.say(f"{HANDSHAKE}, server fin, client ack").told == ("CLOSE_WAIT", 1)
    talk.wait(1.5)
    assert talk.say("client fin").verdict == "invalid"
    now = talk.say("server ack")
    assert (now.state, now.event, now.seen_reply) == ("ESTABLISHED", "picked-up", False)
    assert talk.entry is not None
    assert talk.is_original(talk.entry, "server")


@claim
def close_late_ack(talk: Talk) -> None:
    talk.begin(seconds(time_wait=1))
    assert talk.say(CLOSED).told == ("TIME_WAIT", 1)
    talk.wait(1.5)
    assert talk.say("client again").told == ("ESTABLISHED", 300)
    assert not talk.say("server rst").there


@claim
def reopen_time_wait(talk: Talk) -> None:
    for by in ("client", "server"):
        talk.begin()
        now = talk.say(f"{CLOSED}, {by} syn")
        assert (now.state, now.given, now.event) == ("SYN_SENT", 120, "reopened")
        assert not now.seen_reply
        assert talk.entry is not None
        assert talk.is_original(talk.entry, by)


@claim
def reopen_after_own_rst(talk: Talk) -> None:
    talk.begin()
    assert talk.say(f"{HANDSHAKE}, client rst, client syn").told == ("SYN_SENT", 120)


@claim
def reopen_after_other_rst(talk: Talk) -> None:
    talk.begin(seconds(close=2))
    now = talk.say(f"{HANDSHAKE}, server rst, client syn")
    assert (now.state, now.given, now.event) == ("CLOSE", None, "ignored")
    talk.wait(2.5)
    assert talk.say("client syn").told == ("SYN_SENT", 120)


@claim
def syn_in_established(talk: Talk) -> None:
    talk.begin()
    now = talk.say(f"{HANDSHAKE}, client syn")
    assert (now.state, now.given, now.verdict) == ("ESTABLISHED", None, "established")
    assert talk.say("server syn").verdict == "invalid"


@claim
def syn_answered(talk: Talk) -> None:
    talk.begin()
    talk.say(HANDSHAKE)
    syn = talk.packet("client", "syn")
    talk.send("client", syn)
    answer = talk.packet("server", "syn-ack")
    now = talk.send("server", answer._replace(ack=syn.seq + 1))
    assert (now.state, now.given, now.assured) == ("SYN_RECV", 60, True)


@claim
def syn_challenged(talk: Talk) -> None:
    """The server shows where it is, the client says that it knows nothing of that."""
    talk.begin()
    talk.say(f"{HANDSHAKE}, client syn")
    challenge = talk.packet("server", "ack")
    assert talk.send("server", challenge).state == "ESTABLISHED"
    rst = talk.packet("client", "rst")
    assert talk.send("client", rst._replace(seq=challenge.ack)).told == ("CLOSE", 10)


@claim
def challenge_in_last_ack(talk: Talk) -> None:
    talk.begin()
    talk.say(f"{HANDSHAKE}, client fin, server fin, client syn")
    now = talk.say("server ack")
    assert (now.state, now.given, now.event) == ("LAST_ACK", None, "challenge-ack")
