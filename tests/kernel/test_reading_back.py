"""What the kernel holds is what is read, field by field, whoever reads it."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroute2 import NFCTSocket

from halftrack.evidence import addresses, uapi
from halftrack.evidence.doubles import without_doubles
from halftrack.evidence.flows import SCHEMA, TUPLE_COLUMNS, FlowTable
from halftrack.evidence.selection import Selection
from halftrack.kernel import ctnetlink
from halftrack.kernel.netlink_messages import attribute
from kernel.inject import End, Entries, inject
from kernel.scratch import Netns, scratch_netns
from kernel.tables import ANSWERED, CLIENT, CLIENT6, SERVER, SERVER6, one_of_everything, there_and_back

if TYPE_CHECKING:
    from pyroute2.netlink.nfnetlink.nfctsocket import nfct_msg


def read(netns: Netns, selection: Selection | None = None) -> FlowTable:
    found = ctnetlink.dump(selection or Selection(), netns_path=netns.path)
    assert (found.unreadable, found.complete) == (0, True)
    assert dict(found.flows.frame.schema) == dict(SCHEMA)
    return found.flows


def pair(raw: bytes) -> tuple[int, int]:
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return addresses.parse(socket.inet_ntop(family, raw))


def expected(entries: Entries) -> dict[str, object]:
    """The known fields of an injected entry, as the reader must show them."""
    row: dict[str, object] = {
        "family": entries.family,
        "l4proto": entries.l4proto,
        "state": entries.state if entries.state is not None else None,
        "zone": entries.zone or 0,
        "zone_dir": uapi.NF_CT_DEFAULT_ZONE_DIR,
        "mark": entries.mark or 0,
    }
    for direction, end in (("orig", entries.orig), ("reply", entries.reply)):
        assert isinstance(end.src, bytes)
        assert isinstance(end.dst, bytes)
        row[f"{direction}_src_hi"], row[f"{direction}_src_lo"] = pair(end.src)
        row[f"{direction}_dst_hi"], row[f"{direction}_dst_lo"] = pair(end.dst)
        if entries.l4proto in uapi.PORT_PROTOCOLS:
            row[f"{direction}_sport"], row[f"{direction}_dport"] = end.first, end.second
        elif entries.l4proto == uapi.IPPROTO_GRE:
            row[f"{direction}_srckey"], row[f"{direction}_dstkey"] = end.first, end.second
        elif entries.l4proto in uapi.ICMP_PROTOCOLS:
            assert isinstance(end.second, int)
            row[f"{direction}_icmp_id"] = end.first
            row[f"{direction}_type"], row[f"{direction}_code"] = end.second >> 8, end.second & 0xFF
        if end.zone is not None:
            row["zone"] = end.zone
            row["zone_dir"] = uapi.NF_CT_ZONE_DIR_ORIG if direction == "orig" else uapi.NF_CT_ZONE_DIR_REPL
    if entries.tcp_flags and entries.wscale:
        row["tcp_flags_orig"], row["tcp_flags_reply"] = entries.tcp_flags
        row["tcp_wscale_orig"], row["tcp_wscale_reply"] = entries.wscale
    return row


def matching(frame: pl.DataFrame, row: dict[str, object]) -> pl.DataFrame:
    return frame.filter(*(pl.col(name).eq_missing(pl.lit(value)) for name, value in row.items()))


def test_every_kind_of_entry_reads_back_as_it_was_made(netns: Netns) -> None:
    made = one_of_everything()
    inject(netns.path, *made)
    frame = read(netns).frame
    assert frame.height == len(made)
    for entries in made:
        found = matching(frame, expected(entries))
        assert found.height >= 1, expected(entries)
        left = found["timeout"].to_list()
        assert any(int(entries.timeout) - 5 <= value <= int(entries.timeout) for value in left)
        assert all(status & uapi.IPS_CONFIRMED for status in found["status"])
        assert found["status"][0] & ANSWERED == entries.status & ANSWERED


def test_portless_protocols_have_no_ports_and_no_icmp_fields(netns: Netns) -> None:
    inject(netns.path, Entries(End(CLIENT, SERVER), End(SERVER, CLIENT), l4proto=112))
    row = read(netns).frame.row(0, named=True)
    names = ("orig_sport", "reply_dport", "orig_type", "orig_icmp_id", "orig_srckey", "state")
    assert [row[name] for name in names] == [None] * len(names)


def test_counters_and_timestamps_only_where_the_kernel_keeps_them(netns: Netns) -> None:
    inject(netns.path, Entries(*there_and_back(CLIENT, SERVER, 1, 80), state=3))
    netns.sysctl("nf_conntrack_acct", 1)
    netns.sysctl("nf_conntrack_timestamp", 1)
    inject(netns.path, Entries(*there_and_back(CLIENT, SERVER, 2, 80), state=3))
    frame = read(netns).frame.sort("orig_sport")
    assert frame["orig_packets"].to_list() == [None, 0]
    assert frame["reply_bytes"].to_list() == [None, 0]
    started = frame["start_ns"].to_list()
    assert started[0] is None
    assert started[1] > 1_700_000_000 * 10**9


def test_labels_are_the_set_bits(netns: Netns) -> None:
    # The label extension exists only while a rule uses labels.
    netns.run("nft", "add table inet t; add chain inet t c { type filter hook input priority 0; }")
    netns.run("nft", "add rule inet t c ct label 3")
    labels = (1 << 3 | 1 << 17 | 1 << 100).to_bytes(16, "little")
    inject(netns.path, Entries(*there_and_back(CLIENT, SERVER, 1, 80), state=3, labels=labels))
    assert read(netns).frame["labels"].to_list() == ["3,17,100"]


def test_an_empty_table_is_a_table_without_rows(netns: Netns) -> None:
    assert len(read(netns)) == 0


def test_status_selection_leaves_only_unanswered_entries(netns: Netns) -> None:
    inject(netns.path, *one_of_everything())
    everything = read(netns).frame
    wanted = Selection(status=0, status_mask=uapi.IPS_SEEN_REPLY)
    unanswered = everything.filter(pl.col("status") & uapi.IPS_SEEN_REPLY == 0)
    got = read(netns, wanted).frame.filter(pl.col("status") & uapi.IPS_SEEN_REPLY == 0)
    assert 0 < got.height < everything.height
    assert (
        got.select(TUPLE_COLUMNS)
        .sort(TUPLE_COLUMNS)
        .equals(unanswered.select(TUPLE_COLUMNS).sort(TUPLE_COLUMNS))
    )


@pytest.mark.parametrize(
    "selection",
    [
        Selection(family=uapi.AF_INET6),
        Selection(mark=0xDEADBEEF, mark_mask=0xFFFFFFFF),
        Selection(zone=7),
        Selection(family=uapi.AF_INET, l4proto=uapi.IPPROTO_TCP, orig_dport=443),
        Selection(family=uapi.AF_INET, orig_src=addresses.parse("192.0.2.1")),
        Selection(family=uapi.AF_INET6, l4proto=uapi.IPPROTO_UDP, orig_dst=addresses.parse("2001:db8::1")),
    ],
    ids=["family", "mark", "zone", "port", "source", "destination"],
)
def test_a_selection_never_loses_what_it_asks_for(netns: Netns, selection: Selection) -> None:
    inject(netns.path, *one_of_everything())
    wanted = {
        "family": selection.family,
        "mark": selection.mark or None,
        "zone": selection.zone,
        "l4proto": selection.l4proto,
        "orig_dport": selection.orig_dport,
        "orig_src_lo": selection.orig_src and selection.orig_src[1],
        "orig_dst_lo": selection.orig_dst and selection.orig_dst[1],
    }
    terms = [pl.col(name) == value for name, value in wanted.items() if value is not None]
    ports = read(netns).frame.filter(terms)["orig_sport"].to_list()
    assert ports
    selected = read(netns, selection).frame
    assert sorted(selected.filter(terms)["orig_sport"].to_list(), key=str) == sorted(ports, key=str)


def test_this_kernel_applies_a_tuple_filter_itself(netns: Netns) -> None:
    made = one_of_everything()
    inject(netns.path, *made)
    wanted = Selection(family=uapi.AF_INET, l4proto=uapi.IPPROTO_TCP, orig_dport=443)
    assert len(read(netns, wanted)) == sum(
        entries.orig.second == 443 and entries.family == uapi.AF_INET for entries in made
    )


def test_a_refused_filter_is_left_out(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    inject(netns.path, *one_of_everything())
    sent: list[Selection] = []

    def refused(selection: Selection) -> tuple[int, bytes]:
        """A status mask without a status, which the kernel answers with EINVAL."""
        sent.append(selection)
        mask = attribute(uapi.CTA_STATUS_MASK, bytes([0, 0, 0, uapi.IPS_SEEN_REPLY]))
        return uapi.AF_INET, mask if selection.status_mask else b""

    monkeypatch.setattr(ctnetlink, "attributes", refused)
    found = read(netns, Selection(status_mask=uapi.IPS_SEEN_REPLY))
    assert len(sent) == 2
    assert len(found) == sum(entries.family == uapi.AF_INET for entries in one_of_everything())


def test_pyroute2_reads_the_same(netns: Netns) -> None:
    inject(netns.path, *one_of_everything())
    ours = {
        (row["l4proto"], row["orig_sport"], row["orig_dport"], row["status"], row["mark"], row["id"])
        for row in read(netns).frame.iter_rows(named=True)
    }

    def oracle() -> list[nfct_msg]:
        found: list[nfct_msg] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            with NFCTSocket(nfgen_family=family) as sock:
                found += sock.dump()
        return found

    theirs = set()
    for message in netns.call(oracle):
        proto = message.get_nested("CTA_TUPLE_ORIG", "CTA_TUPLE_PROTO")
        number = proto.get_attr("CTA_PROTO_NUM")
        ports = [proto.get_attr(f"CTA_PROTO_{end}_PORT") for end in ("SRC", "DST")]
        if number not in uapi.PORT_PROTOCOLS:
            ports = [None, None]
        theirs.add((number, *ports, message.get_attr("CTA_STATUS"), message.get_attr("CTA_MARK"),
                    message.get_attr("CTA_ID")))  # fmt: skip
    assert ours == theirs


PORTS = st.integers(1, 65535)
ENDS = st.sampled_from([(SERVER, CLIENT, uapi.AF_INET), (SERVER6, CLIENT6, uapi.AF_INET6)])


@st.composite
def entries(draw: st.DrawFn) -> Entries:
    src, dst, family = draw(ENDS)
    proto = draw(st.sampled_from([uapi.IPPROTO_TCP, uapi.IPPROTO_UDP, uapi.IPPROTO_SCTP, uapi.IPPROTO_GRE]))
    ends = there_and_back(src, dst, draw(PORTS), draw(PORTS))
    state = {uapi.IPPROTO_TCP: st.integers(1, 9), uapi.IPPROTO_SCTP: st.integers(1, 7)}.get(proto)
    return Entries(
        *ends,
        family=family,
        l4proto=proto,
        timeout=draw(st.integers(60, 432_000)),
        status=draw(st.sampled_from([uapi.IPS_CONFIRMED, ANSWERED])),
        state=None if state is None else draw(state),
        mark=draw(st.none() | st.integers(1, 2**32 - 1)),
        zone=draw(st.none() | st.integers(1, 65535)),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries(), max_size=12, unique_by=lambda item: (item.family, item.l4proto, item.zone,
       frozenset({item.orig.first, item.orig.second}))))  # fmt: skip
def test_any_table_reads_back(made: list[Entries]) -> None:
    with scratch_netns("any") as netns:
        inject(netns.path, *made)
        frame = read(netns).frame
        assert frame.height == len(made)
        for item in made:
            assert matching(frame, expected(item)).height == 1, expected(item)


def test_doubles_go_by_tuple_and_zone_not_by_id(netns: Netns) -> None:
    inject(netns.path, *one_of_everything())
    frame = read(netns).frame.with_columns(id=pl.lit(1, pl.UInt32))
    doubled = pl.concat([frame, frame.head(3).with_columns(timeout=pl.lit(5, pl.Int64))])
    once = without_doubles(doubled, doubled["id"].to_numpy())
    assert once.height == frame.height
    assert once.filter(timeout=5).height == 3


def test_no_stable_entry_is_missed_or_doubled_under_churn(netns: Netns) -> None:
    stable = 20_000
    ports = np.arange(stable) + 10_000
    inject(netns.path, Entries(End(SERVER, CLIENT, 80, ports), End(CLIENT, SERVER, ports, 80), count=stable,
                               timeout=3600, state=3))  # fmt: skip
    stop = threading.Event()

    def churn() -> None:
        netns_round = 0
        while not stop.is_set() and netns_round < 200:
            netns_round += 1
            source = bytes([10, 0, netns_round >> 8, netns_round & 255])
            count = 2000
            other = np.arange(count) + 1
            inject(netns.path, Entries(End(source, SERVER, other, 53), End(SERVER, source, 53, other),
                                       count=count, timeout=0, l4proto=uapi.IPPROTO_UDP))  # fmt: skip

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        for _ in range(4):
            frame = read(netns).frame
            kept = frame.filter(l4proto=uapi.IPPROTO_TCP)
            assert kept.height == stable
            assert kept["orig_dport"].n_unique() == stable
            assert frame.select(TUPLE_COLUMNS).is_duplicated().sum() == 0
    finally:
        stop.set()
        worker.join()
