"""No kernel is ever sent a delete request that it would take for a flush: checked byte by byte.

Each profile answers as kernels of that release do, by what their trees make of the attributes of a
message.
"""

from __future__ import annotations

import errno
import os
import struct
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from halftrack.changes.drain import messages
from halftrack.errors import FeatureMissing
from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import TUPLE_COLUMNS
from halftrack.kernel import compare_delete
from halftrack.kernel.netlink_messages import attributes, headers
from unit.flowrows import flows, one_sided, row, udp

if TYPE_CHECKING:
    import polars as pl

_DUMP = 0x300
_KNOWN_FLAGS = 0x3FF


class Flushed(AssertionError):
    """The whole table would be gone."""


@dataclass
class Kernel:
    """``status``, ``tuples``: filters that dumps know. ``deletes``: what a delete without a tuple does
    with them: it knows none and empties the table, it refuses them, or it heeds them."""

    status: bool = False
    tuples: bool = False
    deletes: str = "ignores"
    deleted: list[bytes] = field(default_factory=list)

    def ask(self, message: bytes, sequence: int) -> int:
        (header,) = headers(message)
        assert header.sequence == sequence
        flags = int.from_bytes(message[6:8], "little")
        found = attributes(message[20:])
        if header.kind == compare_delete.CT_GET:
            assert flags & _DUMP == _DUMP
            return errno.EINVAL if self._half(found) else 0
        assert header.kind == compare_delete.CT_DELETE
        if self.deletes == "ignores" or uapi.CTA_FILTER not in found:
            raise Flushed
        if self.deletes == "refuses":
            return errno.EOPNOTSUPP
        if self._half(found):
            return errno.EINVAL
        self.deleted.append(message)
        return 0

    def _half(self, found: dict[int, bytes]) -> bool:
        if self.status and uapi.CTA_STATUS_MASK in found and uapi.CTA_STATUS not in found:
            return True
        if not self.tuples or uapi.CTA_FILTER not in found:
            return False
        (compared,) = struct.unpack("=I", attributes(found[uapi.CTA_FILTER])[uapi.CTA_FILTER_ORIG_FLAGS])
        return bool(compared & ~_KNOWN_FLAGS) or uapi.CTA_TUPLE_ORIG not in found


_OLD = Kernel()
_PROFILES = {
    "2.6.32-042stab092.1": _OLD,
    "2.6.32-754.el6.x86_64": _OLD,
    "3.10.0-1160.el7.x86_64": _OLD,
    "4.18.0-553.el8.x86_64": Kernel(status=True, tuples=True, deletes="refuses"),
    "4.19.0-27-amd64": _OLD,
    "5.4.0-150-generic": _OLD,
    "5.10.0-28-amd64": Kernel(tuples=True, deletes="refuses"),
    "5.14.0-427.el9.x86_64": Kernel(status=True, tuples=True, deletes="refuses"),
    "5.15.0-105-generic": Kernel(status=True, tuples=True, deletes="refuses"),
    "6.1.0-21-amd64": Kernel(status=True, tuples=True, deletes="refuses"),
    "6.8.0-31-generic": Kernel(status=True, tuples=True, deletes="refuses"),
    "6.12.48": Kernel(status=True, tuples=True, deletes="heeds"),
    "6.18.44": Kernel(status=True, tuples=True, deletes="heeds"),
}


@pytest.mark.parametrize("release", _PROFILES)
def test_only_kernels_that_compare_are_said_to(release: str) -> None:
    kernel = _PROFILES[release]
    assert compare_delete.supported(release, kernel.ask) is (kernel.deletes == "heeds")
    assert kernel.deleted == []


@pytest.mark.parametrize("release", _PROFILES)
def test_removing_asks_first_by_itself(release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = replace(_PROFILES[release], deleted=[])
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    monkeypatch.setattr(
        compare_delete.Kernel, "_ask", lambda _, message, number: profile.ask(message, number)
    )
    kernel = compare_delete.Kernel(None)
    if profile.deletes != "heeds":
        with pytest.raises(FeatureMissing, match="does not compare"):
            kernel.remove(addresses.parse("203.0.113.73"), 80)
    else:
        kernel.remove(addresses.parse("203.0.113.73"), 80)
    assert len(profile.deleted) == (profile.deletes == "heeds")


@pytest.mark.parametrize("told", ["6.12.0-made-up", "7.0.0"])
@pytest.mark.parametrize("kernel", _PROFILES)
def test_a_release_that_lies_flushes_nothing(told: str, kernel: str) -> None:
    found = _PROFILES[kernel]
    assert compare_delete.supported(told, found.ask) is (found.deletes == "heeds")


@pytest.mark.parametrize("release", ["", "?", "6", "6.11.9", "5.99"])
def test_what_is_not_known_to_compare_is_not_even_asked(release: str) -> None:
    def ask(message: bytes, sequence: int) -> int:
        raise AssertionError(message, sequence)

    assert not compare_delete.supported(release, ask)


def test_the_request_compares_source_port_protocol_and_that_no_reply_was_seen() -> None:
    kernel = Kernel(status=True, tuples=True, deletes="heeds")
    assert kernel.ask(*compare_delete.request(addresses.parse("203.0.113.73"), 80)) == 0
    (message,) = kernel.deleted
    found = attributes(message[20:])
    assert found[uapi.CTA_STATUS] == bytes(4)
    assert found[uapi.CTA_STATUS_MASK] == struct.pack(">I", uapi.IPS_SEEN_REPLY)
    flags = attributes(found[uapi.CTA_FILTER])[uapi.CTA_FILTER_ORIG_FLAGS]
    assert flags == struct.pack("=I", 1 << 0 | 1 << 3 | 1 << 4)  # source, protocol, source port
    ends = attributes(found[uapi.CTA_TUPLE_ORIG])
    assert attributes(ends[uapi.CTA_TUPLE_IP]) == {uapi.CTA_IP_V4_SRC: bytes([203, 0, 113, 73])}
    assert attributes(ends[uapi.CTA_TUPLE_PROTO]) == {
        uapi.CTA_PROTO_NUM: b"\x06",
        uapi.CTA_PROTO_SRC_PORT: struct.pack(">H", 80),
    }


def test_every_other_message_names_its_entry_and_asks_or_changes_only() -> None:
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
    tuples: pl.DataFrame = flows(*rows).frame.select(TUPLE_COLUMNS)
    for kind in (compare_delete.CT_GET, messages.CT_NEW):
        raw = b"".join(messages.of(tuples, kind, 5, b""))
        found = list(headers(raw))
        assert len(found) == len(rows)
        assert found[-1].next == len(raw)
        for header in found:
            assert header.kind == kind
            assert raw[header.at + 6 : header.at + 8] == struct.pack(
                "=H", 1
            )  # NLM_F_REQUEST: no dump, no create
            given = attributes(raw[header.at + 20 : header.at + header.length])
            ends = attributes(given[uapi.CTA_TUPLE_ORIG])
            assert len(attributes(ends[uapi.CTA_TUPLE_IP])) == 2
            assert uapi.CTA_PROTO_NUM in attributes(ends[uapi.CTA_TUPLE_PROTO])
