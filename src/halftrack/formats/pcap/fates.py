"""What becomes of each packet of a block while its headers are read: it goes on, or why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from halftrack.evidence import packets

if TYPE_CHECKING:
    from halftrack.formats.pcap.fields import Flags, Places

Fates: TypeAlias = npt.NDArray[np.int8]

GOOD: Final = 0
_REASONS: Final = tuple(packets.REASONS)
OTHER_INTERFACE: Final = 1 + _REASONS.index(packets.OTHER_INTERFACE)
NOT_IP: Final = 1 + _REASONS.index(packets.NOT_IP)
LINK_UNKNOWN: Final = 1 + _REASONS.index(packets.LINK_UNKNOWN)
NO_TIME: Final = 1 + _REASONS.index(packets.NO_TIME)
CUT: Final = 1 + _REASONS.index(packets.CUT)
MALFORMED: Final = 1 + _REASONS.index(packets.MALFORMED)
FRAGMENT: Final = 1 + _REASONS.index(packets.FRAGMENT)
NO_TRANSPORT: Final = 1 + _REASONS.index(packets.NO_TRANSPORT)


def doom(fates: Fates, rows: Places, where: Flags, fate: int) -> None:
    """Give those of ``rows`` for which ``where`` holds a fate, unless they have one."""
    lost = rows[where]
    fates[lost[fates[lost] == GOOD]] = fate


def tell(fates: Fates, tally: packets.Tally) -> None:
    """Count what was skipped; fragments are counted once it is known what became of their datagrams."""
    for fate, count in enumerate(np.bincount(fates, minlength=1 + len(_REASONS)).tolist()):
        if fate not in (GOOD, FRAGMENT):
            tally.skip(_REASONS[fate - 1], count)
