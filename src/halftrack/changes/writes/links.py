"""One symbolic link of our own: how a unit is enabled."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from halftrack.changes.writes import Look, Seen
from halftrack.changes.writes.files import (
    beside,
    explained,
    make_directory,
    missing_directories,
    remove_empty,
    sync_directory,
)
from halftrack.errors import Incomplete


class LinkWrite(msgspec.Struct, frozen=True, kw_only=True, tag="link", tag_field="write"):
    """``before`` None: there was none; ``after`` None: it is removed. Both are what the link says."""

    path: str
    before: str | None
    after: str | None
    directories: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.path} removed" if self.after is None else f"{self.path} -> {self.after}"

    @property
    def key(self) -> str:
        return f"file {self.path}"

    def look(self) -> Look:
        now = target(Path(self.path))
        if now == self.after:
            return Look(Seen.AFTER, now)
        return Look(Seen.BEFORE if now == self.before else Seen.OTHER, now)

    def do(self) -> None:
        with explained(self.path):
            for directory in self.directories:
                make_directory(Path(directory))
            _put(Path(self.path), self.after)

    def undo(self) -> None:
        with explained(self.path):
            path = Path(self.path)
            beside(path).unlink(missing_ok=True)
            if target(path) != self.before:
                _put(path, self.before)
            remove_empty(self.directories)


def prepare(path: Path, leads_to: str | None) -> LinkWrite:
    """The write that makes the link, or removes it. Raises Incomplete where something else is there."""
    with explained(str(path)):
        return LinkWrite(
            path=str(path), before=target(path), after=leads_to, directories=missing_directories(path)
        )


def target(path: Path) -> str | None:
    """What a link says; None for nothing. Raises Incomplete where it is no link."""
    try:
        return os.readlink(path)  # noqa: PTH115  # as it is written, not as a path
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Incomplete(f"{path} is no symbolic link: it is left alone") from error


def _put(path: Path, leads_to: str | None) -> None:
    if leads_to is None:
        path.unlink(missing_ok=True)
    else:
        new_link = beside(path)
        new_link.unlink(missing_ok=True)
        new_link.symlink_to(leads_to)
        new_link.replace(path)
    sync_directory(path.parent)
