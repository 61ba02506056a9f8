"""Addresses, ports and protocols of rules, as ranges of numbers."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final, TypeAlias

from halftrack.evidence import uapi
from halftrack.evidence.addresses import V4_MAPPED

Range: TypeAlias = tuple[int, int]

_PROTOCOLS: Final = {
    **{name: number for number, name in uapi.PROTOCOL_NAMES.items()},
    "ipv6-icmp": uapi.IPPROTO_ICMPV6,
    "icmp6": uapi.IPPROTO_ICMPV6,
    "esp": 50,
    "ah": 51,
    "ipip": 4,
    "ipencap": 4,
    "ipv6": 41,
    "ospf": 89,
    "pim": 103,
    "vrrp": 112,
    "comp": 108,
}
_FLAGS: Final = {
    "fin": 1,
    "syn": 2,
    "rst": 4,
    "psh": 8,
    "ack": 16,
    "urg": 32,
    "ecn": 64,
    "ece": 64,
    "cwr": 128,
    "all": 63,
    "none": 0,
}
_SERVICES: Final[Mapping[str, int]] = {
    "ssh": 22, "smtp": 25, "domain": 53, "http": 80, "ntp": 123, "imap": 143, "https": 443, "imaps": 993,
}  # fmt: skip
"""Those that some tools print by name; what is missing here is not understood, and said to be."""


def address(text: str) -> int:
    """An address as 128 bits, IPv4 mapped. Raises ValueError."""
    four = "." in text and ":" not in text
    try:
        raw = socket.inet_pton(socket.AF_INET if four else socket.AF_INET6, text)
    except (OSError, UnicodeError) as error:
        raise ValueError("no address") from error
    return V4_MAPPED | int.from_bytes(raw, "big") if four else int.from_bytes(raw, "big")


def network(text: str) -> Range:
    """First and last address of ``10.0.0.0/8``, ``10.0.0.0/255.0.0.0`` or one address. Raises ValueError."""
    host, slash, mask = text.partition("/")
    number = address(host)
    if not slash:
        return number, number
    return prefix(number, _length(mask) if "." in mask else _decimal(mask))


def _length(mask: str) -> int:
    bits = f"{address(mask) & 0xFFFFFFFF:032b}"
    if "01" in bits:
        raise ValueError("a mask with holes")
    return bits.count("1")


def prefix(number: int, length: int) -> Range:
    """First and last address of the network that an address is in. Raises ValueError."""
    longest = 32 if number >> 32 == V4_MAPPED >> 32 else 128
    if not 0 <= length <= longest:
        raise ValueError("no prefix is so long")
    others = (1 << (longest - length)) - 1
    return number & ~others, number | others


def port(word: str | int) -> int:
    """Raises ValueError."""
    number = word if isinstance(word, int) else _SERVICES.get(word, -1)
    if number < 0:
        number = _decimal(str(word))
    if not 0 <= number <= 0xFFFF:
        raise ValueError(f"{word} is no port")
    return number


def protocol(word: str | int) -> int:
    """Raises ValueError."""
    if isinstance(word, str) and word in _PROTOCOLS:
        return _PROTOCOLS[word]
    number = word if isinstance(word, int) else _decimal(word)
    if not 0 <= number <= 0xFF:
        raise ValueError(f"{word} is no protocol")
    return number


def flag(word: str | int) -> int:
    """Bits of a TCP flag's name. Raises ValueError."""
    if isinstance(word, int):
        return word
    try:
        return _FLAGS[word.lower()]
    except KeyError:
        raise ValueError(f"{word} is no flag") from None


def hexadecimal(word: str) -> int:
    """``0x1f`` or ``31``, of 32 bits. Raises ValueError."""
    if not 0 < len(word) <= 18:
        raise ValueError(f"{word} is no number")
    number = int(word, 0)
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(f"{word} is no mark")
    return number


def _decimal(word: str) -> int:
    if not (0 < len(word) <= 10 and word.isascii() and word.isdecimal()):
        raise ValueError(f"{word!r} is no number")
    return int(word)


def mapped(raw: bytes) -> int:
    """An address in network order. Raises ValueError."""
    if len(raw) not in {4, 16}:
        raise ValueError("no address")
    number = int.from_bytes(raw, "big")
    return V4_MAPPED | number if len(raw) == 4 else number
