"""Scans one after the other, each in a process of its own, and what the last one said.

They begin by the clock and never because somebody asks, so that they cannot queue up. One that takes long is
followed by a rest as long as itself: looking takes half of the time at most.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.serving.child import Child, said

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES: Final = 1 << 20
"""Of what one scan may say."""
_LIMIT_S: Final = 600.0
"""After which a scan is taken to hang, and ended."""
_LOOK_S: Final = 0.05
_PART: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Scan:
    """One that is over and began at ``began_s`` (monotonic). ``text`` None: it failed, ``why`` says how."""

    began_s: float
    text: bytes | None
    why: str = ""

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.began_s


class Scans:
    """``work`` gives the text of one scan, ``why`` the words for what it raises instead.

    ``last``: None before the first one is over.
    """

    def __init__(
        self,
        work: Callable[[], bytes],
        why: Callable[[BaseException], str],
        every_s: float,
        limit_s: float = _LIMIT_S,
    ) -> None:
        self._work = work
        self._why = why
        self._every_s = every_s
        self._limit_s = limit_s
        self.last: Scan | None = None

    async def run(self) -> None:
        """Scan until cancelled; a scan under way is ended then."""
        while True:
            began = time.monotonic()
            self.last = Scan(began, *await self._one())
            took = time.monotonic() - began
            await asyncio.sleep(max(self._every_s - took, took))

    async def _one(self) -> tuple[bytes | None, str]:
        gc.freeze()  # what is here by now need not be looked at, and thereby copied, in each of them
        try:
            child = Child(self._work, self._why)
        except OSError:
            return None, "no memory or threads for a scan"
        try:
            async with asyncio.timeout(self._limit_s):
                told = await _read(child.pipe)
                while not child.over():  # noqa: ASYNC110  # moments after its pipe, if at all
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            return None, "scan took too long"
        finally:
            child.kill()
        return said(told) if child.code == 0 else (None, "scan crashed")


async def _read(pipe: int) -> bytes:
    """All that comes out of it, up to a bound."""
    told = bytearray()
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pipe, ready.set)
    try:
        while len(told) < MOST_BYTES:
            await ready.wait()
            ready.clear()
            try:
                part = os.read(pipe, _PART)
            except BlockingIOError:
                continue
            if not part:
                break
            told += part
    finally:
        loop.remove_reader(pipe)
    return bytes(told)
