"""What may differ from one run of a scenario to the next, while it shows the same trouble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from halftrack.evidence.uapi import AF_INET, AF_INET6

NETWORKS: Final = 200
"""Labs at once whose addresses differ."""
BESIDE: Final = 443
"""Port of the healthy traffic beside the trouble."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """``founded``: one-sided entries stay for five days, as on the founding kernel.

    ``port``: the service's, not ``BESIDE``. ``load``: how many times as many connections as the scenario
    has by itself, above 0. ``background``: healthy connections that talk on meanwhile. ``network``: which
    of ``NETWORKS`` addresses the server has; two labs at once need two. ``counting``, ``stamping``: whether
    the router counts packets and stamps entries, as a kernel does when it is told to. ``seconds``: how long
    the trouble may take to come about.
    """

    ipv6: bool = False
    founded: bool = False
    port: int = 80
    load: float = 1.0
    background: int = 0
    network: int = 0
    counting: bool = True
    stamping: bool = False
    seconds: float = 60.0

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""
        return AF_INET6 if self.ipv6 else AF_INET

    def many(self, usual: int) -> int:
        """So many as there are to be of what the scenario has ``usual`` of, at least one."""
        return max(1, round(usual * self.load))
