"""Signals that ask us to stop, heard between two writes and never within one."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopping:
    """``asked``: whether Ctrl-C, SIGTERM or the loss of the terminal came while it was entered.

    In another thread than the first, which alone may handle signals, it hears nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, object] = {}

    def check(self) -> None:
        """Raise KeyboardInterrupt where somebody has asked."""
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, _: int, __: FrameType | None) -> None:
        self.asked = True

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._ask) for one in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)  # type: ignore[arg-type]  # what signal.signal has returned
