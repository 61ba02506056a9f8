"""Which entries may be drained how far, by what is known of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack.diagnosis import filters
from halftrack.diagnosis.view import view
from halftrack.draining import at_once
from halftrack.draining.fates import DEAD_S, MAY_LIVE_S, Fate, Wish
from halftrack.draining.judging import Surroundings, judge
from halftrack.draining.matching import matching
from halftrack.draining.still import compared, unchanged
from halftrack.draining.traffic import traffic
from halftrack.evidence import addresses
from halftrack.evidence.values import LocalAddress
from unit.flowrows import ASSURED, evidence, flows, one_sided, row, sockets, table, udp

if TYPE_CHECKING:
    from typing import Any

    from halftrack.draining.judging import Judgement

HERE = "192.0.2.1"
PEER = "198.51.100.7"


def judged(
    *rows: dict[str, Any],
    live: tuple[tuple[str, int, str, int] | tuple[str, int], ...] | None = (),
    words: str = "proto=tcp,udp",
    wish: Wish | None = None,
    settings: dict[str, str] | None = None,
    ours: tuple[str, ...] = (HERE,),
    **around: Any,
) -> Judgement:
    """``live``: sockets of the table's namespace, None where they were not read."""
    seen = table(
        *rows,
        settings=settings or {},
        sockets=None if live is None else sockets(*live),
        addresses=tuple(LocalAddress(address, 32, "lo") for address in ours),
    )
    enriched = view(seen, evidence(seen))
    takes, _ = matching(enriched, filters.parse(words.split()), ())
    return judge(enriched, takes, wish or Wish(), Surroundings(**around))


def fates(judgement: Judgement) -> list[Fate | None]:
    return [None if fate is None else Fate(fate) for fate in judgement.fates]


def test_dead_is_what_has_no_socket_where_sockets_were_read() -> None:
    rows = [row(HERE, PEER, 40_000 + i, 80) for i in range(3)]
    found = judged(*rows, live=((HERE, 40_001, PEER, 80),))
    assert fates(found) == [Fate.DEAD, Fate.MAY_LIVE, Fate.DEAD]
    assert found.seconds(Fate.DEAD) == DEAD_S
    assert found.seconds(Fate.MAY_LIVE) == MAY_LIVE_S


def test_without_sockets_nothing_is_dead() -> None:
    assert fates(judged(row(HERE, PEER), one_sided(HERE, PEER), live=None)) == [Fate.MAY_LIVE] * 2


def test_what_passes_through_is_never_proven_dead() -> None:
    assert fates(judged(row("203.0.113.5", PEER))) == [Fate.MAY_LIVE]


def test_a_listener_proves_no_life_and_a_dying_socket_does() -> None:
    entry = row(PEER, HERE, 50_000, 80)
    assert fates(judged(entry, live=((HERE, 80),))) == [Fate.DEAD]
    seen = table(entry, sockets=sockets((HERE, 80, PEER, 50_000)), addresses=(LocalAddress(HERE, 32, "lo"),))
    assert seen.sockets is not None
    for state in (6, 12, 4):  # TIME_WAIT, NEW_SYN_RECV, FIN_WAIT1
        closing = type(seen.sockets)(seen.sockets.frame.with_columns(pl.lit(state, pl.UInt8).alias("state")))
        waiting = table(entry, sockets=closing, addresses=seen.addresses)
        enriched = view(waiting, evidence(waiting))
        every = pl.Series([True])
        assert fates(judge(enriched, every, Wish(), Surroundings())) == [Fate.MAY_LIVE]


def test_a_connection_being_opened_is_left_alone_though_no_socket_shows() -> None:
    opening = [
        row(HERE, PEER, 40_000 + i, state=state, status=(), left=100_000)
        for i, state in enumerate(("SYN_SENT", "SYN_RECV", "SYN_SENT2"))
    ]
    assert fates(judged(*opening)) == [Fate.HANDSHAKE] * 3
    assert fates(judged(*opening, wish=Wish("delete"))) == [Fate.HANDSHAKE] * 3


@pytest.mark.parametrize(
    ("bit", "fate"),
    [(1 << 10, Fate.FIXED), (1 << 14, Fate.OFFLOADED), (1 << 15, Fate.OFFLOADED), (1 << 9, Fate.DYING)],
)
def test_what_the_kernel_keeps_for_itself_is_left_alone(bit: int, fate: Fate) -> None:
    seen = table(row(HERE, PEER), sockets=sockets(), addresses=(LocalAddress(HERE, 32, "lo"),))
    enriched = view(seen, evidence(seen))
    marked = type(enriched)(
        enriched.table, enriched.evidence, enriched.flows.with_columns(pl.col("status") | bit)
    )
    found = judge(marked, pl.Series([True]), Wish(), Surroundings())
    assert fates(found) == [fate]
    assert found.changed == 0


