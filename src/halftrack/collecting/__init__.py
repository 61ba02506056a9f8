"""The script that collects evidence where nothing may be installed.

collect.sh    all of it
mask.sh       what is put before its end where it is to mask what it sends; it holds mask.awk and check.awk
"""

from __future__ import annotations

import shlex
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_END: Final = "\nif [ -t 1 ]; then "
"""Where it begins to act; functions of ours go before it."""


def script(plain: Iterable[str] | None = None) -> bytes:
    """``plain``: words that are nobody's names, for a script that masks; None: for one that does not."""
    whole = _text("collect.sh")
    if plain is None:
        return whole.encode()
    functions, end, action = whole.partition(_END)
    values = {"MASK": _text("mask.awk"), "CHECK": _text("check.awk"), "PLAIN": " ".join(sorted(plain))}
    quoted = "\n".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return f"{functions}{_text('mask.sh')}\n{quoted}{end}{action}".encode()


def _text(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
