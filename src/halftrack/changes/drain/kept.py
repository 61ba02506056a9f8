"""What is drained, on disk before it is drained: a file that ``conntrack -R`` puts in again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Self

from halftrack.changes.writes.files import sync_directory
from halftrack.errors import OutputFailed
from halftrack.evidence.flows import FlowTable
from halftrack.formats import save_lines

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import polars as pl

FILE: Final = "drained.conntrack"
"""In the directory of the change."""


class Kept:
    """A new file for root alone. Raises OutputFailed where it cannot be made or written."""

    def __init__(self, path: Path, opaque: pl.Series) -> None:
        self.path = path
        self._opaque = opaque
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            sync_directory(path.parent)
        except OSError as error:
            raise self._failed(error) from error

    def add(self, entries: pl.DataFrame) -> None:
        """Entries as they are now; on disk when this returns."""
        try:
            for text in save_lines.text(FlowTable(entries, self._opaque)):
                left = memoryview(text)
                while left:
                    left = left[os.write(self._fd, left) :]
            os.fdatasync(self._fd)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> OutputFailed:
        return OutputFailed(f"{self.path} could not be written: {error.strerror}; nothing more was drained")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
