"""One file of our own, written whole.

Nobody ever sees half of it: the content goes to a file beside it that then takes its name. A
symbolic link in its place, or on the way to it, is refused and not followed: what is there
belongs to somebody who meant it so.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from halftrack.changes.writes import Look, Seen
from halftrack.errors import HalftrackError, Incomplete, OutputFailed, PermissionMissing

if TYPE_CHECKING:
    from collections.abc import Iterator


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file as it is: bytes, permission bits, owner, when it was written. A new one is for all to read."""

    data: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime_ns: int | None = None


class FileWrite(msgspec.Struct, frozen=True, kw_only=True, tag="file", tag_field="write"):
    """``before`` None: there was none; ``after`` None: it is removed.

    ``directories``: those that have to be made for it, outermost first.
    """

    path: str
    before: Content | None
    after: Content | None
    directories: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        what = "removed" if self.after is None else "written" if self.before is None else "rewritten"
        return f"{self.path} {what}"

    @property
    def key(self) -> str:
        return f"file {self.path}"

    def look(self) -> Look:
        now = content(Path(self.path))
        text = None if now is None else f"{len(now.data):,} bytes"
        if _equal(now, self.after):
            return Look(Seen.AFTER, text)
        return Look(Seen.BEFORE if _equal(now, self.before) else Seen.OTHER, text)

    def do(self) -> None:
        with explained(self.path):
            for directory in self.directories:
                make_directory(Path(directory))
            put(Path(self.path), self.after)

    def undo(self) -> None:
        with explained(self.path):
            path = Path(self.path)
            beside(path).unlink(missing_ok=True)
            if not _equal(content(path), self.before):
                put(path, self.before)
            remove_empty(self.directories)


def prepare(path: Path, data: bytes | None) -> FileWrite:
    """The write that gives ``path`` this content, or none; an existing file keeps its mode and owner.

    Raises PermissionMissing, Incomplete.
    """
    with explained(str(path)):
        before = content(path)
        missing = missing_directories(path)
    if data is None:
        after = None
    elif before is None:
        after = Content(data=data, uid=os.geteuid(), gid=os.getegid())
    else:
        after = msgspec.structs.replace(before, data=data, mtime_ns=None)
    return FileWrite(path=str(path), before=before, after=after, directories=missing)


def content(path: Path) -> Content | None:
    """What is at a path; None for nothing. Raises Incomplete for all that is no plain file, OSError."""
    _refuse_links(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(fd, "rb") as stream:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise Incomplete(f"{path} is no plain file: it is left alone")
        data = stream.read()
    return Content(
        data=data,
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        mtime_ns=found.st_mtime_ns,
    )


def put(path: Path, new: Content | None) -> None:
    """Give the path this content at once, or remove it; on disk when this returns."""
    if new is None:
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
        return
    new_file = beside(path)
    new_file.unlink(missing_ok=True)
    fd = os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(new.data)
            stream.flush()
            if (os.geteuid(), os.getegid()) != (new.uid, new.gid):
                os.fchown(fd, new.uid, new.gid)
            os.fchmod(fd, new.mode)
            if new.mtime_ns is not None:
                os.utime(fd, ns=(new.mtime_ns, new.mtime_ns))
            os.fsync(fd)
        new_file.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new_file.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def missing_directories(path: Path) -> tuple[str, ...]:
    """Directories on the way to a path that are not there, outermost first."""
    missing = [str(one) for one in path.parents if not one.exists()]
    return tuple(reversed(missing))


def make_directory(path: Path) -> None:
    """As the system's own directories are, whatever this process's umask."""
    if not path.is_dir():
        path.mkdir(mode=0o755)
        path.chmod(0o755)
        sync_directory(path.parent)


def remove_empty(directories: tuple[str, ...]) -> None:
    """Remove those that nobody else has put anything into, innermost first."""
    for directory in reversed(directories):
        try:
            Path(directory).rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise


def sync_directory(path: Path) -> None:
    """Have the names in a directory on disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def beside(path: Path) -> Path:
    """Where something is made that then takes the place of ``path``.

    Read by nobody at boot: it ends in no suffix that a configuration directory looks for.
    """
    return path.with_name(f".{path.name}.halftrack~")


def _refuse_links(path: Path) -> None:
    if path.is_symlink() or os.path.realpath(path.parent) != os.path.normpath(path.parent):
        raise Incomplete(f"{path} is, or lies behind, a symbolic link: it is not followed")


def _equal(one: Content | None, other: Content | None) -> bool:
    """Alike but for the time of writing."""
    if one is None or other is None:
        return one is other
    return (one.data, one.mode, one.uid, one.gid) == (other.data, other.mode, other.uid, other.gid)


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn OSError into what a user can do something about."""
    try:
        yield
    except OSError as error:
        raise _told(error, path) from error


def _told(error: OSError, path: str) -> HalftrackError:
    if error.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
        return PermissionMissing(f"{path} may not be written: {error.strerror}")
    return OutputFailed(f"{path} could not be written: {error.strerror}")
