"""A namespace's conntrack table through ctnetlink: here, dumping it.

``begin`` starts receiving and returns at once; ``result`` decodes. Whatever is imported or read
between the two overlaps with the kernel's work. Needs CAP_NET_ADMIN in the user namespace that
owns the network namespace (nfnetlink_rcv), even for reading.

    filters         asking for a part of the table
    decode          datagrams into the flow table: shapes of messages, and columns that they fill
    events          what begins and ends, as it happens
    connection      one entry
    entry_messages  messages about many entries, out of columns
    creating        entries in a namespace of our own
    compare_delete  removing what the kernel itself compares
"""

from __future__ import annotations

import errno
import os
import struct
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from halftrack.errors import FeatureMissing, PermissionMissing
from halftrack.evidence import uapi
from halftrack.evidence.selection import EVERYTHING, Selection
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.ctnetlink.filters import attributes
from halftrack.kernel.netlink_messages import CT_GET

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import polars as pl

    from halftrack.evidence.flows import FlowTable
    from halftrack.kernel.ctnetlink.decode import Decoder

LARGE: Final = 200_000
"""Entries from which a second walk through the hash costs less than it saves."""
_SMALL: Final = 50_000
"""A node may have hundreds of tables of up to so many entries; spelling out a larger one takes long."""
_REFUSED: Final = (errno.EINVAL, errno.EOPNOTSUPP)
"""How a kernel answers a filter that it does not take."""


@dataclass(frozen=True, slots=True)
class Dump:
    """A table as it was dumped.

    ``unreadable``: messages that could not be decoded. ``complete``: the kernel said that it was
    done; False when the deadline came first. ``seconds``: from request to the last byte decoded.
    """

    flows: FlowTable
    unreadable: int
    complete: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Part:
    """Some entries of a dump. ``since_s``: monotonic; none of them was read before."""

    frame: pl.DataFrame
    since_s: float


class PendingDump:
    """A dump under way. ``complete``: see ``Dump``; known once all was read."""

    def __init__(
        self,
        selection: Selection,
        netns_path: str | None,
        deadline: float | None,
        expected: int | None,
        room: int,
    ) -> None:
        self._selection = selection
        self._netns_path = netns_path
        self._deadline = deadline
        self._room = room
        self._sequence = netlink_messages.sequence()
        self._began = time.monotonic()
        parts = [
            (netlink.open_socket(netlink.NETLINK_NETFILTER, netns_path), self._request(part))
            for part in _parts(selection, expected)
        ]
        self._count = len(parts)
        self._received = netlink.Dump(parts, self._sequence, deadline, room)
        self.complete = False

    def _request(self, part: Selection) -> bytes:
        family, filters = attributes(part)
        payload = struct.pack("=BBH", family, 0, 0) + filters
        return netlink_messages.dump_request(CT_GET, self._sequence, payload)

    def close(self) -> None:
        """Give up a dump whose result nobody will ask for."""
        self._received.close()

    def result(self) -> Dump:
        """Wait for the rest and decode it. Raises PermissionMissing, FeatureMissing or OSError."""
        import polars as pl  # noqa: PLC0415  # heavy; receiving runs by now

        from halftrack.evidence.doubles import without_doubles  # noqa: PLC0415  # likewise
        from halftrack.evidence.flows import FlowTable  # noqa: PLC0415  # likewise
        from halftrack.evidence.packed_flows import PackedFlows  # noqa: PLC0415  # likewise

        decoder = self._decoder()
        for _ in self._decoded(decoder):
            pass
        if self._refused(decoder):
            return self._of_every_entry().result()
        frame = decoder.frame()
        # A dump restarts a bucket whose remembered entry went away, and shows some entries again. Among a
        # million entries about a hundred pairs share an id: it only names the candidates.
        frame = without_doubles(frame, frame["id"].fill_null(0).to_numpy())
        if self._selection.columns is not None and "id" not in self._selection.columns:
            frame = frame.with_columns(id=pl.lit(None, frame.schema["id"]))
        seconds = time.monotonic() - self._began
        flows = PackedFlows(frame) if frame.height <= _SMALL else FlowTable(frame)
        return Dump(flows, decoder.unreadable, self.complete, seconds)

    def parts(self) -> Generator[Part]:
        """The entries as they come, while the kernel goes on; some may come twice.

        Whoever stops asking gives the dump up. Raises as ``result`` does.
        """
        decoder = self._decoder()
        for since_s in self._decoded(decoder):
            yield Part(decoder.frame(), since_s)
        if self._refused(decoder):
            instead = self._of_every_entry()
            yield from instead.parts()
            self.complete = instead.complete

    def _decoder(self) -> Decoder:
        from halftrack.kernel.ctnetlink.columns import Columns  # noqa: PLC0415  # heavy; receiving runs by now
        from halftrack.kernel.ctnetlink.decode import Decoder  # noqa: PLC0415  # likewise

        return Decoder(self._sequence, Columns(self._selection.columns))

    def _decoded(self, decoder: Decoder) -> Iterator[float]:
        """Decode block after block; after each, since when it was read."""
        try:
            for block in self._received.blocks():
                decoder.add(memoryview(block.memory).cast("B"), block.lengths)
                yield block.since_s
        except OSError as error:
            raise _explained(error.errno or errno.EIO) from error
        if decoder.error and not self._refused(decoder):
            raise _explained(decoder.error)
        self.complete = decoder.ended == self._count and not self._received.late

    def _refused(self, decoder: Decoder) -> bool:
        return decoder.error in _REFUSED and not self._selection.of_every_entry

    def _of_every_entry(self) -> PendingDump:
        every = Selection(columns=self._selection.columns)
        return PendingDump(every, self._netns_path, self._deadline, None, self._room)


def _parts(selection: Selection, expected: int | None) -> tuple[Selection, ...]:
    """What is asked for at the same time: each family by itself, or all in one walk.

    A tuple is filtered only within one family; and the kernel fills two large dumps side by side.
    """
    large = expected is not None and expected >= LARGE
    if selection.family is not None or (selection.l4proto is None and not large):
        return (selection,)
    return replace(selection, family=uapi.AF_INET), replace(selection, family=uapi.AF_INET6)


def begin(
    selection: Selection = EVERYTHING,
    *,
    netns_path: str | None = None,
    deadline: float | None = None,
    expected: int | None = None,
    room: int = netlink.MOST_ROOM,
) -> PendingDump:
    """Start dumping the entries of a namespace (None: this process's own).

    ``selection`` is applied by the kernel as far as it can; filter the frame again. ``deadline``
    is a ``time.monotonic`` moment, ``expected`` the entries that the table counts, ``room`` how much
    is received ahead (``netlink.Dump``). Raises PermissionMissing, FeatureMissing, or OSError where
    the namespace cannot be entered.
    """
    try:
        return PendingDump(selection, netns_path, deadline, expected, room)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
            raise FeatureMissing("this kernel has no netlink interface to netfilter") from error
        raise


def dump(
    selection: Selection = EVERYTHING, *, netns_path: str | None = None, deadline: float | None = None
) -> Dump:
    """``begin`` and ``result`` in one."""
    return begin(selection, netns_path=netns_path, deadline=deadline).result()


def _explained(code: int) -> Exception:
    if code in (errno.EPERM, errno.EACCES):
        return PermissionMissing("reading the entries of the connection table needs CAP_NET_ADMIN")
    if code in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPROTONOSUPPORT):
        return FeatureMissing("this kernel has no ctnetlink (CONFIG_NF_CT_NETLINK)")
    return OSError(code, os.strerror(code))
