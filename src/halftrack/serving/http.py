"""A small HTTP server: GET and HEAD of a few short pages, in bounded memory and time.

Written on asyncio since the standard library's servers, and what Prometheus' library has on top of them,
start a thread for each connection, without a bound, and wait for a slow request for ever.

A connection is kept for more requests: in a full table there is no room for the entry of another one, and who
has asked before is answered still.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket

LONGEST_REQUEST: Final = 8 * 1024
"""Bytes of a request with its headers; a body is never read."""
REQUEST_S: Final = 5.0
"""In which a request has to be there whole, however slowly it comes."""
ANSWER_S: Final = 10.0
"""In which an answer has to be taken."""
_KEPT_S: Final = 300.0
"""For which a connection that was answered waits for another request: longer than between two scrapes."""
MOST_CONNECTIONS: Final = 32
"""At a time. Whoever comes on top takes the place of who needs it least: asking well takes moments only."""


class _Stage(IntEnum):
    """What a connection is at, those that give way first being first."""

    ASKING = 0
    KEPT = 1
    ANSWERED = 2


@dataclass(frozen=True, slots=True)
class Page:
    body: bytes
    kind: str = "text/plain; charset=utf-8"


Pages = Callable[[str], Page | None]
"""The page at a path, None where there is none."""


_turns: Final = count()


@dataclass(slots=True)
class _Connection:
    """``turn``: when it came to this stage, counted among all of them."""

    transport: asyncio.WriteTransport
    stage: _Stage = _Stage.ASKING
    turn: int = field(default_factory=_turns.__next__)

    def comes_to(self, stage: _Stage) -> None:
        self.stage, self.turn = stage, next(_turns)


class Server:
    """Serves ``pages`` on a listening socket until ``close``."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._open: dict[asyncio.Task[None], _Connection] = {}
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(
            self._connected, sock=listener, limit=LONGEST_REQUEST, backlog=MOST_CONNECTIONS
        )

    async def close(self, patience_s: float) -> None:
        """Take no more connections; let those that are open finish, for so long."""
        if self._server is not None:
            self._server.close()
        for task, connection in self._open.items():
            if connection.stage is _Stage.KEPT:
                task.cancel()
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=patience_s)
            for task in late:
                task.cancel()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MOST_CONNECTIONS:
            least = min(self._open, key=lambda task: (self._open[task].stage, self._open[task].turn))
            self._open.pop(least).transport.abort()  # its task ends by that
        connection = _Connection(writer.transport)
        task = asyncio.get_running_loop().create_task(self._answer(reader, writer, connection))
        self._open[task] = connection
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        patience_s, kept = REQUEST_S, True
        try:
            while kept:
                async with asyncio.timeout(patience_s):
                    request = await _request(reader)
                connection.comes_to(_Stage.ANSWERED)
                kept = _another_may_follow(request)
                async with asyncio.timeout(ANSWER_S):
                    writer.write(self._response(request, kept=kept))
                    await writer.drain()
                connection.comes_to(_Stage.KEPT)
                patience_s = _KEPT_S
            async with asyncio.timeout(ANSWER_S):
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, EOFError):
            pass  # it went away, was too slow, or gave way
        finally:
            with contextlib.suppress(OSError):
                writer.transport.abort()

    def _response(self, request: bytes | None, *, kept: bool) -> bytes:
        if request is None:
            return _written(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        words = request.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _written(HTTPStatus.BAD_REQUEST)
        method, target, _ = words
        if method not in ("GET", "HEAD"):
            return _written(HTTPStatus.METHOD_NOT_ALLOWED, more="Allow: GET, HEAD\r\n")
        page = self._pages(target.partition("?")[0])
        if page is None:
            return _written(HTTPStatus.NOT_FOUND, body=method == "GET", kept=kept)
        return _written(HTTPStatus.OK, page, body=method == "GET", kept=kept)


async def _request(reader: asyncio.StreamReader) -> bytes | None:
    """The request line and its headers; None where they are too long. Raises EOFError where none comes."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return None


def _another_may_follow(request: bytes | None) -> bool:
    """As HTTP/1.1 has it unless told otherwise, but not where something comes that is not read: a body."""
    if request is None:
        return False
    line, *headers = request.lower().split(b"\r\n")
    told = {name.strip(): value for name, _, value in (each.partition(b":") for each in headers)}
    return (
        line.startswith((b"get ", b"head "))
        and line.endswith(b" http/1.1")
        and b"close" not in told.get(b"connection", b"")
        and not told.keys() & {b"content-length", b"transfer-encoding"}
    )


def _written(
    status: HTTPStatus,
    page: Page | None = None,
    *,
    body: bool = True,
    more: str = "",
    kept: bool = False,
) -> bytes:
    shown = page or Page(f"{status.value} {status.phrase}\n".encode())
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {shown.kind}\r\n"
        f"Content-Length: {len(shown.body)}\r\n"
        f"{more}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        f"Connection: {'keep-alive' if kept else 'close'}\r\n\r\n"
    )
    return head.encode("latin-1") + (shown.body if body else b"")
