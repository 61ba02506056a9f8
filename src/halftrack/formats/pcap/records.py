"""What captures of either format come to: packets as they lie in a block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from halftrack.formats.pcap.fields import Fields, Flags, Places

MOST_BYTES: Final = 16 << 20
"""Of one packet. No tool captures a quarter of this, and what is longer would have to be held whole."""
NO_INTERFACE: Final = -1
UNTOLD: Final = -1
"""Of which way a packet went; otherwise it is 1 for out and 0 for in."""
UNKNOWN_LINK: Final = -1
NEVER: Final = np.iinfo(np.int64).min
"""In place of a time that a packet does not have."""
_PACKET_OUTGOING: Final = 4


@dataclass(frozen=True, slots=True)
class Records:
    """Packets of a block, in the order of the file; arrays of one length.

    ``start``, ``end``: where the captured bytes lie. ``wire``: how many there were to capture. ``at_ns``:
    since 1970, or ``NEVER``. ``link``: LINKTYPE_*, or ``UNKNOWN_LINK``. ``interface``: its number, or
    ``NO_INTERFACE``. ``outgoing``: 1, 0 or ``UNTOLD``. ``called``: of an interface of the name that is
    looked for.
    """

    fields: Fields
    start: Places
    end: Places
    wire: Places
    at_ns: Places
    link: Places
    interface: Places
    outgoing: Places
    called: Flags

    def __len__(self) -> int:
        return len(self.start)

    def parts(self, most: int) -> Iterator[Records]:
        """The same in pieces of at most so many packets."""
        for at in range(0, len(self), most):
            here = slice(at, at + most)
            yield replace(
                self,
                start=self.start[here],
                end=self.end[here],
                wire=self.wire[here],
                at_ns=self.at_ns[here],
                link=self.link[here],
                interface=self.interface[here],
                outgoing=self.outgoing[here],
                called=self.called[here],
            )


def ways(packet_type: Places) -> Places:
    """Which way packets went, by what Linux calls their type (``uapi/linux/if_packet.h``)."""
    return np.where(packet_type == _PACKET_OUTGOING, 1, np.where(packet_type > _PACKET_OUTGOING, UNTOLD, 0))


class Walker(Protocol):
    """A format's way through a file that comes in blocks.

    ``damage``: why what follows cannot be read, once that is so, or None. ``lost``: packets that the file
    says were not captured. ``names``: of the first few interfaces.
    """

    damage: str | None

    @property
    def lost(self) -> int: ...

    @property
    def names(self) -> Collection[str]: ...

    def walk(self, data: bytes, size: int) -> tuple[Records, int]:
        """The packets that are whole in ``data[:size]``, and how many bytes are done with.

        ``data`` is padded. More than ``size`` bytes are done with where what comes is to be passed over.
        """
        ...
