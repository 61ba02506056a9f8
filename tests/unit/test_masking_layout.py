"""Where stand-ins stand: in the networks of whom they stand for, and where nobody of the node is."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack import masking
from halftrack.masking import kinds, layout
from unit.masked import NETWORKS, V4, V6, masked_text


@given(st.lists(st.one_of(V4, V6), max_size=40), NETWORKS, st.lists(V4, max_size=5))
def test_whoever_was_in_a_network_is_in_its_stand_in_and_nobody_else(
    addresses: list[ipaddress.IPv4Address], networks: list[kinds.Network], near: list[ipaddress.IPv4Address]
) -> None:
    numbers = {kinds.number(str(each)) for each in [*addresses, *near]}
    numbers |= {each.first + 1 for each in networks} | {each.last for each in networks}
    numbers = {each for each in numbers if not kinds.keeps(each)}
    ours, theirs = layout.stand_ins(numbers, networks)
    assert len(set(ours.values())) == len(ours) >= len(numbers)
    assert not set(ours.values()) & numbers
    for room in kinds.ROOMS:
        inside = [each for each in sorted(numbers) if kinds.room(each) == room]
        assert [ours[each] for each in inside] == sorted(ours[each] for each in inside)
        for net, other in theirs.items():
            if kinds.room(net.first) == room:
                assert other.first == kinds.network(other.first, other.length).first
                assert [other.first <= ours[each] <= other.last for each in inside] == [
                    net.first <= each <= net.last for each in inside
                ]


def test_kinds_of_addresses_as_rules_name_them() -> None:
    """Where an address stands apart from its length, it is nobody's either."""
    text = '{"prefix": {"addr": "fe80::", "len": 10}} {"prefix": {"addr": "169.254.0.0", "len": 16}}'
    [found, *_], key = masked_text(
        text, "fe80::/64 dev eth0", "169.254.0.0/24 dev eth0", "fe80::5", "169.254.0.5"
    )
    assert found == text
    assert sorted(key.addresses) == [kinds.number("169.254.0.5"), kinds.number("fe80::5")]


def test_addresses_that_stand_where_stand_ins_were_to_be() -> None:
    """Spoofed sources may be any."""
    taken = {kinds.number(f"240.0.0.{each}") for each in range(0, 200, 3)}
    net = kinds.network(kinds.number("240.0.0.0"), 96 + 24)
    ours, theirs = layout.stand_ins(taken, [net])
    assert not set(ours.values()) & taken
    assert all(theirs[net].first <= each <= theirs[net].last for each in ours.values())


def test_more_addresses_than_stand_ins() -> None:
    numbers = {kinds.number("169.254.0.0") + each for each in range(1 << 16)}
    with pytest.raises(masking.NoRoom, match="no stand-ins left"):
        layout.stand_ins(numbers, [])
