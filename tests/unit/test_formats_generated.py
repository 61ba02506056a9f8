"""Any table, written as text by a plain writer of the test's own, reads back as it was."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from halftrack.evidence import uapi
from halftrack.formats import classic
from halftrack.formats.table import parse
from unit.formatted import FIXTURES, rows

_PORTS = st.integers(0, 0xFFFF)
_COUNTS = st.one_of(st.none(), st.integers(0, 10**18))
_V4 = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 10 << 24 | 1, 2**32 - 1])).map(
    ipaddress.IPv4Address
)
_V6 = st.integers(1 << 64, (0xFFFF_FFFF_FFFF_FFFE << 64) - 1).map(ipaddress.IPv6Address)
_MASKED = st.from_regex(
    r"(xx|yy)\.[xy]{1,3}\.xxx\.[0-9]{1,2}|[a-f0-9]{6}h|\*|203\.0\.113\.x|999\.1\.2\.3|1\.2\.3|host-7",
    fullmatch=True,
)
_NAMES = {
    6: "tcp",
    17: "udp",
    1: "icmp",
    58: "icmpv6",
    47: "gre",
    132: "sctp",
    136: "udplite",
    112: "unknown",
}


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """One entry as the columns that a text can hold."""
    proto = draw(st.sampled_from(sorted(_NAMES)))
    family = (
        10
        if proto == uapi.IPPROTO_ICMPV6
        else 2
        if proto == uapi.IPPROTO_ICMP
        else draw(st.sampled_from([2, 10]))
    )
    address = _V4 if family == 2 else _V6
    if draw(st.integers(0, 4)) == 0:
        address = st.one_of(address, _MASKED)
    row: dict[str, Any] = {"family": family, "l4proto": proto}
    for side in ("orig", "reply"):
        row |= {f"{side}_{end}": draw(address) for end in ("src", "dst")}
        if proto in uapi.PORT_PROTOCOLS:
            row |= {f"{side}_{end}port": draw(_PORTS) for end in "sd"}
        if proto in uapi.ICMP_PROTOCOLS:
            row |= {f"{side}_type": draw(st.integers(0, 255)), f"{side}_code": draw(st.integers(0, 255))}
            row[f"{side}_icmp_id"] = draw(_PORTS)
        if proto == uapi.IPPROTO_GRE:
            row |= {f"{side}_{end}key": draw(_PORTS) for end in ("src", "dst")}
        row |= {f"{side}_{name}": draw(_COUNTS) for name in ("packets", "bytes")}
    states = uapi.STATE_NAMES.get(proto)
    row["state"] = draw(st.one_of(st.none(), st.integers(0, len(states) - 1))) if states else None
    row["timeout"] = draw(st.one_of(st.none(), st.integers(-5, 2**33)))
    row["seen"] = draw(st.booleans())
    row["flag"] = draw(st.sampled_from([0, uapi.IPS_ASSURED, uapi.IPS_OFFLOAD]))
    row["mark"] = draw(st.one_of(st.none(), st.integers(0, 2**32 - 1)))
    row["zone"] = draw(st.one_of(st.just(0), _PORTS))
    row["id"] = draw(st.one_of(st.none(), st.integers(0, 2**32 - 1)))
    row["delta_time"] = draw(st.one_of(st.none(), st.integers(0, 10**6)))
    row["helper"] = draw(st.one_of(st.none(), st.sampled_from(["ftp", "h323", "sip-5060"])))
    row["secctx"] = draw(st.one_of(st.none(), st.sampled_from(["system_u:object_r:unlabeled_t:s0"])))
    return row


def written(row: dict[str, Any], style: int) -> str:
    """A line as /proc (even styles) or conntrack -L (odd ones) writes it; style 2 adds what vendors add."""
    exploded = style % 2 == 0

    def spelled(address: Any) -> str:
        return address.exploded if exploded and hasattr(address, "exploded") else str(address)

    words = ["ipv4     2" if row["family"] == 2 else "ipv6     10"]
    words += [f"{_NAMES[row['l4proto']]:<8} {row['l4proto']}"]
    words += [str(row["timeout"])] if row["timeout"] is not None else []
    words += [uapi.STATE_NAMES[row["l4proto"]][row["state"]]] if row["state"] is not None else []
    for side in ("orig", "reply"):
        words += [f"src={spelled(row[f'{side}_src'])}", f"dst={spelled(row[f'{side}_dst'])}"]
        for word, column in (
            ("sport", "sport"),
            ("dport", "dport"),
            ("type", "type"),
            ("code", "code"),
            ("id", "icmp_id"),
        ):
            if f"{side}_{column}" in row:
                words.append(f"{word}={row[f'{side}_{column}']}")
        for key in ("srckey", "dstkey"):
            if f"{side}_{key}" in row:
                words.append(f"{key}={row[f'{side}_{key}']:#x}")
        words += [
            f"{name}={row[f'{side}_{name}']}"
            for name in ("packets", "bytes")
            if row[f"{side}_{name}"] is not None
        ]
        if side == "orig" and not row["seen"]:
            words.append("[UNREPLIED]")
    words += {0: [], uapi.IPS_ASSURED: ["[ASSURED]"], uapi.IPS_OFFLOAD: ["[OFFLOAD]"]}[row["flag"]]
    words += [f"mark={row['mark']}"] if row["mark"] is not None else []
    words += [f"secctx={row['secctx']}"] if row["secctx"] else []
    words += [f"zone={row['zone']}"] if row["zone"] or exploded else []
    words += ["[VENDOR]", "iqprio=0", "l7proto=x@y:z"] if style == 2 else []
    words += [f"delta-time={row['delta_time']}"] if row["delta_time"] is not None else []
    words += [f"helper={row['helper']}"] if row["helper"] else []
    words += ["use=2"]
    words += [f"id={row['id']}"] if row["id"] is not None else []
    return " ".join(words)


def expected(row: dict[str, Any]) -> dict[str, Any]:
    """The row as it should come back, without the bits that are inferred from the tuples."""
    status = uapi.IPS_CONFIRMED | (uapi.IPS_SEEN_REPLY if row["seen"] else 0) | row["flag"]
    kept = {name: value for name, value in row.items() if name not in ("seen", "flag")}
    kept |= {stem: str(row[stem]) for stem in ("orig_src", "orig_dst", "reply_src", "reply_dst")}
    kept |= {"status": status, "zone_dir": uapi.NF_CT_DEFAULT_ZONE_DIR}
    return {name: value for name, value in kept.items() if value is not None}


def clear(row: dict[str, Any]) -> bool:
    return all(not isinstance(row[stem], str) for stem in ("orig_src", "orig_dst", "reply_src", "reply_dst"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(entries(), st.integers(0, 2)), max_size=12))
def test_generated_tables_read_back(table: list[tuple[dict[str, Any], int]]) -> None:
    """Every value of every entry, masked addresses as they were written."""
    text = "".join(written(row, style) + "\n" for row, style in table)

    parsed = parse([text.encode()])

    assert parsed.first_unreadable == ()
    read = rows(parsed.flows)
    assert len(read) == len(table)
    for got, (row, _) in zip(read, table, strict=True):
        got["status"] &= ~uapi.IPS_NAT_MASK
        wanted = expected(row)
        if clear(row):
            assert got == wanted
        else:
            # Clear addresses beside masked ones may be unified: test_formats_masks.py.
            assert {key: got[key] for key in got if not key.endswith(("_src", "_dst"))} == {
                key: wanted[key] for key in wanted if not key.endswith(("_src", "_dst"))
            }


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(entries(), st.integers(0, 2)), max_size=12))
def test_quick_and_thorough_reading_agree(table: list[tuple[dict[str, Any], int]]) -> None:
    """Looking at each address as text gives what the bulk road gives."""
    text = "".join(written(row, style) + "\n" for row, style in table).encode()

    quick, thorough = parse([text]), parse([text], thorough=True)

    assert rows(quick.flows) == rows(thorough.flows)
    assert (quick.unreadable, quick.lines, quick.formats) == (
        thorough.unreadable,
        thorough.lines,
        thorough.formats,
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(entries().filter(clear), max_size=12))
def test_classic_lines_read_back(table: list[dict[str, Any]]) -> None:
    """What the classic writer writes is read as the same table."""
    flows = parse(["".join(written(row, 0) + "\n" for row in table).encode()]).flows

    again = parse(["".join(f"{line}\n" for line in classic.lines(flows)).encode()])

    assert again.unreadable == 0
    assert_frame_equal(again.flows.frame, flows.frame)


def test_classic_lines_of_real_lines_read_back() -> None:
    """Masked addresses, offload and directional zones included."""
    for name in (
        "real-lines.txt",
        "conntrack-proc.txt",
        "conntrack-list.txt",
        "conntrack-list.xml",
        "conntrack-save.txt",
    ):
        flows = parse([(FIXTURES / name).read_bytes()]).flows
        again = parse(["".join(f"{line}\n" for line in classic.lines(flows)).encode()])
        assert again.unreadable == 0
        # The text form of a start has no fractions of a second.
        ours, theirs = rows(again.flows), rows(flows)
        for row in theirs:
            if "start_ns" in row:
                row["start_ns"] -= row["start_ns"] % 10**9
        assert ours == theirs


def test_classic_line_looks_as_grep_knows_it() -> None:
    """Column for column what ``conntrack -L -o extended`` prints, but for ``use=``, which nobody knows."""
    line = (
        "ipv4     2 tcp      6 297 ESTABLISHED src=10.9.0.1 dst=10.8.0.1 sport=50002 dport=443 packets=1 bytes=40"
        " [UNREPLIED] src=10.8.0.1 dst=10.9.0.1 sport=443 dport=50002 packets=0 bytes=0 mark=0 delta-time=2"
    )

    assert classic.lines(parse([f"{line}\n".encode()]).flows).to_list() == [line]


def test_classic_lines_of_nothing() -> None:
    assert classic.lines(parse([b""]).flows).to_list() == []
