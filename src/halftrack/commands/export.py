"""``halftrack export --textfile FILE | --listen [ADDR:PORT]``: scans as metrics for Prometheus."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import durations, options, output
from halftrack.commands.lean import be_lean
from halftrack.errors import UsageError
from halftrack.evidence import literals
from halftrack.serving import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.commands.options import Options

_READABLE: Final = 0o644
"""node_exporter runs as another user."""
_ENDING: Final = ".prom"
_EVERY: Final = "60s"
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@click.command(
    "export",
    help="Scans this node, as doctor does, and tells Prometheus: how full each table is and of what, what is"
    " stuck, whose it is, and when the table is full. At most 120 series, whatever runs here. Reads only."
    " The diagnosis is kept in /run/halftrack/last.json.",
)
@click.option(
    "--textfile",
    "target",
    metavar="FILE",
    help="Scan once and replace FILE, for node_exporter's textfile collector; - for standard output.",
)
@click.option(
    "--listen",
    metavar="[ADDR:PORT]",
    is_flag=False,
    flag_value=addresses.DEFAULT,
    help="Scan again and again, and answer over HTTP: /metrics, /healthz, /."
    f" Without a value: {addresses.DEFAULT}.",
)
@click.option(
    "--every",
    metavar="TIME",
    default=_EVERY,
    show_default=True,
    help="With --listen: from the beginning of one scan to that of the next.",
)
@options.shared("netns", "budget", "quiet")
@click.pass_context
def command(context: click.Context, target: str | None, listen: str | None, every: str) -> int:
    given = options.given(context)
    if (target is None) == (listen is None):
        raise UsageError("export where to? --textfile FILE or --listen [ADDR:PORT]")
    every_s = durations.seconds("--every", every)
    be_lean()
    from halftrack.commands import scanning  # noqa: PLC0415  # --help needs none of it

    scanning.check_options(given)
    if listen is not None:
        return _listen(listen, every_s, given)
    assert target is not None  # noqa: S101  # one of the two
    code = _once(target, given)
    if target != "-" and not Path(target).name.endswith(_ENDING):
        output.message(f"node_exporter reads only files that end in {_ENDING}", given)
    return code


def _listen(where: str, every_s: int, given: Options) -> int:
    from halftrack.commands import serving  # noqa: PLC0415  # asyncio is for this alone

    address, port = addresses.parsed(where)
    with addresses.listening(address, port) as listener:
        output.message(f"http://{literals.end(address, port)}/metrics", given)
        return serving.serve(listener, every_s, given)


def _once(target: str, given: Options) -> int:
    """One scan into the file; what comes of one that fails is there, too: the last numbers are not left."""
    from halftrack.commands import scanning  # noqa: PLC0415  # as above
    from halftrack.reporters import prometheus  # noqa: PLC0415  # likewise

    began = time.monotonic()
    try:
        with _told_to_end():
            text = scanning.metrics(given)
    except scanning.Unkept as error:
        _write(target, error.text, began)
        raise
    except BaseException as error:
        _write(target, prometheus.exposition(prometheus.failed(scanning.reason(error))), None)
        raise
    _write(target, text, began)
    return 0


@contextlib.contextmanager
def _told_to_end() -> Iterator[None]:
    """Signals that would end the process are raised as KeyboardInterrupt; a second one changes nothing."""

    def end(*_: object) -> None:
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.getsignal(one) for one in _SIGNALS}
    for one, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(one, end)
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def _write(target: str, text: bytes, began: float | None) -> None:
    from halftrack.commands.saving import save, tidy  # noqa: PLC0415  # as above
    from halftrack.reporters import prometheus  # noqa: PLC0415  # likewise

    if began is not None:
        text += prometheus.exposition(prometheus.aged(time.monotonic() - began))
    if target == "-":
        output.write(text)
    else:
        tidy(Path(target))
        save(text, Path(target), _READABLE)
