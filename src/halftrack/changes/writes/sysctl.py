"""One sysctl of one network namespace."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from halftrack.changes import spaces
from halftrack.changes.spaces import Space
from halftrack.changes.writes import Look, Seen
from halftrack.errors import HalftrackError, Incomplete, PermissionMissing, UnreadableInput
from halftrack.evidence.sysctls import PREFIX
from halftrack.kernel import files
from halftrack.kernel.namespaces import Vanished

_NAME: Final = re.compile(r"[a-z0-9_./-]{1,255}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_., -]{1,255}")
_ALIASES: Final = {"net.nf_conntrack_max": f"{PREFIX}max"}
"""Two names of one number."""
_BASE: Final = Path("/proc/sys")


class SysctlWrite(msgspec.Struct, frozen=True, kw_only=True, tag="sysctl", tag_field="write"):
    """``name``: full and dotted. Values on one line, blanks collapsed."""

    space: Space
    name: str
    before: str
    after: str

    @property
    def title(self) -> str:
        return f"{self.name} {self.before} -> {self.after}{self.space.inside}"

    @property
    def key(self) -> str:
        return f"sysctl {self.space.key} {_ALIASES.get(self.name, self.name)}"

    def look(self) -> Look:
        try:
            now = read(self.space, self.name)
        except (Vanished, FileNotFoundError):
            return Look(Seen.GONE)
        if now == self.after:
            return Look(Seen.AFTER, now)
        return Look(Seen.BEFORE if now == self.before else Seen.OTHER, now)

    def may(self) -> None:
        """Raise PermissionMissing where it could not be written; nothing is. Raises Vanished, OSError."""
        path = path_of(self.name)
        spaces.call(self.space, lambda: os.close(_open(path, self.after)))

    def do(self) -> None:
        self._set(self.after)

    def undo(self) -> None:
        try:
            if read(self.space, self.name) != self.before:
                self._set(self.before)
        except (Vanished, FileNotFoundError):
            return

    def _set(self, value: str) -> None:
        if not _VALUE.fullmatch(value):
            raise UnreadableInput(f"{value!a} is no value for {self.name}")
        path = path_of(self.name)
        spaces.call(self.space, lambda: _write(path, value))


def read(space: Space, name: str) -> str:
    """The value as it is in force. Raises Vanished, OSError."""
    path = path_of(name)
    return spaces.call(space, lambda: " ".join(files.read(path, 4096).decode("ascii", "replace").split()))


def path_of(name: str) -> Path:
    """The file of a sysctl, below /proc/sys and nowhere else. Raises UnreadableInput."""
    parts = name.replace(".", "/").split("/")
    path = _BASE.joinpath(*parts)
    if not _NAME.fullmatch(name) or not all(parts) or not _is_below(path):
        raise UnreadableInput(f"{name!a} is no name of a sysctl")
    return path


def _is_below(path: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(_BASE)


def _write(path: Path, value: str) -> None:
    fd = _open(path, value)
    try:
        os.write(fd, f"{value}\n".encode("ascii"))
    except OSError as error:
        raise _told(error, path, value) from error
    finally:
        os.close(fd)


def _open(path: Path, value: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _told(error, path, value) from error


def _told(error: OSError, path: Path, value: str) -> HalftrackError | OSError:
    if error.errno in (errno.EPERM, errno.EACCES):
        return PermissionMissing(
            f"{path} may not be written: needs CAP_NET_ADMIN, and the node's own namespace"
        )
    if error.errno == errno.EROFS:
        return PermissionMissing(f"{path} is read-only here")
    if error.errno in (errno.EINVAL, errno.ERANGE):
        return Incomplete(f"the kernel does not take {value} for {path}")
    return error