def test_one_sided_without_proof_is_left_a_minute_only_where_no_rule_would_miss_it() -> None:
    passing = one_sided("203.0.113.5", PEER)
    assert fates(judged(passing)) == [Fate.MAY_LIVE]
    assert fates(judged(passing, unmissed=pl.Series([False]))) == [Fate.MAY_LIVE]
    assert fates(judged(passing, unmissed=pl.Series([True]))) == [Fate.UNANSWERED]
    answered = row("203.0.113.5", PEER)
    assert fates(judged(answered, unmissed=pl.Series([True]))) == [Fate.MAY_LIVE]


def test_strict_pick_up_protects_what_is_not_proven_dead() -> None:
    strict = {"net.netfilter.nf_conntrack_tcp_loose": "0"}
    passing = one_sided("203.0.113.5", PEER)
    found = judged(passing, one_sided(HERE, PEER), settings=strict, unmissed=pl.Series([True, True]))
    assert fates(found) == [Fate.STRICT, Fate.DEAD]


def test_where_one_direction_takes_another_way_only_a_sender_without_a_socket_is_dead() -> None:
    received, sent = one_sided(PEER, HERE, sport=50_000, dport=80), one_sided(HERE, PEER)
    passing = one_sided("203.0.113.5", PEER)
    found = judged(received, sent, passing, traffic=pl.Series([True] * 3), unmissed=pl.Series([True] * 3))
    assert fates(found) == [Fate.TRAFFIC, Fate.DEAD, Fate.TRAFFIC]


@pytest.mark.parametrize(("packets", "found"), [(5_000, True), (1, False)])
def test_the_one_sided_entries_alone_tell_what_the_whole_table_does_of_traffic(
    packets: int, *, found: bool
) -> None:
    alone = [one_sided(HERE, f"198.51.100.{i}", left=250, orig_packets=packets) for i in range(1, 21)]
    rest = [row(PEER, HERE, 40_000 + i, 443, left=400_000 - i) for i in range(50)]
    rest += [udp(HERE, f"203.0.113.{i}", sport=50_000 + i) for i in range(1, 31)]
    ours = (LocalAddress(HERE, 32, "lo"),)
    whole, part = (
        view(seen, evidence(seen, source="live"))
        for seen in (table(*rest, *alone, addresses=ours), table(*alone, addresses=ours))
    )
    marks, fewer = traffic(whole), traffic(part)
    expected = [True] * len(alone) if found else None
    assert (None if fewer is None else fewer.to_list()) == expected
    assert (None if marks is None else marks.tail(len(alone)).to_list()) == expected
    assert marks is None or not marks.head(len(rest)).any()


def test_the_traffic_of_one_service_is_told_from_what_is_stuck_of_another() -> None:
    """Five times as many dead entries of another address do not outvote it."""
    alive = [one_sided(HERE, f"198.51.100.{i}", left=250, orig_packets=5_000) for i in range(1, 21)]
    dead = [one_sided("203.0.113.6", f"198.51.100.{i}", left=250, orig_packets=1) for i in range(1, 101)]
    ours = tuple(LocalAddress(each, 32, "lo") for each in (HERE, "203.0.113.6"))
    seen = table(*dead, *alive, addresses=ours)
    marks = traffic(view(seen, evidence(seen, source="live")))
    assert marks is not None
    assert marks.to_list() == [False] * len(dead) + [True] * len(alive)


def test_no_proof_for_what_arrives_where_the_kernel_hands_it_on() -> None:
    received, sent = row(PEER, HERE, 50_000, 80), row(HERE, PEER, 40_000, 443)
    assert fates(judged(received, sent, passed_on=True)) == [Fate.MAY_LIVE, Fate.DEAD]


def test_nothing_is_left_more_than_it_has() -> None:
    found = judged(
        row(HERE, PEER, 40_000, left=59),
        row(HERE, PEER, 40_001, left=61),
        row("203.0.113.5", PEER, left=7_440),
        row("203.0.113.5", PEER, 40_001, left=7_441),
    )
    assert fates(found) == [Fate.SHORT, Fate.DEAD, Fate.SHORT, Fate.MAY_LIVE]


@pytest.mark.parametrize(
    ("wanted", "dead", "alive"), [(1, 60, 7_440), (600, 600, 7_440), (9_000, 9_000, 9_000)]
)
def test_more_time_may_be_asked_for_and_never_less(wanted: int, dead: int, alive: int) -> None:
    found = judged(row(HERE, PEER), row("203.0.113.5", PEER), wish=Wish(seconds=wanted))
    assert (found.seconds(Fate.DEAD), found.seconds(Fate.MAY_LIVE)) == (dead, alive)


