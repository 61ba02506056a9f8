"""One piece of work at a time in a thread of its own, while the next one is made ready."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")


class Behind(Generic[T]):
    """``taken`` is handed what each piece came to, by whoever asks for the next one or waits."""

    def __init__(self, taken: Callable[[T], None]) -> None:
        self._taken = taken
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[T] | None = None

    def do(self, work: Callable[[], T]) -> None:
        """Begin it, once the last one is done. Raises what the last one raised."""
        self.wait()
        self._last = self._pool.submit(work)

    def wait(self) -> None:
        """Until nothing is under way. Raises what the last piece raised."""
        last, self._last = self._last, None
        if last is not None:
            self._taken(last.result())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.wait()
        finally:
            self._pool.shutdown()
