"""Captures of packets, classic pcap and pcapng, as columns; see ``halftrack.evidence.packets``.

classic, blocks ─ interfaces    the two formats: where packets lie in a block, when, of which link
links                           to the network's header
network                         IPv4, IPv6 and its extensions
pieces ─ fragments              datagrams made whole again
transport ─ columns             ports and TCP's numbers; frames
reading                         all of it, block by block; fates: what was left out, and why
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

    from halftrack.formats.pcap.reading import Capture

_MOST_BYTES: Final = 1 << 50
"""Of a capture, unpacked: memory is bounded by blocks, so that only time is spent on a large one."""


def capture(
    name: str,
    stdin: BinaryIO | None = None,
    *,
    interface: str | None = None,
    deadline: float | None = None,
) -> Capture:
    """A capture by its path, or ``-`` for ``stdin``; packed with gzip, zstd, xz or bzip2 too.

    ``interface``: packets of this one alone, by its name or its number in the file. ``deadline``: a
    ``time.monotonic`` moment after which no more is read.
    """
    from halftrack.formats.pcap.reading import Capture  # noqa: PLC0415  # brings numpy and Polars
    from halftrack.formats.sources import source  # noqa: PLC0415  # likewise

    return Capture(source(name, stdin, most_bytes=_MOST_BYTES, deadline=deadline), interface)
