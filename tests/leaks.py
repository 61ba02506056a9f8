"""A scanner for what a masked file must not hold; it shares nothing with what masks.

Every spelling of every address is written out and looked for as bytes, so that it takes a few dozen
addresses, not a table of millions. What may be an address of IPv6 is read as well, for it has more spellings
than can be written out, and an IPv4 or a MAC address may be part of it. Packed files are unpacked first.
"""

from __future__ import annotations

import gzip
import ipaddress
import re
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOBODYS = (ipaddress.IPv6Network("fe80::/10"), ipaddress.IPv6Network("3fff::/20"))


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
    addresses = list(addresses)
    found = [
        f"{address} as {pattern!r}"
        for address in addresses
        for pattern in spellings(address)
        if re.search(pattern, data, re.IGNORECASE)
    ]
    sixes = set(_sixes(data))
    found += [f"{address} as {six}" for address in addresses for six in sixes if _holds(six, address)]
    # Between numbers of columns two or three letters stand by chance.
    texts = _without_stand_ins(b"\0".join(re.findall(rb"[\x20-\x7e\t\n]{8,}", data)).decode())
    whole = "\0".join(_readings(data))
    for name in names:
        found += [name] if re.search(_word(name), texts if name.isascii() else whole, re.IGNORECASE) else []
    for name in inside:
        found += (
            [name] if re.search(_anywhere(name), texts if name.isascii() else whole, re.IGNORECASE) else []
        )
    for mac in macs:
        raw = bytes.fromhex(mac.replace(":", ""))
        told = any(re.search(pattern, data, re.IGNORECASE) for pattern in _mac_spellings(raw))
        found += [mac] if told or any(six.packed.endswith(_eui64(raw)) for six in sixes) else []
    return found


def _without_stand_ins(text: str) -> str:
    """Where those of IPv6 are, and what is link-local, ``fe80`` and ``3fff`` are nobody's names.

    Only whole words go, which no letter, digit or hyphen goes on before or after.
    """
    return re.sub(
        r"(?<![\w:.-])[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:]*(?![\w.-])",
        lambda found: (
            "" if any(each in net for each in _sixes(found[0].encode()) for net in _NOBODYS) else found[0]
        ),
        text,
    )


def _sixes(data: bytes) -> Iterator[ipaddress.IPv6Address]:
    """Whatever can be read as such an address; a colon or a full stop may belong to the words around it."""
    for text in {*re.findall(rb"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", data)}:
        token = text.decode().rstrip(".")
        for each in {token, token.removeprefix(":"), token.removesuffix(":"), token[1:-1]}:
            try:
                yield ipaddress.IPv6Address(each)
            except ValueError:
                continue


def _holds(six: ipaddress.IPv6Address, address: str) -> bool:
    """Whether it is the address, or has it where NAT64, ISATAP, 6to4 or Teredo put it."""
    if ":" in address:
        return six == ipaddress.IPv6Address(address)
    four = ipaddress.IPv4Address(address)
    if not _unlike_a_number(four.packed):
        return False
    return six.packed.endswith(four.packed) or four in (six.sixtofour, *(six.teredo or ()))


def _unlike_a_number(four: bytes) -> bool:
    """Neither the first addresses of IPv6 networks nor small numbers in either order of bytes look like it."""
    return bool(four[0] and four[-1])


def _readings(data: bytes) -> Iterator[str]:
    """As it is, and with what JSON, systemd or mount write in the place of letters."""
    yield data.decode(errors="replace")
    yield re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), data.decode(errors="replace"))
    raw = re.sub(rb"\\+x([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), data)
    raw = re.sub(rb"\\+([0-3][0-7]{2})", lambda found: bytes([int(found[1], 8)]), raw)
    yield raw.decode(errors="replace")


def _eui64(mac: bytes) -> bytes:
    """What an address of IPv6 ends with that was made of the MAC address (RFC 4291, appendix A)."""
    return bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]


def _mac_spellings(mac: bytes) -> Iterator[bytes]:
    """Patterns of bytes. Joined it stands in names of interfaces; bridges leave out noughts."""
    yield b"[:-]?".join(b"%02x" % each for each in mac)
    yield rb"\.".join(mac[at : at + 2].hex().encode() for at in range(0, 6, 2))
    short = b"[:-]".join(b"0?%x" % each for each in mac)
    yield rb"(?<![0-9a-f])" + short + rb"(?![0-9a-f])"
    made = _eui64(mac)
    high, low = struct.unpack("<2I", made)
    yield made.hex().encode()
    yield b"%08x%08x" % (high, low)
    yield re.escape(made[::-1])


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
        before = rb"0x|[0-9a-f]{24}" if _unlike_a_number(raw) else rb"0x|0{16}0000ffff|0{16}ffff0000"
        yield rb"(?<![0-9a-z])(" + before + rb")?" + number.encode() + rb"(?![0-9a-z])"
    yield _number(0xFFFF << 32 | big)
    yield rb"::ffff:" + f"{int(mapped[:4], 16):x}:{int(mapped[4:], 16):x}".encode() + rb"(?![0-9a-f:])"
    yield re.escape(struct.pack("<Q", 0xFFFF << 32 | big))
    yield re.escape(struct.pack(">Q", 0xFFFF << 32 | big))
    if _unlike_a_number(raw):
        yield re.escape(struct.pack("<Q", big))


def _number(number: int) -> bytes:
    return rb"(?<![0-9])" + str(number).encode() + rb"(?![0-9])"


def _anywhere(name: str) -> str:
    """With any signs between its words, or none."""
    return r"[-_. ]?".join(map(re.escape, re.findall(r"[^\W_]+", name)))


def _word(name: str) -> str:
    return r"(?<![^\W_])" + re.escape(name) + r"(?![^\W_])"
