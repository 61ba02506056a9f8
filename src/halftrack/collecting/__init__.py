"""The script that collects evidence where nothing may be installed.

script/       all of it, in parts that are joined when it is printed
mask.sh       what is put before its last part where it is to mask what it sends; it calls two awk programs:
mask/         the mask, in parts likewise
check.awk     what stops at an address that the mask has left
"""

from __future__ import annotations

import shlex
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCRIPT: Final = (
    "base",
    "sections",
    "inside",
    "spaces",
    "node",
    "owners",
    "log",
    "main",
    "output",
)
_START: Final = "start"
"""Where it begins to act; functions of ours go before it."""
_MASK: Final = ("main", "sections", "text", "mac", "ipv4", "ipv6", "networks", "names", "chosen")


def script(plain: Iterable[str] | None = None) -> bytes:
    """``plain``: words that are nobody's names, for a script that masks; None: for one that does not."""
    parts = [_text("script", f"{name}.sh") for name in _SCRIPT]
    if plain is not None:
        values = {"MASK": mask(), "CHECK": check(), "PLAIN": " ".join(sorted(plain))}
        parts.append(_text("mask.sh"))
        parts += (f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return "\n".join([*parts, _text("script", f"{_START}.sh")]).encode()


def mask() -> str:
    """The program of awk that masks."""
    return "\n".join(_text("mask", f"{name}.awk") for name in _MASK)


def check() -> str:
    """The one that stops at what it left."""
    return _text("check.awk")


def _text(*path: str) -> str:
    return files(__name__).joinpath(*path).read_text(encoding="utf-8")
