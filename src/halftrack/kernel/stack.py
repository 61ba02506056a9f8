"""The text of a namespace's TCP and IP counters, readable by everybody; what it says is worked out later."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from halftrack.kernel import files

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Texts:
    """``/proc/net/snmp`` and ``/proc/net/netstat``, those that there are; ``at_s``: monotonic."""

    at_s: float
    texts: tuple[str, ...]


def read(net: Path) -> Texts | None:
    """Those below a ``/proc/PID/net`` directory; None where there are none."""
    found = (files.text(net / name) for name in ("snmp", "netstat"))
    texts = tuple(text for text in found if text)
    return Texts(time.monotonic(), texts) if texts else None
