"""Addresses as pairs: what goes in comes out, prefixes keep their order, masks keep their spelling."""

import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import addresses
from halftrack.evidence.literals import literal

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
NO_NAMES = pl.Series([], dtype=pl.String)


def columns(pairs: list[tuple[int, int]]) -> tuple[pl.Series, pl.Series]:
    return (
        pl.Series([hi for hi, _ in pairs], dtype=pl.UInt64),
        pl.Series([lo for _, lo in pairs], dtype=pl.UInt64),
    )


def mapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return int(address) if address.version == 6 else int(ipaddress.IPv6Address(f"::ffff:{address}"))


@given(st.lists(ADDRESSES, max_size=20))
def test_shown_as_parsed(values: list[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> None:
    pairs = [addresses.parse(str(value)) for value in values]
    shown = addresses.show(*columns(pairs), NO_NAMES).to_list()
    assert [mapped(ipaddress.ip_address(text)) for text in shown] == [mapped(value) for value in values]
    assert shown == [addresses.to_text(*pair) for pair in pairs]


@given(st.lists(ADDRESSES, min_size=2, max_size=20))
def test_pairs_sort_as_the_128_bit_numbers_do(
    values: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> None:
    by_pair = sorted(values, key=lambda value: addresses.parse(str(value)))
    assert [mapped(value) for value in by_pair] == sorted(mapped(value) for value in values)


def test_masked_addresses_are_shown_as_written_beside_clear_ones() -> None:
    pairs = [
        addresses.parse("192.0.2.1"),
        (addresses.OPAQUE_HI, 1),
        addresses.parse("2001:db8::1"),
        (addresses.OPAQUE_HI, 0),
    ]
    names = pl.Series(["xx.xx.xx.73", "yy.yy.yy.6"])
    assert addresses.show(*columns(pairs), names).to_list() == [
        "192.0.2.1",
        "yy.yy.yy.6",
        "2001:db8::1",
        "xx.xx.xx.73",
    ]


def test_a_network_is_its_first_and_last_address() -> None:
    assert addresses.parse_network("10.0.0.0/8") == (
        addresses.parse("10.0.0.0"),
        addresses.parse("10.255.255.255"),
    )
    assert addresses.parse_network("2001:db8::/32") == (
        addresses.parse("2001:db8::"),
        addresses.parse("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    )


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.0.1", "xx.xx.xx.73", "::1%eth0x/64", "1" * 5000])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        addresses.parse(text)


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::1%$(id)", "fe80::1%", "$ADDR_1", "", "1.2.3.4/8"])
def test_a_scope_is_no_part_of_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"not|does"):
        literal(text)
    with pytest.raises(ValueError, match=r"not|does"):
        addresses.parse(text)
