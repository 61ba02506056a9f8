"""Where values were read: a file and its lines, a request to the kernel, a tool.

Of what is kept for each entry there is a number in a column (``FlowTable.lines``), never an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

COUNT: Final = "count"
LIMIT: Final = "limit"
BUCKETS: Final = "buckets"
ENTRIES: Final = "entries"
COUNTERS: Final = "counters"
SOCKETS: Final = "sockets"
TCP: Final = "tcp-sockets"
STACK: Final = "stack"
SHAPING: Final = "queues"
ROUTING: Final = "routes"
RULES: Final = "rules"
ADDRESSES: Final = "addresses"
"""Keys of ``Table.read_from``, beside the full names of its settings."""
KERNEL: Final = "kernel"
TAKEN_AT: Final = "taken_at"
NODE: Final = "node"
"""Keys of ``Evidence.read_from``."""


@dataclass(frozen=True, slots=True)
class Origin:
    """``file``: as its source calls it: a path, a member of an archive or a section of a collection; of a
    live node a file of ``/proc`` or ``/sys``, a netlink request, or a tool.

    ``first`` and ``last``: lines, counted from 1; None: all of it, or what has no lines.
    """

    file: str
    first: int | None = None
    last: int | None = None


Origins = Mapping[str, tuple[Origin, ...]]
"""By what was read there."""


def of_text(file: str, text: str) -> Origin:
    """All lines of a text."""
    lines = text.count("\n") + (not text.endswith("\n"))
    return Origin(file, 1, lines) if text else Origin(file)


def said(key: str) -> Origin:
    """What nobody read: the user told it."""
    return Origin(f"--assume {key}")
