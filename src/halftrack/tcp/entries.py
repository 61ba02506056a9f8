"""The table of one namespace: entries under the tuples of both directions, and a limit to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.tcp.entry import Connection, Entry, Exchange

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

NF_CT_EVICTION_RANGE: Final = 8
"""Buckets that the kernel looks through for an entry to give up."""


class Entries:
    """``tcp``: by source and target of a packet. ``others``: by ``Exchange.key`` of a packet.

    ``connections`` and ``exchanges`` are the same entries once each, by their ``serial``. ``made``: how many
    there have been so far.
    """

    def __init__(self, limit: int | None) -> None:
        self.tcp: dict[tuple[Hashable, Hashable], Connection] = {}
        self.others: dict[tuple[Hashable, ...], Exchange] = {}
        self.connections: dict[int, Connection] = {}
        self.exchanges: dict[int, Exchange] = {}
        self.made = 0
        self._limit = limit
        self._hand: Iterator[Entry] = iter(())

    def __len__(self) -> int:
        return len(self.connections) + len(self.exchanges)

    def __iter__(self) -> Iterator[Entry]:
        yield from self.connections.values()
        yield from self.exchanges.values()

    def add_connection(self, entry: Connection) -> None:
        self.tcp[entry.source, entry.target] = self.tcp[entry.target, entry.source] = entry
        self.made = entry.serial = self.made + 1
        self.connections[entry.serial] = entry

    def add_exchange(self, entry: Exchange) -> None:
        self.others[entry.key] = self.others[entry.reply_key] = entry
        self.made = entry.serial = self.made + 1
        self.exchanges[entry.serial] = entry

    def remove(self, entry: Entry) -> None:
        if isinstance(entry, Exchange):
            del self.others[entry.key]
            del self.others[entry.reply_key]
            del self.exchanges[entry.serial]
        else:
            del self.tcp[entry.source, entry.target]
            del self.tcp[entry.target, entry.source]
            del self.connections[entry.serial]

    def collect(self, now: float) -> int:
        """Remove what has run out; how many entries that were."""
        gone = [entry for entry in self if entry.deadline <= now]
        for entry in gone:
            self.remove(entry)
        return len(gone)

    def has_room(self, now: float) -> bool:
        """Whether one more entry may be made, if need be in the place of another one (``early_drop``).

        An approximation: the kernel gives up what has run out or is not assured in one of the eight
        buckets next to the new entry's, so that a table with many assured entries refuses some new ones.
        Here eight entries, the next ones in the order in which they came, stand for those buckets.
        """
        if self._limit is None or len(self) < self._limit:
            return True
        for _ in range(NF_CT_EVICTION_RANGE):
            entry = self._next()
            if entry is None:
                return False
            if entry.deadline <= now or not entry.status & uapi.IPS_ASSURED:
                self.remove(entry)
                return True
        return False

    def _next(self) -> Entry | None:
        for _ in range(2):
            for entry in self._hand:
                if self._holds(entry):
                    return entry
            self._hand = iter(list(self))
        return None

    def _holds(self, entry: Entry) -> bool:
        return entry.serial in (self.exchanges if isinstance(entry, Exchange) else self.connections)
