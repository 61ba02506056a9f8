"""A word on stderr where a terminal waits for more than a second."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from halftrack.commands.options import Options

_PATIENCE_S: Final = 1.0
_BAR: Final = 30


@contextlib.contextmanager
def progress(doing: str | Callable[[], str], options: Options) -> Iterator[None]:
    """While the body runs, ``doing`` and the seconds so far; nothing of it stays on the screen.

    ``doing`` may be asked anew each time, for how far it is.
    """
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
                said = doing if isinstance(doing, str) else doing()
                sys.stderr.write(f"\r{said}, {time.monotonic() - begun:.0f} s ")
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


class Bar:
    """Of so many things, how many are done: one line on stderr where that is a terminal."""

    def __init__(self, doing: str, total: int, options: Options) -> None:
        self._doing = doing
        self._total = max(total, 1)
        self._shown = not options.quiet and sys.stderr.isatty()
        self._begun = time.monotonic()

    def show(self, done: int) -> None:
        """So many are done now."""
        if not self._shown:
            return
        filled = "#" * (_BAR * done // self._total)
        took = time.monotonic() - self._begun
        with contextlib.suppress(OSError):
            sys.stderr.write(f"\r{self._doing} [{filled:<{_BAR}}] {done:,}/{self._total:,}  {took:.0f} s ")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            with contextlib.suppress(OSError):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
