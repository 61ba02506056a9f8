"""A word on stderr where a terminal waits for more than a second."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.commands.options import Options

_PATIENCE_S: Final = 1.0


@contextlib.contextmanager
def progress(doing: str, options: Options) -> Iterator[None]:
    """While the body runs, ``doing`` and the seconds so far; nothing of it stays on the screen."""
    if options.quiet or not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    begun = time.monotonic()

    def tell() -> None:
        told = False
        while not done.wait(_PATIENCE_S):
            told = True
            with contextlib.suppress(OSError):
                sys.stderr.write(f"\r{doing}, {time.monotonic() - begun:.0f} s ")
                sys.stderr.flush()
        if told:
            with contextlib.suppress(OSError):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()

    teller = threading.Thread(target=tell, name="progress", daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join(_PATIENCE_S)
