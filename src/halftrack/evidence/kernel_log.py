"""What the kernel has logged about connection tracking: lines counted by what they say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["table-full", "helper-dropped", "syn-flood", "neighbours-full", "suppressed"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a line was written. ``up_s``: seconds since the boot. None: it does not say."""

    up_s: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that say the same.

    ``table-full``: a packet was dropped as the table was full. ``helper-dropped``: a helper (FTP, SIP, …)
    dropped one. ``syn-flood``: requests to ``port`` are more than its queue holds; once for each listener.
    ``neighbours-full``: the table of neighbours is. ``suppressed``: ``count`` lines of the network's code, of
    any kind, were not written, as there were too many.

    ``count`` is at least so many: rate limits hold lines back, and logs are cut. ``netns_inode`` and
    ``container`` (of OpenVZ and Virtuozzo): whose table; where both are None the kernel does not say.
    ``source``: file and line of the last one; ``text``: that line's message.
    """

    kind: Kind
    count: int
    first: Stamp
    last: Stamp
    source: str
    text: str
    netns_inode: int | None = None
    container: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class KernelLog:
    """``begins``: of the first line that is still there, whatever it says, of the log that begins first."""

    sources: tuple[str, ...] = ()
    begins: Stamp = Stamp()
    lines: tuple[Lines, ...] = ()
