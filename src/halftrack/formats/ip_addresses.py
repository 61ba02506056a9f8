"""Addresses of interfaces as ip(8) shows them: ``ip -o address``, or without ``-o``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.values import LocalAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEVICE: Final = re.compile(r"\d{1,9}: (?P<device>[^\s:@]{1,64})[@:].*")
_ADDRESS: Final = re.compile(
    r"\d{1,9}: (?P<device>\S{1,64})\s+inet6? (?P<address>[0-9a-fA-F.:]{2,45})"
    r"(?: peer [0-9a-fA-F.:]{2,45})?/(?P<prefix>\d{1,3})\s.*"
)


def parse(text: str) -> Iterator[LocalAddress]:
    """Without ``-o`` the interface stands above."""
    device = ""
    for line in text.splitlines():
        above = _DEVICE.fullmatch(line)
        if above is not None:
            device = above["device"]
        found = _ADDRESS.fullmatch(f"0: {device} {line}" if line[:1].isspace() and device else line)
        if found is not None:
            yield LocalAddress(found["address"], int(found["prefix"]), escaped(found["device"]))
