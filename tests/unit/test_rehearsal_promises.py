"""What a plan promises of times and numbers, and how a rehearsal compares."""

from __future__ import annotations

import pytest

from halftrack.changes.rehearsal import acting, promises, room
from halftrack.changes.rehearsal.services import Service
from halftrack.errors import Busy
from halftrack.kernel import memory
from halftrack.plans.actions import (
    AddRules,
    ByHand,
    Drain,
    Persist,
    SetBuckets,
    SetSysctl,
    TimeoutPolicy,
    Untracked,
)
from kernel.changing import ESTABLISHED, LOOSE, UNACKNOWLEDGED, plan
from unit.flowrows import one_sided, table

WEB = Service(
    name="tcp/80",
    front=("203.0.113.73", 8080),
    back=("10.88.0.14", 80),
    client="198.51.100.7",
    stranger=None,
    local=False,
    client_local=False,
    front_local=False,
    entries=9,
)
SHORTER = SetSysctl(name=ESTABLISHED, before="432000", after="7440")
STRICT = SetSysctl(name=LOOSE, before="1", after="0")
CAP = SetSysctl(name=UNACKNOWLEDGED, before="432000", after="300")


def policy(port: int, address: str | None = None, **timeouts: int) -> AddRules:
    return AddRules(rule=TimeoutPolicy(port=port, address=address, timeouts=timeouts))


def untracked(port: int, address: str) -> AddRules:
    return AddRules(rule=Untracked(protocol="tcp", port=port, address=address))


@pytest.mark.parametrize(
    ("actions", "before", "after", "foretold", "agrees"),
    [
        ((SHORTER,), 431_999, 7_439, 7_440, True),
        ((SHORTER,), 431_999, 431_999, 7_440, False),
        ((SHORTER,), 431_999, None, 7_440, False),
        ((SHORTER,), 3_600, 3_600, None, None),  # a policy of the node's own keeps it another time
        ((SHORTER, policy(80, established=600)), 431_999, 599, 600, True),
        ((policy(8080, established=600),), 431_999, 600, 600, True),
        ((policy(80, "10.88.0.14", established=600),), 431_999, 600, 600, True),
        ((policy(80, "10.88.0.15", established=600),), 431_999, 431_999, None, None),
        ((policy(443, established=600),), 431_999, 431_999, None, None),
        ((STRICT,), 431_999, 431_999, None, None),
    ],
)
def test_the_time_of_a_new_connection(
    actions: tuple[acting.Placed, ...],
    before: int,
    after: int | None,
    foretold: int | None,
    agrees: bool | None,
) -> None:
    kept = promises.kept(actions, WEB, "432000", before, after)
    assert (kept.foretold, kept.agrees) == (foretold, agrees)


@pytest.mark.parametrize("rule", [untracked(8080, "203.0.113.73"), untracked(80, "10.88.0.14")])
def test_without_tracking_there_is_to_be_no_entry(rule: AddRules) -> None:
    assert promises.kept((rule,), WEB, "432000", 431_999, None).agrees is True
    assert promises.kept((rule,), WEB, "432000", 431_999, 431_999).agrees is False
    late = promises.late((rule,), WEB, 431_999, None)
    assert late is not None
    assert late.agrees is True


@pytest.mark.parametrize(
    ("actions", "after", "agrees"),
    [
        ((STRICT,), None, True),
        ((STRICT,), 300, False),
        ((CAP,), 299, True),
        ((CAP,), 431_999, False),
        ((CAP,), None, True),
        ((SHORTER, CAP), 301, False),
        ((policy(80, established=600),), 299, None),
    ],
)
def test_the_time_of_a_late_packet(
    actions: tuple[acting.Placed, ...], after: int | None, agrees: bool | None
) -> None:
    late = promises.late(actions, WEB, 431_999, after)
    assert late is not None
    assert late.agrees is agrees


def test_nothing_is_said_of_a_late_packet_that_nobody_speaks_of_or_sees() -> None:
    assert promises.late((policy(80, established=600),), WEB, None, None) is None


def test_a_size_is_as_predicted_where_the_time_is() -> None:
    held = promises.kept((SHORTER,), WEB, "432000", 431_999, 7_438)
    longer = promises.kept((SHORTER,), WEB, "432000", 431_999, 14_880)
    none = promises.kept((untracked(80, "10.88.0.14"),), WEB, "432000", 431_999, None)
    said_nothing = promises.kept((STRICT,), WEB, "432000", 431_999, 431_999)
    assert promises.settles(4_100, [None, said_nothing, held]) == 4_100
    assert promises.settles(4_100, [longer]) == 8_200
    assert promises.settles(4_100, [none]) == 0
    assert promises.settles(4_100, [said_nothing]) is None
    assert promises.settles(None, [held]) is None


def test_numbers_of_a_sample() -> None:
    assert promises.of_sample(185_860, 187_000, 18_700) == 18_586
    assert promises.of_sample(None, 10, 1) is None
    assert promises.of_sample(0, 0, 0) == 0
    assert promises.agrees(1_000, 960, drawn=False)
    assert not promises.agrees(1_000, 940, drawn=False)
    assert promises.agrees(1_000, 870, drawn=True)
    assert not promises.agrees(1_000, 700, drawn=True)
    assert promises.agrees(0, 0, drawn=False)
    assert not promises.agrees(0, 3, drawn=False)


def test_what_the_whole_node_has_is_not_rehearsed() -> None:
    owners = ByHand(manager="kube-proxy", lines=("x",), settings=(SHORTER,))
    somebody = ByHand(manager="the container", lines=("y",))
    made = plan(
        (
            SetSysctl(name="net.netfilter.nf_conntrack_max", after="1"),
            SetSysctl(name="net.nf_conntrack_max", after="1"),
            SetSysctl(name="net.netfilter.nf_conntrack_buckets", after="1"),
            SetSysctl(name="kernel.core_pattern", after="1"),
            SetSysctl(name="net.ipv4.tcp_syncookies", after="1"),
            SetBuckets(after=1),
            Persist(settings={LOOSE: "0"}),
            STRICT,
            owners,
            somebody,
            Drain(filter=("one-sided",)),
        )
    )
    able, unable = acting.rehearsable(made.steps[0])
    assert [place for place, _ in able] == [4, 7, 8, 10]
    assert able[2][1] == SHORTER
    assert len(unable) == 7


@pytest.mark.parametrize(
    ("buckets", "limit", "free", "fits"),
    [
        (262_144, 262_144, 8 << 30, 20_000),
        (16_384, 262_144, 8 << 30, 8_192),
        (262_144, 10_000, 8 << 30, 5_000),
        (262_144, 0, 8 << 30, 20_000),
        (262_144, 262_144, 300 << 20, 7_045),
        (None, None, None, 20_000),
    ],
)
def test_a_small_node_gets_a_small_sample(
    buckets: int | None, limit: int | None, free: int | None, fits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: free)
    found, why = room.entries(table(one_sided(), buckets=buckets, limit=limit), 256, 20_000)
    assert found == fits
    assert (why is None) == (fits == 20_000)


@pytest.mark.parametrize(("buckets", "free"), [(128, 8 << 30), (262_144, 130 << 20), (262_144, 0)])
def test_where_there_is_no_room_nothing_is_rehearsed(
    buckets: int, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: free)
    with pytest.raises(Busy, match="no room for a rehearsal here"):
        room.entries(table(one_sided(), buckets=buckets), 256, 20_000)
