"""``halftrack export --listen``: pages over HTTP about the last scan, until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any, Final

from halftrack import __version__
from halftrack.commands import output, scanning
from halftrack.errors import INTERRUPTED
from halftrack.reporters import prometheus
from halftrack.serving.http import Page, Server
from halftrack.serving.scans import Scans

if TYPE_CHECKING:
    import socket

    from halftrack.commands.options import Options

_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PATIENCE_S: Final = 2.0
"""How long who is being answered may go on when we are to end."""
_MOST_TROUBLES: Final = 100
_FIRST: Final = "first scan is not over"
_HTML: Final = "text/html; charset=utf-8"


def serve(listener: socket.socket, every_s: float, given: Options) -> int:
    """The exit code: 0 after SIGTERM, INTERRUPTED after SIGINT and SIGHUP.

    Whoever sends SIGHUP may mean that it should begin anew. systemd takes an end by that signal for a wish
    and leaves it at that; by this code it starts the service again.
    """
    ended = asyncio.run(_serve(listener, every_s, given))
    return 0 if ended == signal.SIGTERM else INTERRUPTED


async def _serve(listener: socket.socket, every_s: float, given: Options) -> int:
    scans = Scans(lambda: scanning.told(given), scanning.reason, every_s)
    server = Server(lambda path: page(path, scans))
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_Trouble())
    ending: asyncio.Future[int] = loop.create_future()
    for number in _ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # not below nohup(1)
            loop.add_signal_handler(number, _note, ending, number)
    await server.start(listener)
    scanner = loop.create_task(scans.run())
    await asyncio.wait((ending, scanner), return_when=asyncio.FIRST_COMPLETED)
    if scanner.done():
        scanner.result()  # a bug of ours: it is raised here
    await server.close(_PATIENCE_S)
    scanner.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await scanner
    return ending.result()


class _Trouble:
    """What goes wrong and ends nothing, as too many open files: one line, and each once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        text = f"{context['message']}: {error}" if error else context["message"]
        if text not in self._told and len(self._told) < _MOST_TROUBLES:
            self._told.add(text)
            output.complain(text)


def _note(ending: asyncio.Future[int], number: int) -> None:
    if not ending.done():
        ending.set_result(number)


def page(path: str, scans: Scans) -> Page | None:
    """What is at a path of the server now."""
    if path == "/metrics":
        return Page(metrics(scans), prometheus.CONTENT_TYPE)
    if path == "/healthz":
        return Page(b"ok\n")
    if path == "/":
        return Page(_front(scans), _HTML)
    return None


def metrics(scans: Scans) -> bytes:
    """The last scan's metrics and how old they are; without numbers where it failed."""
    last = scans.last
    if last is None:
        return prometheus.exposition(prometheus.failed(_FIRST))
    body = last.text if last.text is not None else prometheus.exposition(prometheus.failed(last.why))
    return body + prometheus.exposition(prometheus.aged(last.age_s))


def _front(scans: Scans) -> bytes:
    last = scans.last
    if last is None:
        state = _FIRST
    else:
        state = f"{'failed: ' + last.why if last.text is None else 'well'}, {last.age_s:.0f} s ago"
    return (
        "<!DOCTYPE html>\n<html lang=en><title>Halftrack</title>\n<h1>Halftrack</h1>\n"
        f"<p>Version {__version__}. Last scan: {state}.</p>\n"
        '<p><a href="/metrics">Metrics</a>, <a href="/healthz">whether it answers</a></p>\n</html>\n'
    ).encode()
