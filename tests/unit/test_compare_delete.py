"""No kernel is ever sent a delete request that it would take for a flush: checked byte by byte."""

from __future__ import annotations

import errno
import os
import struct
from types import SimpleNamespace

import pytest

from halftrack.changes.drain import messages as drains
from halftrack.errors import FeatureMissing
from halftrack.evidence import addresses, uapi
from halftrack.kernel.ctnetlink import compare_delete
from halftrack.kernel.netlink_messages import CT_DELETE, CT_GET, CT_NEW
from halftrack.tcp import releases
from unit import conntrack_kernels
from unit.conntrack_kernels import RELEASES, Flushed, Kernel, Message, attributes
from unit.flowrows import flows, one_sided, row, udp

_SERVER = addresses.parse("203.0.113.73")
_KERNELS = [(release, kernel) for release in RELEASES for kernel in conntrack_kernels.of(release)]


def _fresh(kernel: Kernel) -> Kernel:
    return Kernel(kernel.status, kernel.tuples, kernel.deletes)


def _removes(release: str, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a removal is carried out on this kernel, called so; Flushed where it empties the table."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    monkeypatch.setattr(compare_delete.Kernel, "_ask", lambda _, raw, number: kernel.ask(raw, number))
    asked = compare_delete.Kernel(None)
    try:
        asked.remove(_SERVER, 80)
    except FeatureMissing:
        assert kernel.log == []
        return False
    assert kernel.log == ["by filter"]
    return True


@pytest.mark.parametrize(("release", "kernel"), _KERNELS)
def test_it_is_done_where_the_release_is_known_to_compare_and_nowhere_else(
    release: str, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = releases.features(release).filtered_delete == "compares"
    assert _removes(release, _fresh(kernel), monkeypatch) is known


@pytest.mark.parametrize("told", ["6.12.0-made-up", "6.18.44", "7.0.0"])
@pytest.mark.parametrize(("release", "kernel"), _KERNELS)
def test_a_release_that_lies_flushes_nothing(
    told: str, release: str, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    del release
    # Status is part of what is asked for: who compares tuples alone is not trusted either.
    able = kernel.deletes == "compares" and kernel.status
    assert _removes(told, _fresh(kernel), monkeypatch) is able


@pytest.mark.parametrize("release", ["", "?", "6", "6.11.9", "5.99", *RELEASES])
def test_what_is_not_known_to_compare_is_not_even_asked(release: str) -> None:
    def ask(message: bytes, sequence: int) -> int:
        raise AssertionError(message, sequence)

    if releases.features(release).filtered_delete != "compares":
        assert not compare_delete.supported(release, ask)


@pytest.mark.parametrize("release", [one for one in RELEASES if not one.startswith(("6.12", "6.14", "6.18"))])
def test_sent_all_the_same_it_would_have_emptied_older_tables_or_been_refused(release: str) -> None:
    """What the release is asked for: the probe is harmless nowhere else."""
    number = 7
    flags = struct.pack("=HHI", 8, uapi.CTA_FILTER_ORIG_FLAGS, 1 << 31)
    body = struct.pack("=BBH", uapi.AF_INET, 0, 0) + struct.pack("=HH", 12, uapi.CTA_FILTER) + flags
    probe = struct.pack("=IHHII", 16 + len(body), CT_DELETE, 5, number, 0) + body
    for kernel in conntrack_kernels.of(release):
        if kernel.deletes == "empties":
            with pytest.raises(Flushed):
                kernel.ask(probe, number)
        else:
            assert kernel.ask(probe, number) in (errno.EOPNOTSUPP, errno.EINVAL)


def test_the_request_compares_source_port_protocol_zone_and_that_no_reply_was_seen() -> None:
    raw, number = compare_delete.request(_SERVER, 80)
    (message,) = conntrack_kernels.messages(raw)
    assert (message.kind, message.number, message.family) == (0x102, number, uapi.AF_INET)
    assert message.flags == 5  # NLM_F_REQUEST, NLM_F_ACK
    found = message.found
    assert found.keys() == {
        uapi.CTA_STATUS,
        uapi.CTA_STATUS_MASK,
        uapi.CTA_ZONE,
        uapi.CTA_FILTER,
        uapi.CTA_TUPLE_ORIG,
    }
    assert found[uapi.CTA_STATUS] == bytes(4)
    assert found[uapi.CTA_STATUS_MASK] == struct.pack(">I", uapi.IPS_SEEN_REPLY)
    assert found[uapi.CTA_ZONE] == bytes(2)
    # Source, protocol, source port.
    assert attributes(found[uapi.CTA_FILTER]) == {1: struct.pack("=I", 1 << 0 | 1 << 3 | 1 << 4)}
    ends = attributes(found[uapi.CTA_TUPLE_ORIG])
    assert attributes(ends[uapi.CTA_TUPLE_IP]) == {uapi.CTA_IP_V4_SRC: bytes([203, 0, 113, 73])}
    assert attributes(ends[uapi.CTA_TUPLE_PROTO]) == {
        uapi.CTA_PROTO_NUM: b"\x06",
        uapi.CTA_PROTO_SRC_PORT: struct.pack(">H", 80),
    }


def _every_other_message() -> list[Message]:
    """What a drain sends beside that, of every kind of entry."""
    rows = (
        one_sided(),
        one_sided(src="2001:db8::1", dst="2001:db8::2"),
        udp(),
        one_sided(zone=7),
        one_sided(zone=7, zone_dir=uapi.NF_CT_ZONE_DIR_ORIG),
        row(proto="icmp", state=None, orig_type=8, orig_code=0, orig_icmp_id=77),
        row(proto=47, state=None, orig_srckey=1, orig_dstkey=2),
        row(proto=50, state=None),
    )
    entries = flows(*({**each, "id": 9 + place} for place, each in enumerate(rows))).frame
    tcp = entries.filter(entries["l4proto"] == uapi.IPPROTO_TCP)
    raw = [
        *drains.of(entries, CT_GET, 5),
        *drains.of(entries, CT_NEW, 5, struct.pack(">HH", 0x800, 0x700) + bytes(4)),
        *(raw.tobytes() for asked, deletes in drains.removing(entries, 1) for raw in (asked.raw, deletes)),
        *drains.anew(tcp, 7_440),
    ]
    sent = [message for each in raw for message in conntrack_kernels.messages(each)]
    assert len(sent) == 4 * len(rows) + tcp.height
    return sent


def test_every_other_message_names_its_entry_and_asks_for_no_more_than_it_says() -> None:
    for message in _every_other_message():
        put_in = {uapi.CTA_TUPLE_REPLY, uapi.CTA_PROTOINFO} & message.found.keys()
        # NLM_F_REQUEST alone: no dump; NLM_F_CREATE and NLM_F_EXCL where entries are put in again.
        assert message.flags == (0x601 if put_in else 0x001)
        ends = attributes(message.found[uapi.CTA_TUPLE_ORIG])
        assert len(attributes(ends[uapi.CTA_TUPLE_IP])) == 2
        assert uapi.CTA_PROTO_NUM in attributes(ends[uapi.CTA_TUPLE_PROTO])
        assert uapi.CTA_FILTER not in message.found


@pytest.mark.parametrize(("release", "kernel"), _KERNELS)
def test_on_every_kernel_a_drain_deletes_by_name_and_id_alone(release: str, kernel: Kernel) -> None:
    del release
    fresh = _fresh(kernel)
    deletes = [message for message in _every_other_message() if message.kind == CT_DELETE]
    assert [fresh.delete(message) for message in deletes] == [0] * len(deletes)
    assert fresh.log == ["by name and id"] * len(deletes)
