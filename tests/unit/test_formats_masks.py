"""Masked addresses: the founding lines, and what may be concluded from a mask."""

from __future__ import annotations

import pytest

from halftrack import formats
from halftrack.evidence import uapi
from halftrack.formats.masks import same_address, surely_translated
from halftrack.formats.table import parse
from unit.formatted import FIXTURES, fixture, read_rows, rows

_NAT = uapi.IPS_NAT_MASK


def entry(orig_dst: str, reply_src: str, orig_src: str = "10.0.0.1", reply_dst: str = "10.0.0.1") -> str:
    return (
        f"tcp 6 5 ESTABLISHED src={orig_src} dst={orig_dst} sport=80 dport=1234"
        f" src={reply_src} dst={reply_dst} sport=1234 dport=80 use=1\n"
    )


def test_the_founding_lines() -> None:
    """Exactly as published: three one-sided entries of one server address and no translation."""
    parsed = parse([fixture("founding.txt")])

    read = rows(parsed.flows)
    assert [row["timeout"] for row in read] == [363312, 363090, 362908]
    assert {row["orig_src"] for row in read} == {row["reply_dst"] for row in read} == {"xx.xx.xx.73"}
    assert [row["orig_dst"] for row in read] == ["yy.yy.yy.254", "yy.yy.yy.61", "yy.yy.yy.6"]
    assert [row["reply_src"] for row in read] == ["yy.yy.yy.254", "yy.yy.yy.61", "yy.yy.yy.6"]
    assert [(row["orig_sport"], row["orig_dport"]) for row in read] == [(80, 60440), (80, 63423), (80, 1853)]
    assert {row["status"] for row in read} == {uapi.IPS_CONFIRMED}
    assert {row["state"] for row in read} == {uapi.TCP_CONNTRACK_ESTABLISHED}
    assert parsed.unreadable == 0
    assert not parsed.truncated


def test_the_founding_lines_in_a_mail() -> None:
    """Prose around the lines is counted; the entries and the warning are the same."""
    evidence = formats.read([str(FIXTURES / "founding-mail.txt")])

    assert evidence.tables[0].flows is not None
    assert len(evidence.tables[0].flows) == 3
    assert evidence.input.masked == "visible"
    assert evidence.input.lines - evidence.input.unreadable == 3
    assert not evidence.input.truncated
    assert evidence.input.notes == (
        "Masked addresses are taken as written: two may be one, or one may be two.",
        (
            "46.202.252.61 is NOT masked although yy.yy.yy.61 stands for it elsewhere: taken as the same address,"
            " not as translation. Do not forward this file."
        ),
    )


def test_a_forgotten_address_is_unified_everywhere() -> None:
    """Where a clear address is once known by its mask, it is one peer in the whole table."""
    text = entry("46.202.252.61", "yy.yy.yy.61") + entry("46.202.252.61", "46.202.252.61")

    assert {row["orig_dst"] for row in read_rows(text)} == {"yy.yy.yy.61"}


@pytest.mark.parametrize(
    ("clear", "masked", "same"),
    [
        ("46.202.252.61", "yy.yy.yy.61", True),
        ("46.202.252.61", "46.202.xxx.xxx", True),
        ("203.0.113.9", "203.0.113.x", True),
        ("46.202.252.61", "yy.yy.yy.62", False),
        ("46.202.252.61", "xxx.xxx.xxx.xxx", False),
        ("46.202.252.61", "d41d8cd9", False),
        ("10.0.0.61", "yy.yy.yy.61", False),
        ("10.0.7.61", "yy.yy.7.61", True),
        ("2001:db8::61", "yy.yy.yy.61", False),
    ],
)
def test_same_address(clear: str, masked: str, *, same: bool) -> None:
    """One visible part must agree, two beside a private address; nothing visible proves nothing."""
    assert same_address(clear, masked) is same


@pytest.mark.parametrize(
    ("one", "other", "clear", "translated"),
    [
        ("xx.xx.xx.73", "yy.yy.yy.74", False, True),
        ("xx.xx.xx.73", "yy.yy.yy.73", False, False),
        ("xx.xx.xx.73", "yy.yy.zz.zz", False, False),
        ("d41d8cd9", "a87ff679", False, True),
        ("46.202.252.61", "yy.yy.yy.62", True, True),
        ("46.202.252.61", "d41d8cd9", True, False),
        ("192.168.1.5", "xxx.xxx.xxx.xxx", True, True),
        ("192.168.1.5", "d41d8cd9", True, True),
    ],
)
def test_surely_translated(one: str, other: str, *, clear: bool, translated: bool) -> None:
    """Translation is said only where two spellings cannot be one address."""
    assert surely_translated(one, other, clear=clear) is translated


def test_translation_beside_a_mask() -> None:
    """A private address behind a masked public one is translated; a masked one to itself is not."""
    text = entry("xx.xx.xx.9", "xx.xx.xx.9", "192.168.1.5", "xxx.xxx.xxx.xxx") + entry(
        "xx.xx.xx.9", "xx.xx.xx.9"
    )

    assert [row["status"] & _NAT for row in read_rows(text)] == [uapi.IPS_SRC_NAT, 0]


def test_ports_that_differ_are_translation_even_behind_masks() -> None:
    """Ports are never masked."""
    text = entry("xx.xx.xx.9", "xx.xx.xx.9").replace("sport=1234", "sport=4321")

    assert read_rows(text)[0]["status"] & _NAT == uapi.IPS_DST_NAT


def test_many_forgotten_addresses_are_counted() -> None:
    """Three are named, the rest is a number."""
    text = "".join(entry(f"46.202.252.{last}", f"yy.yy.yy.{last}") for last in range(1, 9))

    notes = parse([text.encode()]).notes
    assert len(notes) == 5
    assert notes[-1] == "5 more addresses are not masked either."


def test_opaque_addresses_are_one_per_spelling_over_blocks() -> None:
    """The same spelling far apart in a file is the same address."""
    filler = entry("1.2.3.4", "1.2.3.4") * 90_000
    text = (
        entry("xx.xx.xx.9", "xx.xx.xx.9")
        + filler
        + entry("xx.xx.xx.8", "xx.xx.xx.8")
        + entry("xx.xx.xx.9", "xx.xx.xx.9")
    )

    flows = parse([text.encode()]).flows

    assert flows.opaque.to_list() == ["xx.xx.xx.9", "xx.xx.xx.8"]
    assert flows.frame["orig_dst_lo"][[0, -2, -1]].to_list() == [0, 1, 0]
    assert len(flows) == 90_003
