"""The HTTP server: pages for who asks well, bounds for everybody else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.errors import Busy, UsageError
from halftrack.evidence import literals
from halftrack.serving import addresses, http
from halftrack.serving.http import Page, Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PAGES = {"/metrics": Page(b"up 1\n"), "/large": Page(b"x" * (8 << 20))}


def served(ask: Callable[[int], Awaitable[None]]) -> None:
    """Run a conversation with a server at this port."""

    async def run() -> None:
        listener = addresses.listening("127.0.0.1", 0)
        server = Server(PAGES.get)
        await server.start(listener)
        try:
            await ask(listener.getsockname()[1])
        finally:
            await server.close(0)

    asyncio.run(run())


async def said(port: int, request: bytes) -> bytes:
    """What is answered, as far as it comes; empty for who is turned away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        if request.endswith(b"\r\n\r\n"):
            writer.write_eof()  # no other one follows
        return await reader.read()
    except OSError:
        return b""
    finally:
        await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", b"200"),
        (b"GET /metrics?a=b HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /../metrics HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"\x00\xff\r\n\r\n", b"400"),
        (b"GET /metrics SPDY/3\r\n\r\n", b"400"),
    ],
)
def test_what_is_asked_for_and_what_is_not_understood(request_: bytes, status: bytes) -> None:
    async def ask(port: int) -> None:
        answer = await said(port, request_)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split(b" ")[1] == status
        assert f"Content-Length: {len(body)}".encode() in head

    served(ask)


def test_a_connection_is_kept_for_more_requests() -> None:
    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"keep-alive" in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(5) == b"up 1\n"
        await closed(writer)

    served(ask)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /metrics HTTP/1.0\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /metrics HTTP/1.1\r\n\r\n",
    ],
)
def test_a_connection_ends_where_it_should_or_something_comes_that_is_not_read(request_: bytes) -> None:
    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        assert b"Connection: close" in await reader.read()
        await closed(writer)

    served(ask)


def test_who_only_waits_gives_way_to_who_asks() -> None:
    async def ask(port: int) -> None:
        kept = []
        for _ in range(http.MOST_CONNECTIONS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"up 1\n")
            kept.append((reader, writer))
        assert b" 200 " in await said(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        first, _ = kept[0]
        with contextlib.suppress(ConnectionResetError):
            assert await first.read() == b""
        for _, writer in kept:
            await closed(writer)

    served(ask)


def test_head_is_without_its_body() -> None:
    async def ask(port: int) -> None:
        head, _, body = (await said(port, b"HEAD /metrics HTTP/1.1\r\n\r\n")).partition(b"\r\n\r\n")
        assert b"Content-Length: 5" in head
        assert body == b""

    served(ask)


def test_a_request_without_end_is_refused_at_its_bound() -> None:
    async def ask(port: int) -> None:
        answer = await said(port, b"GET /metrics HTTP/1.1\r\nX: " + b"y" * (2 * http.LONGEST_REQUEST))
        assert answer == b"" or answer.split(b" ")[1] == b"431"

    served(ask)


def test_who_sends_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_S", 0.05)

    async def ask(port: int) -> None:
        assert await said(port, b"GET /metr") == b""

    served(ask)


def test_who_takes_no_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_S", 0.05)

    async def ask(port: int) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as slow:
            slow.setblocking(False)  # noqa: FBT003  # the socket's own
            await loop.sock_connect(slow, ("127.0.0.1", port))
            await loop.sock_sendall(slow, b"GET /large HTTP/1.1\r\n\r\n")
            # Nothing is taken until the server has given up; then what is under way ends early.
            while server_holds(port):  # noqa: ASYNC110  # the kernel's word
                await asyncio.sleep(0.01)
            got = 0
            with contextlib.suppress(ConnectionResetError):
                while part := await loop.sock_recv(slow, 1 << 20):
                    got += len(part)
        assert got < len(PAGES["/large"].body)

    served(ask)


def server_holds(port: int) -> bool:
    """Whether the server's end of a connection is established (proc(5), /proc/net/tcp: state 01)."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
    return any(words[1].endswith(f":{port:04X}") and words[3] == "01" for words in lines)


async def idle(port: int, many: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connections whose request never comes to an end."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(many)]
    for _, writer in opened:
        writer.write(b"GET /metr")
    return opened


async def over(reader: asyncio.StreamReader) -> None:
    """Wait until the server has ended it."""
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""


def test_those_whose_request_never_comes_keep_nobody_from_asking() -> None:
    async def ask(port: int) -> None:
        slow = await idle(port, http.MOST_CONNECTIONS)
        for _ in range(3):
            assert b" 200 " in await said(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        await over(slow[0][0])
        for _, writer in slow:
            await closed(writer)

    served(ask)


def test_whoever_was_answered_is_kept_when_those_without_a_request_become_too_many() -> None:
    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"up 1\n")
            slow = await idle(port, 2 * http.MOST_CONNECTIONS)
            for one, _ in slow[: http.MOST_CONNECTIONS]:
                await over(one)
            for _, one in slow:
                await closed(one)
        await closed(writer)

    served(ask)


def test_those_who_take_no_answer_keep_nobody_from_asking() -> None:
    async def ask(port: int) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as opened:
            for _ in range(http.MOST_CONNECTIONS):
                slow = opened.enter_context(socket.socket())
                slow.setblocking(False)  # noqa: FBT003  # the socket's own
                await loop.sock_connect(slow, ("127.0.0.1", port))
                await loop.sock_sendall(slow, b"GET /large HTTP/1.1\r\n\r\n")
            assert b" 200 " in await said(port, b"GET /metrics HTTP/1.1\r\n\r\n")

    served(ask)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9", ("127.0.0.1", 9)),
        ("9", ("127.0.0.1", 9)),
        ("localhost:9", ("127.0.0.1", 9)),
        ("0.0.0.0", ("0.0.0.0", addresses.PORT)),  # noqa: S104  # as somebody writes it
        ("[::1]:9", ("::1", 9)),
        ("[::1]", ("::1", addresses.PORT)),
        ("::1", ("::1", addresses.PORT)),
    ],
)
def test_where_to_listen(text: str, address: tuple[str, int]) -> None:
    assert addresses.parsed(text) == address


def test_where_it_listens_is_shown_as_a_browser_takes_it() -> None:
    assert literals.end("127.0.0.1", 9) == "127.0.0.1:9"
    assert literals.end(*addresses.parsed("::1")) == f"[::1]:{addresses.PORT}"


@pytest.mark.parametrize(
    "text",
    ["", ":9", "a.example:9", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "[::1]9", "[::1", "1:2:x"],
)
def test_what_is_no_address_is_told_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="--listen"):
        addresses.parsed(text)


def test_a_port_in_use_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Busy, match="in use"):
        addresses.listening("127.0.0.1", taken.getsockname()[1])
