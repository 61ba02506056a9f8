"""A capture, read block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.errors import UnreadableInput, UsageError
from halftrack.evidence import packets
from halftrack.formats.pcap import columns, links, network, pieces
from halftrack.formats.pcap.blocks import Blocks
from halftrack.formats.pcap.classic import MAGICS, Classic
from halftrack.formats.pcap.columns import Captured
from halftrack.formats.pcap.fates import FRAGMENT, NO_TIME, OTHER_INTERFACE, doom, tell
from halftrack.formats.pcap.fields import PAD
from halftrack.formats.pcap.fragments import Reassembly
from halftrack.formats.pcap.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from halftrack.formats.pcap.fates import Fates
    from halftrack.formats.pcap.pieces import Wholes
    from halftrack.formats.pcap.records import Records, Walker
    from halftrack.formats.sources import Source

_BLOCK: Final = 4 << 20
_MOST_ROWS: Final = 1 << 16
"""Packets of a frame: with their columns they take more memory than a block does."""
_MOST_SEEN: Final = 20
"""Interfaces that somebody is told of who asked for another one."""
_DIGITS: Final = 18
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"


class Capture:
    """Packets of one file or stream, to be read once.

    ``name``: how it is shown. ``interface``: the only one that is wanted, by its name or number. ``tally``:
    of what ``frames`` has yielded; of the whole file when it has ended. ``bytes_read``: unpacked.
    """

    def __init__(self, source: Source, interface: str | None = None) -> None:
        self.name = source.name
        self.tally = packets.Tally()
        self.bytes_read = 0
        self._source = source
        self._interface = interface
        self._seen: set[str] = set()
        self._pending = Reassembly(self.tally)
        self._latest_ns = NEVER

    def frames(self) -> Iterator[pl.DataFrame]:
        """Frames with the columns of ``packets.SCHEMA``, none of them empty.

        Raises UnreadableInput where the file cannot be read or is no capture. What is damaged or cut short is
        read up to there, and ``tally`` says so. Raises UsageError at the end where nothing was of the wanted
        interface.
        """
        for records in self._records():
            for part in records.parts(_MOST_ROWS):
                read = self._read(part)
                if read.height:
                    yield read
        self._pending.finish()
        self._check_interface()
        if self.tally.lost:
            self.tally.notes.append(f"{self.tally.lost:,} packets were lost as {self.name} was captured.")
        if self._source.truncated:
            self.tally.whole = False
        self.tally.notes.extend(self._source.notes)

    def _records(self) -> Iterator[Records]:
        walker: Walker | None = None
        rest, passing = b"", 0
        for text in _gathered(self._source.chunks()):
            self.bytes_read += len(text)
            if passing >= len(text):
                passing -= len(text)
                continue
            size = len(rest) + len(text) - passing
            data = b"".join([rest, text[passing:] if passing else text, PAD])
            if walker is None:
                walker = self._walker(data[: min(size, 4)])
            records, used = walker.walk(data, size)
            passing = max(used - size, 0)
            rest = data[used:size]
            self.tally.lost = walker.lost
            self._seen.update(walker.names)
            yield records
            if walker.damage is not None:
                self._stop(f"is damaged behind packet {self.tally.packets:,}: {walker.damage}")
                return
        if walker is None:
            why = self._source.notes[0].rstrip(".") if self._source.notes else f"{self.name} is empty"
            raise UnreadableInput(why)
        if rest or passing:
            self._stop(f"ends in the middle of what follows packet {self.tally.packets:,}")

    def _walker(self, beginning: bytes) -> Walker:
        if beginning.startswith(_PCAPNG):
            return Blocks(self._interface)
        if beginning[:4] in MAGICS:
            return Classic()
        raise UnreadableInput(f"{self.name} is no capture: neither pcap nor pcapng")

    def _stop(self, how: str) -> None:
        self.tally.whole = False
        self.tally.notes.append(f"{self.name} {how}.")

    def _read(self, records: Records) -> pl.DataFrame:
        tally, count = self.tally, len(records)
        number = np.arange(tally.packets + 1, tally.packets + 1 + count, dtype=np.int64)
        tally.packets += count
        self._note_times(records)
        fates = np.zeros(count, dtype=np.int8)
        captured = Captured(number, records.at_ns, *links.told(records))
        self._leave_out(records, captured, fates)
        below = links.enter(records, fates)
        doom(fates, np.arange(count, dtype=np.int64), records.at_ns == NEVER, NO_TIME)
        found = network.enter(
            records.fields,
            below.at,
            records.end,
            records.start + records.wire,
            protocol=below.protocol,
            fates=fates,
        )
        wholes = pieces.reassemble(found, captured, fates, self._pending)
        read = columns.frame(found, captured, fates, tally)
        tell(fates, tally)
        if wholes is None:
            return read
        return read.vstack(self._read_wholes(wholes, captured.pick(wholes.rows))).sort("number")

    def _leave_out(self, records: Records, captured: Captured, fates: Fates) -> None:
        """Doom what is of another interface than the wanted one."""
        if self._interface is None:
            return
        wanted = records.called
        if self._interface.isascii() and self._interface.isdigit():
            wanted = wanted | (captured.interface == int(self._interface[:_DIGITS]))
        doom(fates, np.arange(len(records), dtype=np.int64), ~wanted, OTHER_INTERFACE)
        if len(self._seen) < _MOST_SEEN:
            numbers = np.unique(captured.interface[captured.interface >= 0])[:_MOST_SEEN]
            self._seen.update(map(str, numbers.tolist()))

    def _check_interface(self) -> None:
        tally = self.tally
        if self._interface is None or tally.skipped.get(packets.OTHER_INTERFACE, 0) < tally.packets:
            return
        there = ", ".join(sorted(self._seen)) or "no interfaces that it tells"
        raise UsageError(f"no packet of {self.name} is of interface {self._interface!r}: it has {there}")

    def _read_wholes(self, wholes: Wholes, captured: Captured) -> pl.DataFrame:
        fates = np.zeros(len(wholes.rows), dtype=np.int8)
        found = network.enter(
            wholes.fields,
            wholes.start,
            wholes.end,
            wholes.start + wholes.size,
            protocol=np.full(len(wholes.rows), links.EITHER, dtype=np.int64),
            fates=fates,
        )
        read = columns.frame(found, captured, fates, self.tally)
        self.tally.reassembled += read.height
        # Nobody puts together what is a fragment even when it has been put together.
        self.tally.skip(packets.FRAGMENT, int(np.count_nonzero(fates == FRAGMENT)))
        tell(fates, self.tally)
        return read

    def _note_times(self, records: Records) -> None:
        at_ns = records.at_ns[records.at_ns != NEVER]
        if not len(at_ns):
            return
        tally = self.tally
        first, last = int(at_ns.min()), int(at_ns.max())
        tally.first_ns = first if tally.first_ns is None else min(first, tally.first_ns)
        before = np.maximum.accumulate(np.concatenate([[self._latest_ns], at_ns]))[:-1]
        late = at_ns < before
        if late.any():
            tally.backwards += int(np.count_nonzero(late))
            tally.backwards_ns = max(tally.backwards_ns, int((before[late] - at_ns[late]).max()))
        self._latest_ns = max(self._latest_ns, last)
        tally.last_ns = self._latest_ns


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks of a block at least, the last one apart; pieces of a file as they come."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= _BLOCK:
            yield b"".join(waiting) if len(waiting) > 1 else chunk
            waiting, size = [], 0
    if size:
        yield b"".join(waiting)
