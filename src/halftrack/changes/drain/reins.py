"""What an operator can do to a drain under way: pause it, stop it, hold it to a rate.

Ctrl-Z (SIGTSTP) pauses and ``fg`` (SIGCONT) goes on, Ctrl-C (SIGINT), SIGTERM and SIGHUP stop. All
of them take effect between two batches: what was read is never old when it is acted on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from halftrack.changes.stopping import SIGNALS

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_STEP_S: Final = 0.05


class Reins:
    """Handles the signals while it is entered; in another thread than the first it only keeps the rate.

    ``rate``: entries a second, None for as fast as it goes.
    """

    def __init__(self, rate: int | None = None) -> None:
        self.stopped = False
        self._rate = rate
        self._pausing = False
        self._before: dict[signal.Signals, object] = {}
        self._due = time.monotonic()

    def border(self, entries: int = 0) -> bool:
        """Between two batches, the last of so many entries: wait as long as has to be; whether to go on."""
        if self._rate is not None:
            self._due = max(self._due, time.monotonic() - _STEP_S) + entries / self._rate
            while not self.stopped and (left := self._due - time.monotonic()) > 0:
                self._pause()
                time.sleep(min(left, _STEP_S))
        self._pause()
        return not self.stopped

    def wait(self, seconds: float) -> None:
        """Let time pass; less of it where somebody stops us."""
        until = time.monotonic() + seconds
        while not self.stopped and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _STEP_S))

    def _pause(self) -> None:
        if self._pausing:
            self._pausing = False
            os.kill(os.getpid(), signal.SIGSTOP)
            self._due = time.monotonic()

    def _stop(self, _: int, __: FrameType | None) -> None:
        self.stopped = True

    def _pause_next(self, _: int, __: FrameType | None) -> None:
        self._pausing = True

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            handlers = dict.fromkeys(SIGNALS, self._stop) | {signal.SIGTSTP: self._pause_next}
            for number, handler in handlers.items():
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            with contextlib.suppress(TypeError, ValueError):
                signal.signal(number, handler)  # type: ignore[arg-type]  # as signal() gave it
        self._before.clear()
