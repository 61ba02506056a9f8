"""How many entries a rehearsal may make beside those of a node that may be in need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.errors import Busy
from halftrack.kernel import memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import Table

_PER_BUCKET: Final = 2
"""The hash is everybody's: with one more entry in every second bucket nobody's chains grow by much."""
_OF_THE_LIMIT: Final = 2
"""The limit is compared with each namespace's own count (``__nf_conntrack_alloc``), the copy's, too."""
_OF_MEMORY: Final = 50
_ENTRY_BYTES: Final = 512
"""Of one entry and its extensions, generously."""
_SPARE_BYTES: Final = 128 << 20
"""Less than that left on the node, and nothing is rehearsed."""
_FEWEST: Final = 100


def entries(table: Table, entry_bytes: int | None, most: int) -> tuple[int, str | None]:
    """The most that may be made, and why they are no more than that. Raises Busy where it is too few."""
    fits, why = most, None
    for number, reason in _bounds(table, entry_bytes):
        if number < fits:
            fits, why = number, reason
    if fits < _FEWEST:
        raise Busy(f"no room for a rehearsal here: {why}")
    return fits, why


def _bounds(table: Table, entry_bytes: int | None) -> Iterator[tuple[int, str]]:
    if table.buckets:
        yield (
            table.buckets // _PER_BUCKET,
            f"the hash that all namespaces share has {table.buckets:,} buckets",
        )
    if table.limit:
        yield table.limit // _OF_THE_LIMIT, f"the limit is {table.limit:,} entries, in the copy as well"
    free = memory.available_bytes()
    if free is not None:
        size = max(entry_bytes or 0, _ENTRY_BYTES)
        number = max(free - _SPARE_BYTES, 0) // _OF_MEMORY // size
        yield number, f"{free >> 20:,} MiB of memory are available"
