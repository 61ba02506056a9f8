"""A leak as whatif is asked about it, in compressed time: its settings, and its entries."""

from __future__ import annotations

from typing import Final

import numpy as np

from halftrack.evidence import uapi
from kernel.arrivals import PORT, SERVER
from kernel.inject import End, Entries
from kernel.troubles import ONE_WAY

COMPRESSED: Final = 1_000
LIFETIME_S: Final = 40
"""Compressed: how long an entry lives today."""
TODAY: Final = {
    "tcp_timeout_established": LIFETIME_S * COMPRESSED,
    "tcp_timeout_unacknowledged": 432_000,
    "tcp_timeout_max_retrans": 432_000,
    "tcp_loose": 1,
}


def leaked(left_s: np.ndarray, first: int = 0) -> Entries:
    """Entries that the server's late packets made, each with so much left."""
    count = len(left_s)
    clients = (np.arange(count) + first + 0xC6130000).astype(np.uint32)
    server = np.full(count, int.from_bytes(SERVER), dtype=np.uint32)
    ends = End(server, clients, PORT, 50_001), End(clients, server, 50_001, PORT)
    timeout = left_s.astype(np.uint32)
    return Entries(*ends, count=count, timeout=timeout, state=uapi.TCP_CONNTRACK_ESTABLISHED, status=ONE_WAY)
