"""Rates that OpenVZ's and Virtuozzo's configuration gives containers (vz.conf(5), ctid.conf(5)).

What is written is made into queueing disciplines when a container starts; they tell whether it holds.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.shaping import RateSetting
from halftrack.kernel import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SETTINGS: Final = ("TRAFFIC_SHAPING", "RATE", "RATEBOUND", "RATEMPU", "TOTALRATE", "BANDWIDTH")
_LINE: Final = re.compile(r"\s*([A-Z_]{4,16})\s*=\s*[\"']?([^\"'#\n]{1,200}?)[\"']?\s*(?:#.*)?", re.ASCII)
_CONTAINER: Final = re.compile(r"([0-9]{1,10}|[0-9A-Fa-f-]{36})\.conf", re.ASCII)
_MOST_FILES: Final = 2_000
_MOST_BYTES: Final = 64 << 10
_NODE: Final = "0"


def read(root: Path) -> tuple[RateSetting, ...]:
    """Those of the node first; none where there is no such configuration, or shaping is switched off."""
    of_node = list(_of_file(root / "etc/vz/vz.conf", "/etc/vz/vz.conf", None))
    shaping = next((each.value for each in of_node if each.name == "TRAFFIC_SHAPING"), "")
    if shaping.lower() != "yes":
        return ()
    return (*of_node, *_of_containers(root / "etc/vz/conf"))


def _of_containers(directory: Path) -> Iterator[RateSetting]:
    try:
        names = sorted(os.listdir(directory))[:_MOST_FILES]  # noqa: PTH208  # names, without a Path for each
    except OSError:
        return
    for name in names:
        found = _CONTAINER.fullmatch(name)
        if found and found[1] != _NODE:
            yield from _of_file(directory / name, f"/etc/vz/conf/{name}", found[1])


def _of_file(path: Path, shown: str, container: str | None) -> Iterator[RateSetting]:
    for number, line in enumerate((files.text(path, _MOST_BYTES) or "").splitlines(), 1):
        found = _LINE.fullmatch(line)
        if found and found[1] in _SETTINGS:
            yield RateSetting(shown, number, found[1], escaped(found[2].strip(), 100), container)
