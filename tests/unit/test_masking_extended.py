"""A map used again: what it knows stays, and what is new stands among it as it did among the originals."""

from __future__ import annotations

import ipaddress
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from halftrack.masking import extending, kinds, layout
from unit.masked import NETWORKS, V4, V6

ADDRESSES = st.lists(st.one_of(V4, V6), max_size=40)
Addresses = list[ipaddress.IPv4Address]
LINK_LOCAL = kinds.number("fe80::")
"""Kept itself, as networks name it."""
FIRST = ipaddress.IPv6Address("fe80::1")


def numbers(addresses: Addresses) -> set[int]:
    return {kinds.number(str(each)) for each in addresses}


@given(ADDRESSES, NETWORKS, ADDRESSES, NETWORKS)
@example([], [kinds.network(kinds.V4_MAPPED, 101)], [], [kinds.network(kinds.V4_MAPPED, 100)])
@example([], [kinds.network(LINK_LOCAL, 35)], [FIRST, FIRST + 1], [kinds.network(LINK_LOCAL, 34)])
def test_what_is_new_stands_among_what_is_known(
    before: Addresses, nets: list[kinds.Network], after: Addresses, more: list[kinds.Network]
) -> None:
    known = layout.stand_ins(numbers(before), nets)
    try:
        ours, theirs = extending.extended(numbers(after), more, known)
    except layout.NoRoom:
        assert more, "addresses alone have room"
        return
    assert ours.items() >= known[0].items()
    assert theirs.items() >= known[1].items()
    everybody = sorted(ours)
    assert not any(map(kinds.keeps, ours))
    assert {each for each in numbers(after) if not kinds.keeps(each)} <= ours.keys()
    by_room: dict[kinds.Room, list[int]] = {}
    for each in everybody:
        by_room.setdefault(kinds.room(each), []).append(ours[each])
    for its in by_room.values():
        assert all(one < other for one, other in pairwise(its))
    for net, other in theirs.items():
        assert other.first & (kinds.ALL >> other.length) == 0
        inside = [other.first <= ours[each] <= other.last for each in everybody]
        assert inside == [net.first <= each <= net.last for each in everybody], net.text
    for one, other in combinations(theirs, 2):
        apart = one.last < other.first or other.last < one.first
        its = theirs[one], theirs[other]
        assert apart == (its[0].last < its[1].first or its[1].last < its[0].first)


@pytest.mark.parametrize(("before", "after"), [(1_000, 200_000), (50_000, 50_000), (1, 1_000)])
def test_another_day_of_visitors_finds_room(before: int, after: int) -> None:
    seen, later = (
        {kinds.number("1.0.0.0") + first + each * ((99 << 24) // many) for each in range(many)}
        for first, many in enumerate((before, after))
    )
    known = layout.stand_ins(seen, [])
    ours, _ = extending.extended(later, [], known)
    assert ours.keys() == seen | later
    assert [ours[each] for each in sorted(ours)] == sorted({*ours.values()})


def test_a_gap_that_is_too_small_is_said() -> None:
    known = layout.stand_ins({kinds.number("169.254.0.1"), kinds.number("169.254.255.254")}, [])
    many = {kinds.number("169.254.0.2") + each for each in range(60_000)}
    with pytest.raises(layout.NoRoom, match="without --map"):
        extending.extended(many, [], known)


def test_addresses_that_stand_where_the_gaps_are() -> None:
    known = layout.stand_ins(numbers([ipaddress.IPv4Address("192.0.2.1")]), [])
    base = kinds.number("240.0.0.0")
    spoofed = {base + each for each in range(0, 9_000, 2)}
    ours, _ = extending.extended(spoofed, [], known)
    assert not (set(ours.values()) - set(known[0].values())) & spoofed
