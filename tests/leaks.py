"""A scanner for what a masked file must not hold; it shares nothing with what masks.

Every spelling of every address is written out and looked for as bytes, so that it takes a few dozen
addresses, not a table of millions. Packed files are unpacked first.
"""

from __future__ import annotations

import gzip
import re
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def leaks(
    data: bytes,
    addresses: Iterable[str],
    names: Iterable[str],
    macs: Iterable[str] = (),
    inside: Iterable[str] = (),
) -> list[str]:
    """What was found, as it was found. ``inside``: names that must not stand in the middle of a word either."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    found = [
        f"{address} as {pattern!r}"
        for address in addresses
        for pattern in spellings(address)
        if re.search(pattern, data, re.IGNORECASE)
    ]
    # Between numbers of columns two or three letters stand by chance.
    texts = b"\0".join(re.findall(rb"[\x20-\x7e\t\n]{8,}", data))
    found += [name for name in names if re.search(_word(name.encode()), texts, re.IGNORECASE)]
    found += [name for name in inside if re.search(_anywhere(name.encode()), texts, re.IGNORECASE)]
    for mac in macs:
        digits = mac.replace(":", "")
        joined = b"[:-]?".join(digits[at : at + 2].encode() for at in range(0, 12, 2))
        found += [mac] if re.search(joined, data, re.IGNORECASE) else []
    return found


def spellings(address: str) -> Iterator[bytes]:
    """Patterns of bytes."""
    if ":" in address:
        raw = socket.inet_pton(socket.AF_INET6, address)
        groups = struct.unpack(">8H", raw)
        short = socket.inet_ntop(socket.AF_INET6, raw)
        for text in (
            short,
            ":".join(f"{each:04x}" for each in groups),
            ":".join(f"{each:x}" for each in groups),
        ):
            yield rb"(?<![0-9a-f:])" + re.escape(text.encode()) + rb"(?![0-9a-f:])"
        yield raw.hex().encode()
        yield b"".join(b"%08x" % each for each in struct.unpack("<4I", raw))
        yield _number(int.from_bytes(raw, "big"))
        high, low = struct.unpack(">2Q", raw)
        if high >= 1 << 48:
            yield re.escape(struct.pack("<Q", high))
            yield _number(high)
        if low >= 1 << 48:
            yield re.escape(struct.pack("<Q", low))
        return
    raw = socket.inet_aton(address)
    for text in (".".join(map(str, raw)), "-".join(map(str, raw)), ".".join(f"{each:03}" for each in raw)):
        yield rb"(?<![0-9.])" + re.escape(text.encode()) + rb"(?![0-9]|\.[0-9])"
    yield re.escape(".".join(map(str, raw[::-1])).encode() + b".in-addr")
    big = int.from_bytes(raw, "big")
    mapped = raw.hex()
    for number in (f"{big:08x}", f"{struct.unpack('<I', raw)[0]:08x}"):
        yield rb"(?<![0-9a-z])(0x|0{16}0000ffff|0{16}ffff0000)?" + number.encode() + rb"(?![0-9a-z])"
    yield _number(0xFFFF << 32 | big)
    yield rb"::ffff:" + f"{int(mapped[:4], 16):x}:{int(mapped[4:], 16):x}".encode() + rb"(?![0-9a-f:])"
    yield re.escape(struct.pack("<Q", 0xFFFF << 32 | big))
    yield re.escape(struct.pack(">Q", 0xFFFF << 32 | big))


def _number(number: int) -> bytes:
    return rb"(?<![0-9])" + str(number).encode() + rb"(?![0-9])"


def _anywhere(name: bytes) -> bytes:
    """With any signs between its words, or none."""
    return rb"[-_. ]?".join(map(re.escape, re.findall(rb"[0-9A-Za-z]+", name)))


def _word(name: bytes) -> bytes:
    return rb"(?<![0-9A-Za-z])" + re.escape(name) + rb"(?![0-9A-Za-z])"
