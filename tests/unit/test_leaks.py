"""The scanner finds each spelling that a masked file may forget, and not what is somebody else's."""

from __future__ import annotations

import gzip
import socket
import struct

import pytest

from leaks import leaks

_MAC = "02:0a:ac:1b:00:7e"
_SIX = "64:ff9b::c633:6421"
_MADE = "fe80::a:acff:fe1b:7e"


@pytest.mark.parametrize(
    "text",
    [
        "of über-ost.", "ÜBER-OST", r'"\u00fcber-ost"', r"\\xc3\xbcber-ost", r"/run/netns/\303\274ber-ost", "日本", "of日 日本-1",
        r'{"name":"\u65e5\u672c"}',
    ],
)  # fmt: skip
def test_names_of_any_letters(text: str) -> None:
    assert leaks(gzip.compress(text.encode()), (), ["über-ost", "日本"])


@pytest.mark.parametrize("text", ["日本語", "überosten über ost", "a日本", "Ost", r"\u65e5"])
def test_other_names_of_any_letters(text: str) -> None:
    assert leaks(text.encode(), (), ["über-ost", "日本"]) == []


def test_the_middle_of_a_word_of_any_letters() -> None:
    assert leaks("forÜBEROSTonly".encode(), (), (), inside=["über-ost"]) == ["über-ost"]


@pytest.mark.parametrize(
    "text",
    [
        "64:ff9b::198.51.100.33", "64:FF9B::C633:6421/96", "[64:ff9b::c633:6421]:80", "from 64:ff9b:0::c633:6421: no",
        "listen:64:ff9b::c633:6421.", "0064:ff9b:0:0:0:0:198.51.100.33", "0064ff9b0000000000000000c6336421 02 40",
    ],
)  # fmt: skip
def test_ipv6_and_the_ipv4_in_it(text: str) -> None:
    assert leaks(text.encode(), [_SIX], ())
    assert leaks(text.encode(), ["198.51.100.33"], ())


@pytest.mark.parametrize(
    ("four", "data"),
    [
        ("198.51.100.33", b"2002:c633:6421::1"),
        ("198.51.100.33", b"fe80::200:5efe:c633:6421"),
        ("192.0.2.45", b"2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        ("198.51.100.33", b"9BFF64000000000000000000216433C6:0050"),
        ("198.51.100.33", b"\0\0" + struct.pack("<Q", 0xC6336421) + b"\0\0"),
    ],
)
def test_ipv4_in_ipv6_of_any_kind(four: str, data: bytes) -> None:
    assert leaks(data, [four], ())


@pytest.mark.parametrize(
    "data",
    [
        b"link/ether 02:0A:AC:1B:00:7E", b"02-0a-ac-1b-00-7e", b"020a.ac1b.007e", b"enx020aac1b007e: <UP>",
        b"bridge_id 8000.2:a:ac:1b:0:7e designated_root", b"8000.020aac1b007e", b"inet6 fe80::a:acff:fe1b:7e/64",
        b"fe80::000a:acff:fe1b:007e", b"fe80000000000000000aacfffe1b007e 02", b"000080FE00000000FFAC0A007E001BFE:0016",
        socket.inet_pton(socket.AF_INET6, _MADE)[::-1],
    ],
)  # fmt: skip
def test_mac_addresses_and_what_is_made_of_them(data: bytes) -> None:
    assert leaks(data, (), (), [_MAC])


@pytest.mark.parametrize(
    "text",
    [
        "64:ff9b::c633:6422", "64:ff9b::198.51.100.3", "3fff::1", "fe80::a:acff:fe1b:7f", "8000.2:a:ac:1b:0:7", "12:34:56",
        "02:0a:ac:1b:00:7f", "::", "f2:ff:ff:00:00:01", "fe80:0:0:3fff::", "2002:c633:6422::1",
    ],
)  # fmt: skip
def test_what_is_somebody_elses(text: str) -> None:
    assert leaks(text.encode(), [_SIX, _MADE, "198.51.100.33"], (), [_MAC]) == []


@pytest.mark.parametrize(
    "text", ["of fe80.", "vethfe80 fe80: no", "db8::1 fe80-0", "netns fe80, fe80::x", "3fff::1-fe80"]
)
def test_a_name_of_digits_is_one(text: str) -> None:
    assert leaks(text.encode(), (), ["fe80"]) == (["fe80"])


@pytest.mark.parametrize(
    "text", ["inet6 fe80::1/64 scope", "fe80:0:0:3fff::7%eth0", "[fe80::]:80", "vethfe80 fe800 9"]
)
def test_a_name_of_digits_in_a_stand_in_is_none(text: str) -> None:
    assert leaks(text.encode(), (), ["fe80"]) == []
