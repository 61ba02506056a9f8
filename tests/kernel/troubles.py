"""Troubles that are foretold, in compressed time: tables as they would be, and their settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink
from kernel.arrivals import ONE_SIDED, PORT, SERVER
from kernel.inject import End, Entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel.scratch import Netns

WITHIN: Final = 0.05
SETTLE_S: Final = 1.0
ONE_WAY: Final = uapi.IPS_CONFIRMED
ANSWERED: Final = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED


@dataclass(frozen=True, slots=True)
class Trouble:
    """``settings``: before; ``per_s``: new entries a second in compressed time; ``lifetime_s``: of each."""

    words: str
    settings: dict[str, int]
    lifetime_s: int
    compressed: int
    per_s: int
    segments: Sequence[tuple[bool, int]] = ONE_SIDED
    state: int = uapi.TCP_CONNTRACK_ESTABLISHED
    status: int = ONE_WAY

    @property
    def entries(self) -> int:
        return self.per_s * self.lifetime_s // self.compressed


DAYS: Final = {"tcp_timeout_unacknowledged": 432_000, "tcp_timeout_max_retrans": 432_000}
POINT_S: Final = 21_600
"""The point of a plan at which the whole table is compared: six hours."""


def history(trouble: Trouble, left_s: np.ndarray) -> Entries:
    """Entries with these seconds left."""
    count = len(left_s)
    clients = np.arange(count, dtype=np.uint32) + np.uint32(0xC6120000)
    server = np.full(count, int.from_bytes(SERVER), dtype=np.uint32)
    ends = (End(server, clients, PORT, 50_001), End(clients, server, 50_001, PORT))
    if trouble.status == ANSWERED:
        ends = (ends[1], ends[0])
    return Entries(*ends, count=count, timeout=left_s, state=trouble.state, status=trouble.status)


def set_all(netns: Netns, settings: dict[str, int], compressed: int = 1) -> None:
    for name, value in settings.items():
        netns.sysctl(f"nf_conntrack_{name}", value // compressed if "timeout" in name else value)


def size(netns: Netns) -> int:
    return len(ctnetlink.dump(netns_path=netns.path).flows)
