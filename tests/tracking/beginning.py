"""How an entry begins, and what its status says."""

from __future__ import annotations

from halftrack.evidence.uapi import IP_CT_TCP_FLAG_BE_LIBERAL as LIBERAL
from halftrack.evidence.uapi import IP_CT_TCP_FLAG_SACK_PERM as SACK_PERM
from halftrack.evidence.uapi import IP_CT_TCP_FLAG_WINDOW_SCALE as WINDOW_SCALE
from halftrack.tcp.settings import Settings
from tracking.claims import claim
from tracking.talk import CLIENT, SERVER, Talk

HANDSHAKE = "client syn, server syn-ack, client ack"


@claim
def first_is_original(talk: Talk) -> None:
    for first in (CLIENT, SERVER):
        talk.begin()
        talk.say(f"{first} data")
        assert talk.entry is not None
        assert talk.is_original(talk.entry, first)


@claim
def handshake(talk: Talk) -> None:
    talk.begin()
    assert talk.say("client syn").told == ("SYN_SENT", 120)
    assert talk.say("server syn-ack").told == ("SYN_RECV", 60)
    assert talk.say("client ack").told == ("ESTABLISHED", 432_000)


@claim
def ack_is_picked_up(talk: Talk) -> None:
    for kind in ("ack", "data"):
        talk.begin()
        now = talk.say(f"server {kind}")
        assert (now.state, now.event, now.verdict) == ("ESTABLISHED", "picked-up", "new")


@claim
def nothing_else_begins(talk: Talk) -> None:
    for kind in ("syn-ack", "fin", "rst"):
        talk.begin()
        now = talk.say(f"client {kind}")
        assert (now.there, now.verdict) == (False, "invalid")


@claim
def loose_off(talk: Talk) -> None:
    for kind in ("ack", "data"):
        talk.begin(Settings(loose=0))
        now = talk.say(f"client {kind}")
        assert (now.there, now.verdict) == (False, "invalid")
    assert talk.say("client syn").state == "SYN_SENT"


@claim
def loose_off_keeps_known(talk: Talk) -> None:
    talk.begin()
    talk.say("server ack")
    talk.set(Settings(loose=0))
    assert talk.say("server ack").told == ("ESTABLISHED", 300)


@claim
def pick_up_marks(talk: Talk) -> None:
    talk.begin()
    assert talk.say("client ack").flags == (LIBERAL | SACK_PERM, LIBERAL | SACK_PERM)
    talk.begin()
    assert all(flags & (LIBERAL | WINDOW_SCALE) == WINDOW_SCALE for flags in talk.say(HANDSHAKE).flags)


@claim
def one_way_handshake(talk: Talk) -> None:
    talk.begin()
    talk.say("client syn")
    for kind in ("ack", "data", "fin"):
        now = talk.say(f"client {kind}")
        assert (now.state, now.given, now.verdict) == ("SYN_SENT", None, "invalid")


@claim
def syns_that_cross(talk: Talk) -> None:
    talk.begin()
    assert talk.say("client syn, server syn").told == ("SYN_SENT2", None)
    assert talk.say("client syn-ack").told == ("SYN_RECV", 60)
    assert talk.say("server ack").told == ("ESTABLISHED", 432_000)


@claim
def seen_reply(talk: Talk) -> None:
    talk.begin()
    assert not talk.say("client ack, client data").seen_reply
    assert talk.say("server ack").seen_reply


@claim
def seen_reply_ignored(talk: Talk) -> None:
    talk.begin()
    now = talk.say("client syn, server ack")
    assert (now.event, now.state, now.given, now.seen_reply) == ("ignored", "SYN_SENT", None, True)


@claim
def new_until_answered(talk: Talk) -> None:
    talk.begin()
    assert [talk.say("client data").verdict for _ in range(3)] == ["new"] * 3
    assert talk.say("server ack").verdict == "established"
    assert talk.say("client data").verdict == "established"


@claim
def assured_by_handshake(talk: Talk) -> None:
    talk.begin()
    assert not talk.say("client syn, server syn-ack").assured
    assert talk.say("client ack").assured


@claim
def assured_after_pick_up(talk: Talk) -> None:
    for more in ("server ack", "client ack"):
        talk.begin()
        assert not talk.say("client ack, server ack").assured
        assert talk.say(more).assured
