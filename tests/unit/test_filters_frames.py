"""Filters on frames: which entries they take, and that the kernel's part never loses one."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis.filters import parse, selection, spellings
from halftrack.diagnosis.filters.expression import Surroundings, expression
from halftrack.diagnosis.view import view
from halftrack.errors import UsageError
from halftrack.evidence import addresses, uapi
from halftrack.evidence.selection import Selection
from halftrack.evidence.values import Owner
from unit.flowrows import ASSURED, ONE_SIDED, REPLIED, evidence, flows, one_sided, row, table, udp

WEB = Owner(name="web-1", id="101", runtime="openvz", addresses=("192.0.2.73",))
ROWS = {
    "stuck": one_sided("192.0.2.73", "198.51.100.1", sport=80, dport=60440, left=363_312),
    "live": row("198.51.100.2", "192.0.2.73", 50000, 80, left=431_990, mark=0x101, zone=5, labels="3,17"),
    "syn": row("198.51.100.3", "192.0.2.73", 50001, 80, state="SYN_SENT", status=ONE_SIDED, left=90),
    "nat": row(
        "192.0.2.9",
        "203.0.113.5",
        1234,
        443,
        reply_dst="100.64.0.1",
        status=(*ASSURED, "src-nat"),
        orig_packets=3,
        orig_bytes=200,
        reply_packets=4,
        reply_bytes=2**64 - 1,
    ),
    "dns": udp("192.0.2.9", "203.0.113.53"),
    "ping": row("192.0.2.9", "203.0.113.5", proto="icmp", state=None, status=REPLIED, left=20, orig_type=8),
    "six": row("2001:db8::1", "2001:db8::2", 40000, 22, state="TIME_WAIT", left=50),
    "sctp": row("192.0.2.9", "203.0.113.6", 9, 10, proto="sctp", left=100),
    "hardware": row("192.0.2.9", "203.0.113.7", status=(*ASSURED, "offload"), left=None),
    "masked": one_sided("xx.xx.xx.73", "yy.yy.yy.6", dport=7),
}


def taken(*words: str) -> set[str]:
    """Names of the rows that a filter takes."""
    seen = evidence(table(*ROWS.values()), owners=(WEB,))
    looked = view(seen.tables[0], seen)
    around = Surroundings("host", looked.opaque, seen.owners, {"one-sided": "one_sided"})
    mask = looked.flows.select(mask=expression(parse(words), around))["mask"]
    assert mask.null_count() == 0
    mask = mask.new_from_index(0, len(ROWS)) if len(mask) == 1 else mask
    return {name for name, found in zip(ROWS, mask, strict=True) if found}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("one-sided", "stuck masked"),
        ("stuck", "stuck masked"),
        ("symptom=one-sided", "stuck masked"),
        ("symptom=half-open", ""),
        ("orphaned", ""),
        ("state=established", "stuck live nat sctp hardware masked"),
        ("state=established proto=sctp", "sctp"),
        ("state!=established", "syn dns ping six"),
        ("proto=udp,icmp", "dns ping"),
        ("proto=6 not state=ESTABLISHED", "syn six"),
        ("src=192.0.2.9 proto=tcp", "nat hardware"),
        ("src=192.0.2.0/24", "stuck nat dns ping sctp hardware"),
        ("src=::/0", "six"),
        ("src=0.0.0.0/0", "stuck live syn nat dns ping sctp hardware"),
        ("dst=2001:db8::/64", "six"),
        ("reply.dst=100.64.0.1", "nat"),
        ("addr=100.64.0.1,2001:db8::2", "nat six"),
        ("src=xx.xx.xx.73", "masked"),
        ("sport=80", "stuck masked"),
        ("dport=80", "live syn hardware"),
        ("port=20..80", "stuck live syn dns six masked hardware"),
        ("port!=0..65535", "ping"),
        ("mark=0x1/0xff", "live"),
        ("mark=0x101", "live"),
        ("mark=0", "stuck syn nat dns ping six sctp hardware masked"),
        ("zone=5", "live"),
        ("zone!=5 port=80 proto=tcp not one-sided", "syn hardware"),
        ("label=3", "live"),
        ("label=1", ""),
        ("left=..60s", "dns ping six"),
        ("left!=..60s", "stuck live syn nat sctp masked"),
        ("packets=7", "nat"),
        ("packets!=7", ""),
        ("bytes>100", "nat"),
        ("nat", "nat"),
        ("offloaded", "hardware"),
        ("assured not nat not offloaded", "live six sctp"),
        ("owner=web-1", "stuck live syn"),
        ("owner=101", "stuck live syn"),
        ("owner=nobody", ""),
        ("service=tcp/22", "six"),
        ("netns=host proto=udp", "dns"),
        ("netns!=host", ""),
        ("any: proto=udp zone=5 ; left=..60s", "dns"),
        ("not any: proto=tcp,udp proto=sctp ;", "ping"),
        ("", " ".join(ROWS)),
    ],
)
def test_which_entries_a_filter_takes(words: str, names: str) -> None:
    assert taken(words) == set(names.split())


def test_what_is_not_known_is_taken_neither_way() -> None:
    """Nobody knows how long an offloaded entry has left or when it was last heard."""
    assert "hardware" not in taken("left=0s..") | taken("left!=0s..") | taken("idle=0s..") | taken(
        "idle!=0s.."
    )


def test_a_spelling_that_no_table_has_is_an_error_that_shows_an_address() -> None:
    names = flows(ROWS["masked"]).opaque

    spellings.check(parse(["src=xx.xx.xx.73"]), [names])
    with pytest.raises(UsageError, match=r"write src=10\.0\.0\.0/8"):
        spellings.check(parse(["not", "any:", "src=xx.xx.xx.74", "nat", ";"]), [names])


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("one-sided", Selection(l4proto=6, status_mask=uapi.IPS_SEEN_REPLY)),
        ("assured", Selection(status=uapi.IPS_ASSURED, status_mask=uapi.IPS_ASSURED)),
        ("not assured not nat", Selection(status_mask=uapi.IPS_ASSURED | uapi.IPS_NAT_MASK)),
        ("proto=udp zone=0", Selection(l4proto=17, zone=0)),
        ("proto=udp,tcp", Selection()),
        ("any: one-sided nat ;", Selection()),
        ("mark=0x1/0xff", Selection(mark=1, mark_mask=0xFF)),
        ("src=10.0.0.0/8", Selection(family=2)),
        ("src=10.0.0.1", Selection(family=2, orig_src=addresses.parse("10.0.0.1"))),
        (
            "dst=2001:db8::1 dport=80",
            Selection(family=10, orig_dst=addresses.parse("2001:db8::1"), orig_dport=80),
        ),
        ("dport=80..90 left=..5s state=ESTABLISHED", Selection()),
    ],
)
def test_what_the_kernel_is_asked_for(words: str, asked: Selection) -> None:
    assert selection(parse([words])) == asked


def kept_by_the_kernel(asked: Selection) -> pl.Expr:
    """What a kernel that knows all filters would dump."""
    kept = pl.lit(value=True)
    for column, value in (
        ("family", asked.family),
        ("l4proto", asked.l4proto),
        ("zone", asked.zone),
        ("orig_sport", asked.orig_sport),
        ("orig_dport", asked.orig_dport),
    ):
        if value is not None:
            kept &= pl.col(column).eq_missing(pl.lit(value))
    for stem, pair in (("orig_src", asked.orig_src), ("orig_dst", asked.orig_dst)):
        if pair is not None:
            kept &= (pl.col(f"{stem}_hi") == pair[0]) & (pl.col(f"{stem}_lo") == pair[1])
    kept &= pl.col("status") & asked.status_mask == asked.status
    return kept & (pl.col("mark") & asked.mark_mask == asked.mark)


TERMS = st.sampled_from(
    [
        *("one-sided", "assured", "nat", "offloaded", "proto=tcp", "proto=udp", "proto=sctp,tcp"),
        *("mark=0x1/0x3", "mark=2", "mark=0x0/0x1", "zone=0", "zone=1", "zone=0..1", "sport=1", "dport=2"),
        *("src=10.0.0.1", "src=10.0.0.0/31", "dst=10.0.0.2", "src=::1", "dst=::/0", "state=ESTABLISHED"),
        *("left=..5s", "addr=10.0.0.1", "port=1"),
    ]
)
FILTERS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        inner.map(lambda term: f"not {term}"),
        st.lists(inner, min_size=1, max_size=3).map(lambda terms: f"any: {' '.join(terms)} ;"),
    ),
    max_leaves=4,
)
TEXT_ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.0", "::1", "2001:db8::1"])


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    proto = draw(st.sampled_from(["tcp", "udp", "sctp", "icmp"]))
    states = uapi.STATE_NAMES.get({"tcp": 6, "sctp": 132}.get(proto, 0))
    return row(
        draw(TEXT_ADDRESSES),
        draw(TEXT_ADDRESSES),
        draw(st.integers(0, 3)),
        draw(st.integers(0, 3)),
        proto=proto,
        state=draw(st.sampled_from(states)) if states else None,
        status=draw(
            st.sets(st.sampled_from(["seen-reply", "assured", "src-nat", "dst-nat", "offload", "hw-offload"]))
        ),
        left=draw(st.integers(0, 9)),
        mark=draw(st.integers(0, 4)),
        zone=draw(st.integers(0, 2)),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(FILTERS, min_size=1, max_size=3), st.lists(entries(), min_size=1, max_size=8))
def test_the_kernels_part_never_loses_an_entry(words: list[str], rows: list[dict[str, Any]]) -> None:
    """Filtering what the kernel would send gives the same as filtering everything."""
    wanted = parse(words)
    frame = flows(*rows).frame
    accepted = expression(wanted, Surroundings())

    whole = frame.filter(accepted)
    by_parts = frame.filter(kept_by_the_kernel(selection(wanted))).filter(accepted)

    assert whole.equals(by_parts)
