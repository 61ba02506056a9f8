"""A private directory for what was sent, which is gone with whoever reads it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def private() -> Iterator[Path]:
    """A directory that nobody else may enter, removed with all in it, also by a signal that ends us."""
    made: list[str] = []

    def remove() -> None:
        for place in made:
            shutil.rmtree(place, ignore_errors=True)

    with _before_the_end(remove), tempfile.TemporaryDirectory(prefix="halftrack-") as place:
        made.append(place)
        yield Path(place)


@contextmanager
def _before_the_end(tidy: Callable[[], None]) -> Iterator[None]:
    """Signals do what they did before, after that; in the first thread, which alone may handle them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in _ENDING}

    def end(number: int, frame: FrameType | None) -> None:
        tidy()
        previous = before[signal.Signals(number)]
        if callable(previous):
            previous(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    changed = [one for one, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for one in changed:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one in changed:
            signal.signal(one, before[one])
