"""A question to a daemon over its Unix socket, in HTTP: within a deadline and a size.

Version 1.0 of the protocol (RFC 1945), so that the answer comes in one piece and ends with the
connection.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any, Final

from halftrack.owners.process import MOST_OUTPUT, NoAnswer
from halftrack.owners.untrusted import parsed

if TYPE_CHECKING:
    from halftrack.owners.node import Node

_CHUNK: Final = 1 << 16


def get(node: Node, path: str, target: str, whose: str) -> Any:
    """The JSON that ``GET target`` answers over the socket at ``path``; None where that is no 200.

    Raises NoAnswer where nobody answers in time, or more than would be believed.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(_left(node, whose))
            channel.connect(node.at(path))
            channel.sendall(f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii"))
            answer = _all(channel, node, whose)
    except PermissionError as error:
        raise NoAnswer(f"{whose} may not be asked", ("root",)) from error
    except TimeoutError as error:
        raise NoAnswer(f"{whose} did not answer in time") from error
    except OSError as error:
        raise NoAnswer(f"{whose} cannot be asked: {error.strerror or error}") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split(b" ")
    return parsed(body.decode(errors="replace")) if status[1:2] == [b"200"] else None


def _left(node: Node, whose: str) -> float:
    left = node.deadline - time.monotonic()
    if left <= 0:
        raise NoAnswer(f"{whose} did not answer in time")
    return left


def _all(channel: socket.socket, node: Node, whose: str) -> bytes:
    answer = bytearray()
    while chunk := channel.recv(_CHUNK):
        answer += chunk
        if len(answer) > MOST_OUTPUT:
            raise NoAnswer(f"{whose} said more than {MOST_OUTPUT >> 20} MiB")
        channel.settimeout(_left(node, whose))
    return bytes(answer)
