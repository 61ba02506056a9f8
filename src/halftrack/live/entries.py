"""The entries of one namespace's table: dumped, or read as text where that is not to be had."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from halftrack.errors import FeatureMissing, PermissionMissing
from halftrack.evidence.values import SELF, Namespace
from halftrack.kernel import ctnetlink, memory, namespaces, setns, sysctl, table_text

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable
    from halftrack.evidence.selection import Selection

Trouble = Literal["denied", "vanished", "late", "memory", "missing", "failed", "text", "text-denied"]

_BYTES_AN_ENTRY: Final = 400
"""Memory that reading and judging takes for each entry, generously."""
_QUIET_ENTRIES: Final = 8
_QUIET_SHARE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Entries:
    """``flows`` None: not read, ``trouble`` says why; with flows, what is lacking about them.

    ``expired``: see halftrack.evidence.values.Table.
    """

    flows: FlowTable | None = None
    unreadable: int = 0
    expired: int | None = None
    trouble: Trouble | None = None
    reason: str = ""


@dataclass(slots=True)
class Reading:
    """Entries on their way."""

    namespace: Namespace
    selection: Selection
    deadline: float | None
    before: int | None
    pending: ctnetlink.PendingDump | None = None
    ended: Entries | None = None

    def result(self) -> Entries:
        """Wait for the rest. Trouble is part of the answer; nothing is raised."""
        if self.ended is not None:
            return self.ended
        assert self.pending is not None  # noqa: S101  # begin sets one of the two
        try:
            dump = self.pending.result()
        except (FeatureMissing, PermissionMissing, OSError) as error:
            return _otherwise(self, error)
        expired = None
        if dump.complete and self.selection.of_every_entry and not dump.unreadable:
            with contextlib.suppress(OSError, namespaces.Vanished):
                expired = _expired(self.before, len(dump.flows), _count(self.namespace))
        return Entries(dump.flows, dump.unreadable, expired, None if dump.complete else "late")


def begin_own(selection: Selection, deadline: float | None) -> Reading:
    """Start reading our own namespace's table before anything else is known about it."""
    return begin(Namespace(SELF, path=namespaces.OWN_WAY), selection, deadline)


def begin(namespace: Namespace, selection: Selection, deadline: float | None) -> Reading:
    """Start reading a table's entries; returns while the kernel works. Nothing is raised."""
    reading = Reading(namespace, selection, deadline, None)
    try:
        reading.before = _count(namespace)
        reading.ended = _without_asking(reading.before)
        if reading.ended is not None:
            return reading
        if namespaces.is_own(namespace):
            reading.pending = ctnetlink.begin(selection, deadline=deadline, expected=reading.before)
        else:
            with namespaces.opened(namespace) as path:
                reading.pending = ctnetlink.begin(
                    selection, netns_path=path, deadline=deadline, expected=reading.before
                )
    except namespaces.Vanished:
        reading.ended = Entries(trouble="vanished")
    except (FeatureMissing, PermissionMissing, OSError) as error:
        reading.ended = _otherwise(reading, error)
    return reading


def _without_asking(count: int | None) -> Entries | None:
    """What is known beforehand: an empty table holds nothing; a huge one does not fit into memory."""
    if count == 0:
        from halftrack.evidence.flows import empty  # noqa: PLC0415  # heavy, and a dump is to start first

        return Entries(empty(), expired=0)
    available = memory.available_bytes()
    if count is not None and available is not None and count * _BYTES_AN_ENTRY > available:
        return Entries(trouble="memory", reason=f"{count:,} entries, {available >> 20:,} MiB free")
    return None


def _count(namespace: Namespace) -> int | None:
    """Entries counted there now. Raises Vanished, OSError."""
    if namespaces.is_own(namespace):
        return sysctl.count()
    with namespaces.opened(namespace) as path:
        return setns.call_in(path, sysctl.count)


def _expired(before: int | None, dumped: int, after: int | None) -> int | None:
    """Entries that the dump found dead: counted before, gone after, while the rest stood still.

    Dumping collects them. Where entries came and went meanwhile the counts cannot tell, hence None.
    """
    if before is None or after is None:
        return None
    if abs(after - dumped) > max(_QUIET_ENTRIES, _QUIET_SHARE * dumped):
        return None
    return max(0, before - max(dumped, after))


def _otherwise(reading: Reading, error: Exception) -> Entries:
    """The table's text where ctnetlink will not have us, if that does no harm; else what is wrong."""
    denied = isinstance(error, PermissionMissing | PermissionError)
    few = reading.before is not None and reading.before <= table_text.MOST_ENTRIES
    if isinstance(error, FeatureMissing) or (isinstance(error, PermissionMissing) and few):
        with contextlib.suppress(OSError, namespaces.Vanished):
            return _from_text(reading, denied=denied)
    if denied:
        return Entries(trouble="denied")
    if isinstance(error, FeatureMissing):
        return Entries(trouble="missing", reason=str(error))
    return Entries(trouble="failed", reason=str(error))


def _from_text(reading: Reading, *, denied: bool) -> Entries:
    from halftrack.formats import table  # noqa: PLC0415  # heavy, and seldom needed

    if namespaces.is_own(reading.namespace):
        file = table_text.open_here()
    else:
        with namespaces.opened(reading.namespace) as path:
            file = setns.call_in(path, table_text.open_here)
    with file:
        chunks = table_text.Chunks(file, reading.deadline)
        parsed = table.parse(chunks)
    trouble: Trouble = "late" if chunks.cut else "text-denied" if denied else "text"
    return Entries(parsed.flows, parsed.unreadable, None, trouble)
