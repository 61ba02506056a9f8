"""What files say about the node as a whole, whatever stands at their paths."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar

from halftrack.evidence.values import Firewall, Gap
from halftrack.kernel import firewall, slab, sysctl_files, vz_rates
from halftrack.live.aside import later

if TYPE_CHECKING:
    from concurrent.futures import Future

    from halftrack.evidence.shaping import RateSetting
    from halftrack.evidence.sysctls import SysctlLine

S = TypeVar("S")
T = TypeVar("T")

_ROOT: Final = Path("/")
_LATE: Final = "they were not read in time: is a mount not served?"


@dataclass(frozen=True, slots=True)
class Read:
    """``lines`` None: not known."""

    firewall: Firewall
    lines: tuple[SysctlLine, ...] | None
    entry_bytes: int | None
    rates: tuple[RateSetting, ...]
    late: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What files or the kernel say about the node as a whole, on its way: each by itself.

    A file may lie on a mount that nobody serves any more, and reading it take for ever.
    """

    firewall: Future[Firewall]
    lines: Future[tuple[SysctlLine, ...]]
    entry_bytes: Future[int | None]
    rates: Future[tuple[RateSetting, ...]]

    @classmethod
    def begun(cls) -> Self:
        return cls(
            later(firewall.detect, _ROOT),
            later(sysctl_files.read, _ROOT),
            later(slab.entry_bytes, _ROOT),
            later(vz_rates.read, _ROOT),
        )

    def within(self, seconds: float) -> Read:
        """What was read by then; what was not is a gap."""
        give_up = time.monotonic() + seconds
        late: list[Gap] = []

        def left() -> float:
            return max(give_up - time.monotonic(), 0)

        return Read(
            _within(
                left(), late, self.firewall, Firewall(), "files that tell who writes rules and settings here"
            ),
            _within(left(), late, self.lines, None, "settings in the files of sysctl.d"),
            _within(left(), late, self.entry_bytes, None, "memory of an entry"),
            _within(left(), late, self.rates, (), "rates in the configuration of containers", "shaping"),
            tuple(late),
        )


def _within(
    seconds: float, late: list[Gap], future: Future[T], otherwise: S, what: str, *would_tell: str
) -> T | S:
    try:
        return future.result(seconds)
    except Late:
        late.append(Gap(what, _LATE, (), would_tell))
        return otherwise
