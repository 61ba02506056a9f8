"""Connections that begin at a steady pace in a scratch namespace, and never go on.

Segments are written raw and go out by loopback, where no address is theirs: nobody answers, and the
tracker has seen them all.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from halftrack.kernel import ctnetlink
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kernel.scratch import Netns

SERVER: Final = bytes((203, 0, 113, 73))
PORT: Final = 80
_SYN, _ACK, _PSH, _FIN = 0x02, 0x10, 0x08, 0x01
ONE_SIDED: Final = ((True, _PSH | _ACK),)
"""What a server sends to a client that has gone: of each segment, whether it is the server's, and its flags."""
HALF_CLOSED: Final = (
    (False, _SYN),
    (True, _SYN | _ACK),
    (False, _ACK),
    (False, _FIN | _ACK),
    (True, _ACK),
)
_TRACKED: Final = """\
table inet seen {
  chain out { type filter hook output priority filter; ct state new,established,invalid accept; }
}
"""
_PAUSE_S: Final = 0.004
_MARGIN_S: Final = 2.0
_LOOKS: Final = 3


@contextlib.contextmanager
def tracked_netns(label: str) -> Iterator[Netns]:
    """A namespace whose packets all lead nowhere and are all tracked."""
    with scratch_netns(label) as netns:
        netns.run("ip", "route", "add", "default", "dev", "lo")
        netns.run("nft", "-f", "-", stdin=_TRACKED)
        yield netns


def client(number: int) -> bytes:
    """The address of the client of a connection: another one each time."""
    return struct.pack("!I", (198 << 24 | 18 << 16) + number)


def arrive(
    per_s: int,
    seconds: float,
    segments: Sequence[tuple[bool, int]],
    first: int = 0,
    begun: float | None = None,
) -> float:
    """Begin so many connections a second for so long, by the clock; how long it took. To be run inside.

    ``first``: the number of the first client. ``begun``: since when, by ``time.monotonic``; None: now.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        begun, number, elapsed = time.monotonic() if begun is None else begun, 0, 0.0
        while elapsed < seconds:
            time.sleep(_PAUSE_S)
            # Looked at before catching up: however late we were woken, all that are due have begun.
            elapsed = time.monotonic() - begun
            while number < elapsed * per_s:
                _connect(raw, client(first + number), segments)
                number += 1
    return elapsed


def size_amid(
    netns: Netns,
    per_s: int,
    seconds: float,
    segments: Sequence[tuple[bool, int]] = ONE_SIDED,
    begun: float | None = None,
) -> int:
    """Entries after so many seconds of arrivals (``arrive``), looked at a few times while they go on.

    Whoever looks only once they have ended counts what has run out since, on a busy machine a lot.
    """
    since = time.monotonic() if begun is None else begun
    with ThreadPoolExecutor(1) as pool:
        lasting_s = seconds + _MARGIN_S
        arriving = pool.submit(netns.call, lambda: arrive(per_s, lasting_s, segments, begun=since))
        time.sleep(max(since + seconds - time.monotonic(), 0))
        sizes = [len(ctnetlink.dump(netns_path=netns.path).flows) for _ in range(_LOOKS)]
        arriving.result()
    return int(statistics.median(sizes))


def _connect(raw: socket.socket, peer: bytes, segments: Sequence[tuple[bool, int]]) -> None:
    numbers = {True: 5_000, False: 1_000}
    for by_server, flags in segments:
        src, dst = (SERVER, peer) if by_server else (peer, SERVER)
        ports = (PORT, 50_000) if by_server else (50_000, PORT)
        data = b"x" if flags & _PSH else b""
        acknowledged = numbers[not by_server] if flags & _ACK else 0
        head = (*ports, numbers[by_server], acknowledged, 5 << 4, flags, 8_192)
        summed = struct.pack("!4s4sHHHHIIBBHHH", src, dst, socket.IPPROTO_TCP, 20 + len(data), *head, 0, 0)
        tcp = struct.pack("!HHIIBBHHH", *head, _checksum(summed + data), 0)
        size = 20 + len(tcp) + len(data)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, socket.IPPROTO_TCP, 0, src, dst)
        raw.sendto(ip + tcp + data, (socket.inet_ntoa(dst), 0))
        numbers[by_server] += len(data) + bool(flags & (_SYN | _FIN))


def _checksum(data: bytes) -> int:
    """RFC 1071: a listener takes nothing else."""
    padded = data + bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
