"""Work that goes on beside everything else."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def later(work: Callable[..., T], *words: object) -> Future[T]:
    """Begin ``work`` in a thread that does not keep the process from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work(*words))
        except BaseException as error:  # noqa: BLE001  # raised again by whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, name=work.__name__, daemon=True).start()
    return future
