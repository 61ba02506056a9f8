"""The size of the hash table, which every namespace of the node shares."""

from __future__ import annotations

import errno
import os
import struct
from typing import Final

import msgspec

from halftrack.changes.writes import Look, Seen
from halftrack.errors import Busy, Incomplete, PermissionMissing
from halftrack.evidence.sysctls import HASHSIZE
from halftrack.kernel import files

_IN_A_PAGE: Final = os.sysconf("SC_PAGE_SIZE") // struct.calcsize("P")
"""Heads of lists."""


class BucketsWrite(msgspec.Struct, frozen=True, kw_only=True, tag="buckets", tag_field="write"):
    """``path``: of the module's parameter."""

    before: int
    after: int
    path: str = HASHSIZE

    @property
    def title(self) -> str:
        return f"hashsize {self.before} -> {self.after}"

    @property
    def key(self) -> str:
        return "buckets"

    def look(self) -> Look:
        now = files.number(self.path)
        if now is None:
            return Look(Seen.GONE)
        if same(now, self.after):
            return Look(Seen.AFTER, str(now))
        return Look(Seen.BEFORE if same(now, self.before) else Seen.OTHER, str(now))

    def do(self) -> None:
        _set(self.path, self.after)

    def undo(self) -> None:
        now = files.number(self.path)
        if now is not None and now != self.before:
            _set(self.path, self.before)


def same(now: int, wanted: int) -> bool:
    """The kernel rounds a size up to whole pages of list heads (``nf_ct_alloc_hashtable``)."""
    return now == wanted or now == rounded(wanted)


def rounded(buckets: int) -> int:
    """What the kernel makes of a size."""
    return -(-buckets // _IN_A_PAGE) * _IN_A_PAGE


def _set(path: str, number: int) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            os.write(fd, str(number).encode("ascii"))
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
            raise PermissionMissing(f"{path} may not be written: it takes root on the node") from error
        if error.errno == errno.EOPNOTSUPP:
            raise PermissionMissing(f"{path} is written from the node's own network only") from error
        if error.errno == errno.EINVAL:
            raise Incomplete(f"the kernel does not take a hash of {number:,} buckets") from error
        if error.errno == errno.ENOMEM:
            raise Busy(f"no memory for a hash of {number:,} buckets") from error
        raise
