"""Who changes something: as the kernel and the environment tell."""

from __future__ import annotations

import contextlib
import os

from halftrack.changes import operator
from halftrack.evidence.printable import escaped
from halftrack.kernel import files, privileges
from halftrack.plans.change import Who

_NOBODY = 0xFFFFFFFF
"""The login uid of what no login started."""


def asks() -> Who:
    """Who runs this process."""
    login = files.number("/proc/self/loginuid")
    sudo = os.environ.get("SUDO_USER")
    connection = operator.connection()
    return Who(
        user=privileges.name_of(os.geteuid()),
        uid=os.getuid(),
        login=None if login is None or login == _NOBODY else privileges.name_of(login),
        sudo=escaped(sudo, 64) if sudo else None,
        tty=_terminal(),
        ssh=None if connection is None else connection.text,
    )


def _terminal() -> str | None:
    for fd in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.ttyname(fd).removeprefix("/dev/")
    return None
