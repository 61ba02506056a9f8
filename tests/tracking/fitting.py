"""What fits into a connection: RST, windows, what is let pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from halftrack.tcp.settings import Settings
from tracking.beginning import HANDSHAKE
from tracking.claims import claim

if TYPE_CHECKING:
    from tracking.talk import Talk


@claim
def rst_of_unanswered(talk: Talk) -> None:
    for words in ("client ack, server rst", "client ack, client rst", "client syn, server rst"):
        talk.begin()
        assert not talk.say(words).there


@claim
def rst_exact(talk: Talk) -> None:
    talk.begin()
    assert talk.say(f"{HANDSHAKE}, server rst").told == ("CLOSE", 10)


@claim
def rst_near(talk: Talk) -> None:
    talk.begin()
    now = talk.say(f"{HANDSHAKE}, server rst-near")
    assert (now.state, now.given, now.verdict) == ("ESTABLISHED", 10, "established")
    assert talk.say("client ack").told == ("ESTABLISHED", 432_000)


@claim
def rst_out_of_window(talk: Talk) -> None:
    for kind in ("rst-far", "rst-old"):
        talk.begin()
        now = talk.say(f"{HANDSHAKE}, server {kind}")
        assert (now.state, now.given, now.verdict) == ("ESTABLISHED", None, "invalid")


@claim
def rst_while_closing(talk: Talk) -> None:
    for kind in ("rst", "rst-near", "rst-far", "rst-old"):
        talk.begin()
        assert talk.say(f"{HANDSHAKE}, client fin, server {kind}").told == ("CLOSE", 10)


@claim
def rst_of_picked_up(talk: Talk) -> None:
    """Nothing that the client acknowledged was held against a window, so that nothing is expected."""
    talk.begin()
    talk.say("server data, client ack, client ack")
    assert talk.say("client rst-far").told == ("CLOSE", 10)


@claim
def window_beyond(talk: Talk) -> None:
    talk.begin()
    before = talk.say(HANDSHAKE)
    now = talk.say("client data-far")
    assert (now.state, now.given, now.verdict) == (before.state, None, "invalid")
    assert now.flags == before.flags


@claim
def window_late(talk: Talk) -> None:
    talk.begin()
    talk.say(f"{HANDSHAKE}, client data, server ack")
    late = talk.packet("client", "data")
    now = talk.send("client", late._replace(seq=late.seq - 2_000_000))
    assert (now.state, now.given, now.verdict) == ("ESTABLISHED", None, "established")


@claim
def window_liberal(talk: Talk) -> None:
    talk.begin(Settings(liberal=True))
    assert talk.say(f"{HANDSHAKE}, client data-far").told == ("ESTABLISHED", 432_000)
    assert talk.say("server rst-old").verdict == "invalid"


@claim
def window_of_picked_up(talk: Talk) -> None:
    talk.begin()
    talk.say("client ack, server ack, server ack")
    now = talk.say("client data-far")
    assert (now.state, now.verdict, now.event) == ("ESTABLISHED", "established", "liberal")
    assert talk.say("client fin").state == "FIN_WAIT"


@claim
def out_of_step(talk: Talk) -> None:
    talk.begin()
    talk.say(HANDSHAKE)
    given = []
    for by in ("client", "server"):
        stray = talk.packet(by, "fin")._replace(seq=talk.packet(by, "data-far").seq)
        now = talk.send(by, stray)
        assert (now.state, now.verdict) == ("ESTABLISHED", "invalid")
        given.append(now.given)
    assert given == [None, 300]


@claim
def rst_ignore_invalid(talk: Talk) -> None:
    talk.begin(replace(Settings(), ignore_invalid_rst=True))
    now = talk.say(f"{HANDSHAKE}, server rst-old")
    assert (now.verdict, now.state, now.given) == ("established", "ESTABLISHED", None)
