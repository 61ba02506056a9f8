"""What kernels of each release make of ctnetlink requests, by what their trees look at.

A reader of its own, that shares nothing with the program's: lengths and types are taken from the
bytes as ``nfnetlink_rcv_msg`` and ``nla_parse`` take them.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.tcp import releases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.tcp.releases import FilteredDelete

RELEASES: Final = (
    "2.6.18-028stab056",
    "2.6.32-042stab092.1",
    "2.6.32-042stab141.3",
    "2.6.32-754.35.1.el6.x86_64",
    "3.2.40",
    "3.6.0",
    "3.10.4",
    "3.10.108",
    "3.10.0-514.el7.x86_64",
    "3.10.0-1160.el7.x86_64",
    "3.16.0",
    "3.18.140",
    "4.9.0",
    "4.18.0-394.el8.x86_64",
    "5.4.124",
    "5.6.0",
    "5.10.13",
    "5.14.0-427.el9.x86_64",
    "5.15.0",
    "6.1.192",
    "6.8.1",
    "6.10.0",
    "6.12.117",
    "6.14.0",
    "6.18.26",
    "6.18.44",
)

_NEW, _GET, _DELETE = 0x100, 0x101, 0x102
_REQUEST, _ACK, _DUMP, _CREATE = 0x001, 0x004, 0x300, 0x400
_ORIG, _REPLY, _STATUS, _ID, _ZONE, _FILTER, _STATUS_MASK = 1, 2, 3, 12, 18, 25, 26
_FLAGS_KNOWN: Final = (1 << 12) - 1 - (1 << 11 | 1 << 10)  # 6.18's CTA_FILTER_F_ALL, as far as IPv4 has it


class Flushed(AssertionError):
    """The whole table would be gone."""


@dataclass(frozen=True)
class Message:
    """``family`` of struct nfgenmsg; attributes by type, the last of two with one type."""

    kind: int
    flags: int
    number: int
    family: int
    version: int
    found: dict[int, bytes]


def messages(raw: bytes) -> Iterator[Message]:
    """Those of a datagram, which must hold nothing else."""
    at = 0
    while at < len(raw):
        length, kind, flags, number, _ = struct.unpack_from("<IHHII", raw, at)
        assert 20 <= length <= len(raw) - at, "a length that runs out of the datagram"
        family, version, _ = struct.unpack_from("<BBH", raw, at + 16)
        yield Message(kind, flags, number, family, version, attributes(raw[at + 20 : at + length]))
        at += (length + 3) // 4 * 4


def attributes(data: bytes) -> dict[int, bytes]:
    """Attributes by type; they must fill the data."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        length, kind = struct.unpack_from("<HH", data, at)
        assert 4 <= length <= len(data) - at, "an attribute that runs out of its nest"
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) // 4 * 4
    return found


@dataclass
class Kernel:
    """Of one release. ``log``: what its delete requests came to."""

    status: bool
    tuples: bool
    deletes: FilteredDelete
    log: list[str] = field(default_factory=list)

    def ask(self, raw: bytes, number: int) -> int:
        """The errno that answers; Flushed where the table would be emptied."""
        (message,) = messages(raw)
        assert message.number == number
        if message.kind == _GET:
            assert message.flags & _DUMP == _DUMP, "an entry that is asked for by name has no filter"
            return self._dumped(message)
        assert message.kind == _DELETE
        assert message.flags & _DUMP == 0
        return self.delete(message)

    def _dumped(self, message: Message) -> int:
        found = message.found
        if self.status and _STATUS_MASK in found and _STATUS not in found:
            return errno.EINVAL
        return self._filter(message) if self.tuples and _FILTER in found else 0

    def delete(self, message: Message) -> int:
        """ctnetlink_del_conntrack: an entry that is named, else all, narrowed by what is known."""
        found = message.found
        compares = self.deletes == "compares" and _FILTER in found
        for direction in (_ORIG, _REPLY):
            if direction in found and not compares:
                return self._named(found[direction], message)
        if self.deletes == "empties" or _FILTER not in found:
            raise Flushed(message)
        if self.deletes == "refused":
            return errno.EOPNOTSUPP
        code = self._filter(message)
        if not code:
            self.log.append("by filter")
        return code

    def _named(self, nest: bytes, message: Message) -> int:
        """ctnetlink_parse_tuple: both addresses and the protocol must be there."""
        ends = attributes(nest)
        ip, proto = attributes(ends.get(1, b"")), attributes(ends.get(2, b""))
        wanted = {1, 2} if message.family == 2 else {3, 4}
        if message.family not in (2, 10) or not wanted <= ip.keys() or 1 not in proto:
            return errno.EINVAL
        self.log.append("by name and id" if _ID in message.found else "by name")
        return 0

    @staticmethod
    def _filter(message: Message) -> int:
        """ctnetlink_alloc_filter: flags that it knows, and a tuple that has what they speak of."""
        found = message.found
        if message.family not in (2, 10):
            return errno.EOPNOTSUPP
        (flags,) = struct.unpack("=I", attributes(found[_FILTER])[1])
        if flags & ~_FLAGS_KNOWN or (flags and _ORIG not in found):
            return errno.EINVAL
        if _STATUS_MASK in found and _STATUS not in found:
            return errno.EINVAL
        ends = attributes(found.get(_ORIG, b""))
        ip, proto = attributes(ends.get(1, b"")), attributes(ends.get(2, b""))
        parts = {1 << 0: 1 in ip, 1 << 1: 2 in ip, 1 << 3: 1 in proto, 1 << 4: 2 in proto, 1 << 5: 3 in proto}
        return 0 if all(there for bit, there in parts.items() if flags & bit) else errno.EINVAL


def of(release: str) -> list[Kernel]:
    """That release's; where its tree was not compared, every one that it may be."""
    known = releases.features(release)
    deletes = (known.filtered_delete,) if known.filtered_delete else ("empties", "refused", "compares")
    return [
        Kernel(status, tuples, how)
        for status in ((False, True) if known.filters_status is None else (known.filters_status,))
        for tuples in ((False, True) if known.filters_tuple is None else (known.filters_tuple,))
        for how in deletes
        if tuples is (how != "empties")  # 5.8 brought the filter, and the refusal with it
    ]
