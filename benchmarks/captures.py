"""Captures: a million packets as columns, against a walk that only finds where they lie.

python -m benchmarks.captures [PACKETS]
"""

from __future__ import annotations

import struct
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.measure import compare, process
from unit.captures import enhanced, ethernet, interface, ip4, ip6, section, tcp, udp

_LIMIT: Final = 6.0
_MEGABYTES: Final = 300
_DISTINCT: Final = 20_000
_SNAP: Final = 128
WALK: Final = """
import struct, sys
data = open(sys.argv[1], "rb").read()
head = struct.Struct("<I").unpack_from
blocks = data[:4] == b"\\n\\r\\r\\n"
at, step, after, count = (0, 4, 0, -2) if blocks else (24, 8, 16, 0)
while at < len(data):
    at += after + head(data, at + step)[0]
    count += 1
sys.exit(10 * (count != int(sys.argv[2])))
"""
READ: Final = """
import sys
from halftrack.formats import pcap
rows = sum(len(frame) for frame in pcap.capture(sys.argv[1]).frames())
sys.exit(10 * (rows != int(sys.argv[2])))
"""
_SYN_OPTIONS: Final = b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + bytes(8) + b"\x01\x03\x03\x07"
_STAMP: Final = b"\x01\x01\x08\x0a" + bytes(8)


def _packet(number: int) -> bytes:
    """Out of ten packets one SYN, two of IPv6, one datagram and the rest segments, half of them long."""
    flow = number // 10
    client, port = f"10.{flow >> 16 & 255}.{flow >> 8 & 255}.{flow & 255}", 1024 + flow % 60_000
    match number % 10:
        case 0:
            return ethernet(ip4(tcp(port, 443, options=_SYN_OPTIONS), 6, client))
        case 1 | 2:
            body = tcp(port, 443, flags=0x10, options=_STAMP)
            return ethernet(ip6(body, 6, f"2001:db8::{flow:x}"), 0x86DD)
        case 3:
            return ethernet(ip4(udp(port, 53, bytes(60)), 17, client))
        case rest:
            payload = bytes(1000 if rest % 2 else 0)
            return ethernet(ip4(tcp(port, 443, flags=0x18, options=_STAMP, payload=payload), 6, client))


def _write(path: Path, count: int, *, blocks: bool) -> None:
    """``count`` packets, a multiple of those that differ, captured in part as by ``tcpdump -s 128``."""
    packets = [_packet(number) for number in range(_DISTINCT)]
    if blocks:
        head = section() + interface()
        body = b"".join(enhanced(packet[:_SNAP]) for packet in packets)
    else:
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _SNAP, 1)
        body = b"".join(
            struct.pack("<IIII", number, 0, len(packet[:_SNAP]), len(packet)) + packet[:_SNAP]
            for number, packet in enumerate(packets)
        )
    with path.open("wb") as file:
        file.write(head)
        for _ in range(count // _DISTINCT):
            file.write(body)


def main(count: int = 1_000_000) -> bool:
    """Whether time and memory held."""
    count -= count % _DISTINCT
    held = True
    with tempfile.TemporaryDirectory() as folder:
        for form in ("pcap", "pcapng"):
            path = Path(folder) / form
            _write(path, count, blocks=form == "pcapng")
            words = str(path), str(count)
            read = partial(process, (sys.executable, "-c", READ, *words))
            walk = partial(process, (sys.executable, "-S", "-c", WALK, *words))
            held &= compare(f"read {count:,} packets of {form}, walk", read, walk, _LIMIT, most_mb=_MEGABYTES)
    return held


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
