"""The table through ``/proc/net/nf_conntrack``, where ctnetlink is not to be had.

Until 6.14 the kernel walks the table anew for every page of that file, so reading it is
quadratic: it is read in bounded time, and large ones only where there is no other way.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, BinaryIO, Final

from halftrack.kernel import files, survey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES: Final = ("nf_conntrack", "ip_conntrack")
MOST_ENTRIES: Final = 50_000
"""Above this the file is not touched on kernels that have ctnetlink."""
_MOST_SECONDS: Final = 60.0

_CHUNK: Final = 1 << 20


class Chunks:
    """An open file's bytes, until its end or the deadline; ``cut`` tells afterwards which came first."""

    def __init__(self, file: BinaryIO, deadline: float | None) -> None:
        self._file = file
        give_up = time.monotonic() + _MOST_SECONDS
        self._deadline = give_up if deadline is None else min(deadline, give_up)
        self.cut = False

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(_CHUNK):
            yield chunk
            if time.monotonic() > self._deadline:
                self.cut = True
                return


def open_here() -> BinaryIO:
    """The table of the calling thread's namespace, whichever thread reads on. Raises OSError."""
    return open_in(survey.net_directory())


def open_in(net: Path) -> BinaryIO:
    """The table below a ``/proc/PID/net`` directory. Raises OSError."""
    for name in NAMES[:-1]:
        try:
            return _opened(net / name)
        except FileNotFoundError:
            continue
    return _opened(net / NAMES[-1])


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(files.open_regular(path), "rb")
