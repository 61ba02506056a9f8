"""Where to listen, as somebody writes it."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import Final

from halftrack.errors import Busy, PermissionMissing, UsageError
from halftrack.evidence import literals

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 10432
"""Not among those up to 9999, which Prometheus' list has given away."""
DEFAULT: Final = f"{LOOPBACK}:{PORT}"
_WAITING: Final = 16
_REFUSED: Final = (errno.EACCES, errno.EPERM)


def parsed(text: str) -> tuple[str, int]:
    """Address and port of ``ADDR:PORT``, ``[ADDR]:PORT``, ``ADDR`` or ``PORT``. Raises UsageError."""
    host, port = LOOPBACK, str(PORT)
    if text.isdecimal():
        port = text
    elif text.startswith("["):
        host, end, after = text[1:].partition("]")
        host = host if end else text
        port = after.removeprefix(":") or port if after[:1] in ("", ":") else "?"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host = text
    try:
        address = str(ipaddress.ip_address(LOOPBACK if host == "localhost" else host))
    except ValueError:
        raise UsageError(
            f"--listen {text!a}: write ADDR:PORT with an address of this node, e.g. {DEFAULT},"
            " or 0.0.0.0:PORT for all of them"
        ) from None
    if not (port.isdecimal() and port.isascii() and 0 < int(port) < 1 << 16):
        raise UsageError(f"--listen {text!a}: a port is a number from 1 to 65535")
    return address, int(port)


def listening(address: str, port: int) -> socket.socket:
    """A socket that listens there. Raises Busy, PermissionMissing, UsageError."""
    where = literals.end(address, port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(f"{where} cannot be listened on: {error.strerror}") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(_WAITING)
        made.settimeout(0)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise Busy(f"{where} is in use already: --listen ADDR:PORT names another") from error
        if error.errno in _REFUSED:
            raise PermissionMissing(f"listening on {where} needs CAP_NET_BIND_SERVICE") from error
        raise UsageError(f"{where} cannot be listened on: {os.strerror(error.errno or 0)}") from error
    return made
