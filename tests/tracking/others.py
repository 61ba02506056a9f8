"""Other protocols, packets that nobody tracks, and a table that is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.tcp import prospects, releases
from halftrack.tcp.tracker import Tracker
from tracking.claims import claim, model_only

if TYPE_CHECKING:
    from tracking.talk import Talk


@claim
def udp_single(talk: Talk) -> None:
    talk.begin()
    now = talk.other("udp", "client")
    assert (now.given, now.verdict) == (30, "new")
    now = talk.other("udp", "server")
    assert (now.given, now.seen_reply, now.verdict) == (30, True, "established")


@claim
def udp_stream(talk: Talk) -> None:
    talk.begin()
    talk.other("udp", "client")
    talk.other("udp", "server")
    assert not talk.other("udp", "client").assured
    talk.wait(2.5)
    now = talk.other("udp", "client")
    assert (now.given, now.assured) == (120, True)


@claim
def icmp_answers_are_no_beginning(talk: Talk) -> None:
    talk.begin()
    now = talk.other("ping", "server")
    assert (now.there, now.verdict) == (False, "invalid")
    assert talk.other("ping", "client").given == 30
    now = talk.other("ping", "server")
    assert (now.given, now.verdict, now.assured) == (30, "established", False)


@claim
def generic_time(talk: Talk) -> None:
    talk.begin()
    assert talk.other("other", "client").given == 600
    now = talk.other("other", "server")
    assert (now.given, now.assured) == (600, False)


@claim
def gre_stream(talk: Talk) -> None:
    talk.begin()
    assert talk.other("gre", "client").given == 30
    talk.other("gre", "server")
    now = talk.other("gre", "client")
    assert (now.given, now.assured) == (180, True)


@claim
def untracked_leaves_nothing(talk: Talk) -> None:
    talk.begin()
    assert talk.exempt() == "untracked"


def _syn(tracker: Tracker, client: str) -> str:
    return tracker.tcp(0.0, client, "server", prospects.first(prospects.SYN).segment).verdict


def _open(tracker: Tracker, client: str) -> None:
    for by_client, kind in ((True, "syn"), (False, "syn-ack"), (True, "ack")):
        entry = tracker.connection(client, "server")
        packet = prospects.following(entry, 1 - by_client, kind) if entry else prospects.first(kind)
        ends = (client, "server") if by_client else ("server", client)
        tracker.tcp(0.0, *ends, packet.segment)


@model_only
def full_drops_new(talk: Talk) -> None:
    tracker = Tracker(talk.profile, limit=2)
    _open(tracker, "one")
    _open(tracker, "two")
    assert _syn(tracker, "three") == "dropped"
    entry = tracker.connection("one", "server")
    assert entry is not None
    data = prospects.following(entry, 0, prospects.DATA)
    assert tracker.tcp(0.0, "one", "server", data.segment).verdict == "established"


@model_only
def full_gives_up_unassured(talk: Talk) -> None:
    tracker = Tracker(talk.profile, limit=2)
    _open(tracker, "one")
    assert _syn(tracker, "two") == "new"
    assert _syn(tracker, "three") == "new"
    assert tracker.connection("one", "server") is not None
    assert tracker.connection("two", "server") is None


@model_only
def full_keeps_closing(talk: Talk) -> None:
    assert [releases.features(release).reclaims_closing for release in ("4.11.12", "4.12.0")] == [False, True]
    tracker = Tracker(talk.profile, limit=1)
    _open(tracker, "one")
    entry = tracker.connection("one", "server")
    assert entry is not None
    tracker.tcp(0.0, "one", "server", prospects.following(entry, 0, prospects.FIN).segment)
    assert _syn(tracker, "two") == "dropped"
