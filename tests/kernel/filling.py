"""Tables of a given size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from halftrack.evidence import uapi
from kernel.inject import End, Entries, inject

if TYPE_CHECKING:
    from kernel.scratch import Netns


def fill(netns: Netns, count: int, timeout: int = 4000) -> None:
    """``count`` assured TCP entries."""
    clients = np.arange(count, dtype=np.uint32) + 0x0A000001
    server = np.full(count, 0xC6336407, dtype=np.uint32)
    inject(
        netns.path,
        Entries(
            End(clients, server, 40000, 80),
            End(server, clients, 80, 40000),
            count=count,
            timeout=timeout,
            state=uapi.TCP_CONNTRACK_ESTABLISHED,
            status=uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED,
        ),
    )
