"""Writing the answer to stdout and messages to stderr."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from halftrack.errors import OutputFailed
from halftrack.evidence.printable import escaped
from halftrack.reporters import plugin

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.commands.options import Options

_COERCED: Final = ("c.utf-8", "c.utf8", "utf-8", "utf8")


def open_missing_streams() -> None:
    """Give a process that was started without stdout or stderr some that lead nowhere.

    An answer that nobody could read is still an error: ``write`` raises it.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # until the process ends
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # likewise
        _closed.append(sys.stdout)


_closed: list[TextIO] = []
"""Standard output, where it was closed from the start."""


def write(data: bytes) -> None:
    """Bytes to stdout. Raises BrokenPipeError where nobody reads on, OutputFailed for all else."""
    try:
        sys.stdout.flush()
        _write_whole(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed(f"the answer could not be written: {error.strerror}") from error


def offer(data: bytes, otherwise: str) -> None:
    """Write what somebody is to decide by. Raises OutputFailed also where nobody reads it.

    ``otherwise``: what was not done then.
    """
    try:
        write(data)
    except BrokenPipeError as error:
        raise OutputFailed(f"nobody reads what would be done: {otherwise}") from error
    except OutputFailed as error:
        raise OutputFailed(f"{error}; {otherwise}") from error


def report(data: bytes) -> None:
    """Write what was done: whether somebody reads it changes nothing of that. Raises OutputFailed."""
    with contextlib.suppress(BrokenPipeError):
        write(data)


def _write_whole(data: bytes) -> None:
    """An unbuffered stream may take a part only; one that never waits may take nothing."""
    if sys.stdout in _closed:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    left = memoryview(data)
    while left:
        written = sys.stdout.buffer.write(left)
        if written is None:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        left = left[written:]


def message(text: str, options: Options) -> None:
    """One line to stderr, unless messages are not wanted. A closed stderr is no trouble."""
    if not options.quiet and not _plugin:
        complain(text)


_plugin: list[bool] = []
"""Not empty: this process is such a plugin, of which standard output alone is read."""


def be_plugin() -> None:
    """From now on what is the matter is said on standard output, as a plugin's answer."""
    _plugin.append(True)


def complain(text: str) -> None:
    """One line to stderr in any case, with our name before it; of a plugin to stdout, with its status."""
    if _plugin:
        with contextlib.suppress(OSError, OutputFailed):
            write(f"{plugin.line(plugin.UNKNOWN, escaped(text))}\n".encode())
        return
    show(f"halftrack: {text}")


def show(text: str) -> None:
    """One line to stderr, without anything that a terminal would obey."""
    try:
        sys.stderr.write(f"{escaped(text)}\n")
        sys.stderr.flush()
    except OSError:
        return


def screen(render: Callable[..., str], shown: object, options: Options, **more: object) -> bytes:
    """What ``render`` makes of it for whoever looks at stdout. ``more``: what only this screen takes."""
    ascii_only = wants_ascii()
    text = render(
        shown,
        width=width(),
        ascii=ascii_only,
        color=_wants_color(options),
        verbose=options.verbose,
        **more,
    )
    return text.encode("ascii" if ascii_only else "utf-8")


def document(value: object, options: Options) -> bytes:
    """As JSON: indented, or on one line where an object a line is wanted."""
    from halftrack.reporters import json  # noqa: PLC0415  # only JSON needs msgspec

    return json.compact(value) if options.jsonl else json.pretty(value)


def program() -> str:
    """How this program can be started once more, as a shell reads it: ``halftrack`` where that is it.

    The file that unpacks itself, and the image, say how they were started (``deploy``).
    """
    if typed := os.environ.get("HALFTRACK_STARTED_AS"):
        runs = "/" not in typed or os.access(typed, os.X_OK)
        return shlex.quote(typed) if runs else f"sh {shlex.quote(typed)}"
    started = Path(sys.argv[0])
    if started.name == "__main__.py":  # python -m halftrack
        started = Path(sys.executable).with_name("halftrack")
    found = shutil.which("halftrack")
    if found is not None and Path(found).resolve() == started.resolve():
        return "halftrack"
    if not started.exists():
        return shlex.join([sys.executable, "-m", "halftrack"])
    return shlex.quote(str(started))


def is_terminal() -> bool:
    """Whether somebody looks at stdout."""
    return sys.stdout.isatty()


def is_looked_at() -> bool:
    """Whether what is written is the last that this session shows: also through a pager, or from a file.

    A job in the background of a terminal (tcgetpgrp(3)) shows its answer to nobody until it is looked up.
    """
    if is_terminal():
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True
    finally:
        os.close(terminal)


def wants_ascii() -> bool:
    """True unless stdout is a terminal in a UTF-8 locale.

    Python makes LC_CTYPE a UTF-8 one where the locale is C (PEP 538), so that variable is not
    believed where it says what Python would have put there.
    """
    if not is_terminal():
        return True
    environment = os.environ
    kind = environment.get("LC_CTYPE", "")
    name = (
        environment.get("LC_ALL")
        or (kind if kind.lower() not in _COERCED else "")
        or environment.get("LANG", "")
    )
    return not name.lower().replace("-", "").endswith("utf8")


def _wants_color(options: Options) -> bool:
    """Colours on a terminal that is not a dumb one, unless somebody said no (no-color.org)."""
    if options.no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in ("", "dumb"):
        return False
    return is_terminal()


def width() -> int:
    """Columns of the terminal, or of ``COLUMNS``; 80 where neither is known."""
    return shutil.get_terminal_size((80, 24)).columns
