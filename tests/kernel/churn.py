"""Connections that open, speak, and close without end: run as a program inside a namespace.

    python churn.py server ADDRESS PORT...
    python churn.py client ADDRESS CLIENTS FIRST

The server echoes. The client opens connections to ports 80 and 443 one after the other, some with
addresses and ports whose entries are in the table already (``10.0.0.1 + i``, port 40000, ``i`` below
CLIENTS), keeps some of them open, and ends when its standard input does: then those that were kept
speak once more, and it prints what happened as JSON. Needs the standard library alone.
"""

from __future__ import annotations

import json
import random
import select
import socket
import struct
import sys

HELD = 150
AGAIN_PORT = 40_000
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing sends RST, and the port is free again."""


def serve(address: str, ports: list[int]) -> None:
    """Echo until killed."""
    poll = select.epoll()
    listeners: dict[int, socket.socket] = {}
    clients: dict[int, socket.socket] = {}
    for port in ports:
        listener = socket.create_server((address, port), backlog=4096)
        listener.settimeout(0)
        listeners[listener.fileno()] = listener
        poll.register(listener, select.EPOLLIN)
    say("ready")
    while True:
        for fd, _ in poll.poll():
            if fd in listeners:
                client, _ = listeners[fd].accept()
                clients[client.fileno()] = client
                poll.register(client, select.EPOLLIN)
                continue
            try:
                said = clients[fd].recv(64)
                if said:
                    clients[fd].sendall(said)
                    continue
            except OSError:
                pass
            poll.unregister(fd)
            clients.pop(fd).close()


def connect(server: tuple[str, int], own: tuple[str, int] | None) -> socket.socket:
    client = socket.socket()
    client.settimeout(10)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if own is not None:
            client.bind(own)
        client.connect(server)
        speak(client)
    except OSError:
        client.close()
        raise
    return client


def speak(client: socket.socket) -> None:
    client.sendall(b"ping")
    if client.recv(64) != b"ping":
        raise ConnectionError("the answer is another one")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def stuck_address(number: int) -> str:
    return socket.inet_ntoa(struct.pack(">I", 0x0A000001 + number))


def churn(address: str, clients: int, seed: int) -> dict[str, object]:
    rng = random.Random(seed)  # noqa: S311  # which tuples are used again, not a secret
    held: list[socket.socket] = []
    held_again: list[tuple[str, int]] = []
    count, again, failed = 0, 0, []
    first = True
    while not select.select([sys.stdin], [], [], 0)[0]:
        port = 443 if count % 5 == 4 else 80
        own = None
        if port == 80 and rng.random() < 0.06:
            own = (stuck_address(rng.randrange(clients)), AGAIN_PORT)
        try:
            client = connect((address, port), own)
        except OSError as error:
            if own is None or own not in held_again:
                failed.append(f"{own} -> {port}: {error!r}")
            continue
        count += 1
        again += own is not None
        if len(held) < HELD and (count % 40 == 0 or (own is not None and again % 8 == 0)):
            held.append(client)
            if own is not None:
                held_again.append(own)
        else:
            client.close()
        if first:
            first = False
            say("churning")
    for client in held:
        try:
            speak(client)
        except OSError as error:
            failed.append(f"{client.getsockname()} -> {client.getpeername()[1]} held: {error!r}")
    return {
        "count": count,
        "again": again,
        "failed": failed[:20],
        "failures": len(failed),
        "held": [(*client.getsockname(), client.getpeername()[1]) for client in held],
        "held_again": len(held_again),
    }


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(sys.argv[2], [int(port) for port in sys.argv[3:]])
    else:
        say(json.dumps(churn(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
        sys.stdin.read()
