"""The journal of a change: records that are on disk before what they announce is done.

One directory a change, one JSON object a line. What a crash left half written is the last line,
and says nothing: what it would have announced was not done.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Self

import msgspec

from halftrack.changes import folding, places
from halftrack.changes.records import Record
from halftrack.changes.writes.files import sync_directory
from halftrack.errors import OutputFailed, PermissionMissing, UnreadableInput, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from halftrack.changes.folding import Folded

FILE = "journal.jsonl"
_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


class Journal:
    """Of one change; whoever appends holds the lock."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.directory = places.state() / str(number)
        self.path = self.directory / FILE

    @classmethod
    def new(cls) -> Self:
        """The next number's, with nothing in it. Raises OutputFailed, PermissionMissing."""
        changes = places.state()
        with _explained(changes):
            _make_private(changes)
            number = max(numbers(), default=0) + 1
            made = cls(number)
            made.directory.mkdir(mode=0o700)
            sync_directory(changes)
            os.close(os.open(made.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            sync_directory(made.directory)
        return made

    def append(self, record: Record) -> None:
        """On disk when this returns; where it raises OutputFailed or PermissionMissing, nothing was added."""
        line = msgspec.json.encode(record) + b"\n"
        with _explained(self.path):
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                _append(fd, line)
            finally:
                os.close(fd)

    def records(self) -> list[Record]:
        """Raises UnreadableInput where it is no file, or a line but the last cannot be understood."""
        with _explained(self.path):
            lines = _content(self.path).split(b"\n")
        found: list[Record] = []
        for place, line in enumerate(lines[:-1], 1):
            try:
                found.append(_DECODER.decode(line))
            except (msgspec.DecodeError, RecursionError) as error:
                raise UnreadableInput(f"{self.path}:{place}: {error}") from error
        return found

    def discard(self) -> None:
        """Remove it: of a change that never began."""
        with _explained(self.path):
            self.path.unlink(missing_ok=True)
            self.directory.rmdir()

    def folded(self) -> Folded:
        """What the change has come to. Raises UnreadableInput."""
        return folding.fold(self.records())


def numbers() -> list[int]:
    """Of all changes, in the order in which they were begun. Raises PermissionMissing, OutputFailed."""
    with _explained(places.state()), contextlib.suppress(FileNotFoundError):
        _refuse_strangers(places.state())
        return sorted(int(one.name) for one in places.state().iterdir() if one.name.isdecimal())
    return []


def every(damaged: list[str] | None = None) -> Iterator[tuple[Journal, Folded]]:
    """All changes that ever began, the newest first. Raises UnreadableInput, PermissionMissing.

    ``damaged``: takes a line on each that cannot be read, so that it keeps nobody from the others.
    """
    for number in reversed(numbers()):
        journal = Journal(number)
        try:
            found = journal.records() if journal.path.exists() else []
            folded = folding.fold(found) if found else None
        except UnreadableInput as error:
            told = f"change {number} cannot be read ({error}): what is left of it is in {journal.directory}"
            if damaged is None:
                raise UnreadableInput(f"{told}; moved away, it is forgotten") from error
            damaged.append(told)
            continue
        if folded is not None:
            yield journal, folded


def find(number: int) -> tuple[Journal, Folded]:
    """Raises UsageError where there is no such change."""
    numbers()  # whether the journals are to be believed at all
    journal = Journal(number)
    with _explained(journal.path):
        there = journal.path.exists() and (journal.path.stat().st_size > 0 or not journal.path.is_file())
    if not there:
        raise UsageError(f"there is no change {number}; halftrack changes lists them")
    return journal, journal.folded()


def _content(path: Path) -> bytes:
    """Raises UnreadableInput for what is no plain file: a pipe would wait for a writer, without an end."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UnreadableInput(f"{path} is no plain file")
    with open(fd, "rb") as file:  # noqa: PTH123  # of a descriptor
        return file.read()


def _append(fd: int, line: bytes) -> None:
    end = _end(fd)
    try:
        written = 0
        while written < len(line):
            written += os.pwrite(fd, line[written:], end + written)
        os.fsync(fd)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(fd, end)
        raise


def _end(fd: int) -> int:
    """Where the last whole line ends; what a crash left behind it is cut off."""
    size = os.fstat(fd).st_size
    end = os.pread(fd, size, 0).rfind(b"\n") + 1
    if end != size:
        os.ftruncate(fd, end)
    return end


def _refuse_strangers(changes: Path) -> None:
    """Raise PermissionMissing where others may write: an undo would put back what they say was there."""
    found = changes.stat()
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionMissing(f"{changes} can be written by others than root: what it says is not believed")


def _make_private(changes: Path) -> None:
    if not changes.is_dir():
        changes.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        changes.mkdir(mode=0o700, exist_ok=True)
        sync_directory(changes.parent)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise PermissionMissing(
            f"{path} is not for us: it takes root (HALFTRACK_STATE_DIR names another)"
        ) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OutputFailed(f"{path}: {error.strerror}") from error