def test_only_what_is_proven_dead_is_removed() -> None:
    rows = (row(HERE, PEER, left=30), one_sided("203.0.113.5", PEER), row("203.0.113.5", PEER))
    found = judged(*rows, wish=Wish("delete"), unmissed=pl.Series([True] * 3))
    assert fates(found) == [Fate.DEAD, Fate.NOT_PROVEN, Fate.NOT_PROVEN]
    assert found.changed == 1


def test_the_filter_decides_what_is_judged_at_all() -> None:
    found = judged(one_sided(HERE, PEER), row(HERE, PEER), words="one-sided")
    assert fates(found) == [Fate.DEAD, None]
    assert (found.matching, found.changed, found.assured, found.share) == (1, 1, 0, 0.5)
    assert judged(row(HERE, PEER), words="proto=tcp").assured == 1


@pytest.mark.parametrize(
    ("now", "same"),
    [
        ({"left": 990}, True),
        ({"left": 991}, True),
        ({"left": 992}, False),
        ({"left": 1_000}, False),
        ({"left": 5}, True),
        ({"left": 990, "id": 8}, False),
        ({"left": 990, "state": "FIN_WAIT"}, False),
        ({"left": 990, "status": ASSURED}, False),
        ({"left": None}, False),
    ],
)
def test_an_entry_is_the_same_while_no_packet_came(now: dict[str, Any], same: bool) -> None:
    seen = flows(one_sided(HERE, PEER, left=1_000, id=7)).frame
    again = flows(one_sided(HERE, PEER, **({"id": 7} | now))).frame
    assert unchanged(seen, again, 10.4).to_list() == [same]


def test_an_entry_that_is_gone_is_not_the_same() -> None:
    seen = flows(one_sided(HERE, PEER, left=1_000, id=7)).frame
    assert unchanged(seen, seen.clear(1), 0).to_list() == [False]


def test_a_mark_has_to_stay_where_the_filter_speaks_of_it() -> None:
    seen = flows(one_sided(HERE, PEER, left=1_000, id=7, mark=1)).frame
    again = flows(one_sided(HERE, PEER, left=1_000, id=7, mark=2)).frame
    assert unchanged(seen, again, 0).to_list() == [True]
    assert unchanged(seen, again, 0, compared(["mark"])).to_list() == [False]


@pytest.mark.parametrize(
    ("words", "sport"),
    [
        ("one-sided sport=80", 80),
        ("one-sided proto=tcp sport=80 src=192.0.2.1", 80),
        ("sport=80", None),
        ("one-sided", None),
        ("one-sided dport=80", None),
        ("one-sided sport=80,443", None),
        ("one-sided sport=80 idle=1h..", None),
        ("one-sided sport=80 left=1h..", None),
        ("one-sided sport=80 age=1d..", None),
        ("one-sided sport=80 dst=198.51.100.7", None),
        ("one-sided sport=80 src=192.0.2.0/24", None),
        ("one-sided sport=80 mark=1", None),
        ("one-sided not sport=80", None),
        ("any: one-sided sport=80 ;", None),
    ],
)
def test_only_a_filter_by_the_senders_port_is_left_to_the_kernel(words: str, sport: int | None) -> None:
    assert at_once.port(filters.parse([words])) == sport


def test_the_kernel_removes_only_what_a_server_that_listens_sent_and_all_of_it_is_dead() -> None:
    dead = [one_sided(HERE, f"198.51.100.{i}") for i in range(1, 4)]
    by_kernel: dict[str, Any] = {"words": "one-sided sport=80", "wish": Wish("delete")}
    listening = ((HERE, 80),)
    (source,) = at_once.servers(judged(*dead, live=listening, **by_kernel), 80)
    assert addresses.to_text(*source) == HERE
    assert at_once.servers(judged(*dead, live=(("0.0.0.0", 80),), **by_kernel), 80)  # noqa: S104  # a listener's
    assert not at_once.servers(judged(*dead, live=((HERE, 443),), **by_kernel), 80)
    one_lives = (*listening, (HERE, 80, "198.51.100.1", 60_440))
    assert not at_once.servers(judged(*dead, live=one_lives, **by_kernel), 80)
    passing = one_sided("203.0.113.5", PEER)
    assert not at_once.servers(judged(*dead, passing, live=listening, **by_kernel), 80)
    retimed = judged(*dead, live=listening, words="one-sided sport=80")
    assert not at_once.servers(retimed, 80)
    six = one_sided("2001:db8::1", "2001:db8::2")
    found = judged(six, live=(("2001:db8::1", 80),), ours=("2001:db8::1",), **by_kernel)
    assert fates(found) == [Fate.DEAD]
    assert not at_once.servers(found, 80)
