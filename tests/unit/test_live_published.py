"""Fronts of a node's rules: whose rules, how many of them, and for how long anybody waits."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from halftrack.evidence.rulesets import Save
from halftrack.evidence.values import LocalAddress, Namespace
from halftrack.kernel import rulesets
from halftrack.kernel.rulesets import Texts
from halftrack.live import published, rules
from halftrack.live.place import Details, Place

if TYPE_CHECKING:
    import pytest

HOST = Namespace("host", 1, "/proc/1/ns/net", 1)
POD = Namespace("web", 2, "/proc/40/ns/net", 40)
SELF = Namespace("self", 3, "/proc/self/ns/net", 41)


def test_the_nodes_rules_count_where_the_node_is_seen() -> None:
    assert published.place_of([POD, HOST]) == HOST
    assert published.place_of([SELF, POD]) == SELF


def test_addresses_are_those_of_the_same_namespace() -> None:
    places = [Place(POD), Place(HOST)]
    places[0].details = Details({}, (LocalAddress("10.0.0.5", 24, "eth0"),), None)
    assert published.own_addresses(places) == []
    places[1].details = Details({}, (LocalAddress("192.0.2.1", 24, "eth0"),), None)
    assert published.own_addresses(places) == ["192.0.2.1"]


def test_nobody_waits_for_what_is_late() -> None:
    never: Future[Any] = Future()
    for seconds in (0.0, -5.0, 0.05):
        fronts, (gap,) = published.within(never, seconds)
        assert (fronts, gap.why, gap.would_tell) == ((), "the rules were not read in time", ())


def test_rules_without_end_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.5:80\n"
    texts = Texts(
        saves=[Save("iptables-save", "ip", "iptables-nft", f"*nat\n:PREROUTING ACCEPT [0:0]\n{line}COMMIT\n")]
    )
    monkeypatch.setattr(rulesets, "read", lambda: texts)
    many = len(texts.saves[0].text)
    assert len(rules.here(many).tables) == 1
    found = rules.here(many - 1)
    assert (found.tables, found.unread) == (
        (),
        (f"they are {many} characters long, of which {many - 1} would be read",),
    )
