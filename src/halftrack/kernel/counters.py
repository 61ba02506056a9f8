"""Per-CPU statistics: ``/proc/net/stat/nf_conntrack``, readable by everybody.

One header and one line of hexadecimal numbers per possible CPU. The columns differ between
kernels and are told by the header's names. ``entries`` is the namespace's count and stands on
every line again; all other columns are per CPU, 32 bits wide, and wrap
(net/netfilter/nf_conntrack_standalone.c, ct_cpu_seq_show).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import Counters
from halftrack.kernel import files

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Final = ("stat/nf_conntrack", "stat/ip_conntrack")
_MOST_BYTES: Final = 8 << 20
_WRAP: Final = 1 << 32
_DECIMAL: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reading:
    """``per_cpu``: name to one number per CPU; ``at_s``: monotonic."""

    at_s: float
    per_cpu: Mapping[str, tuple[int, ...]]

    @property
    def entries(self) -> int | None:
        """The table's count as the statistics tell it."""
        column = self.per_cpu.get("entries")
        return column[0] if column else None

    def counters(self) -> Counters:
        return Counters(self.at_s, {name: _total(name, column) for name, column in self.per_cpu.items()})

    def counters_after(self, first: Reading) -> Counters:
        """This reading so that subtracting ``first.counters()`` is right even where a CPU wrapped."""
        values: dict[str, int] = {}
        for name, column in self.per_cpu.items():
            before = first.per_cpu.get(name)
            if name == "entries" or before is None or len(before) != len(column):
                values[name] = _total(name, column)
            else:
                steps = ((now - then) % _WRAP for then, now in zip(before, column, strict=True))
                values[name] = _total(name, before) + sum(steps)
        return Counters(self.at_s, values)


def read(net: Path = Path("/proc/net")) -> Reading | None:
    """The statistics below a ``/proc/PID/net`` directory; None where there are none."""
    for name in _NAMES:
        reading = parse(files.text(net / name, _MOST_BYTES) or "")
        if reading is not None:
            return reading
    return None


def parse(text: str) -> Reading | None:
    """A reading from the file's text, taken now; None where no line has numbers for the header."""
    header, *lines = text.splitlines() or [""]
    names = header.split()
    rows: list[list[int]] = []
    for line in lines:
        try:
            numbers = [int(word, 16) for word in line.split()]
        except ValueError:
            continue
        if names and len(numbers) >= len(names):
            rows.append(numbers)
    if not rows:
        return None
    return Reading(time.monotonic(), {name: tuple(row[i] for row in rows) for i, name in enumerate(names)})


def parse_shown(text: str) -> Reading | None:
    """Likewise from what ``conntrack -S`` prints: ``cpu=0 found=1 invalid=2 …`` for each CPU."""
    rows = []
    for line in text.splitlines():
        pairs = [word.partition("=") for word in line.split()]
        if pairs and pairs[0][0] == "cpu" and all(_DECIMAL.fullmatch(value) for _, _, value in pairs):
            rows.append({name: int(value) for name, _, value in pairs[1:]})
    names = [name for name in rows[0] if all(name in row for row in rows)] if rows else []
    if not names:
        return None
    return Reading(time.monotonic(), {name: tuple(row[name] for row in rows) for name in names})


def _total(name: str, column: tuple[int, ...]) -> int:
    return column[0] if name == "entries" else sum(column)
