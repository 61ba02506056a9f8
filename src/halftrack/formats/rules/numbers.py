"""Addresses, ports and protocols of rules, as ranges of numbers."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Final, TypeAlias

from halftrack.evidence import uapi

Range: TypeAlias = tuple[int, int]
Ranges: TypeAlias = tuple[Range, ...]

_V4_MAPPED: Final = 0xFFFF << 32
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
    if len(text) > 64:
        raise ValueError("no address is so long")
    found = ipaddress.ip_address(text)
    return _V4_MAPPED | int(found) if found.version == 4 else int(found)


def network(text: str) -> Range:
    """First and last address of ``10.0.0.0/8``, ``10.0.0.0/255.0.0.0`` or one address. Raises ValueError."""
    if len(text) > 96:
        raise ValueError("no network is so long")
    host, slash, mask = text.partition("/")
    if slash and "." in mask and _contiguous(mask) is None:
        raise ValueError("a mask with holes")
    found = ipaddress.ip_network(text if slash else host, strict=False)
    return address(str(found.network_address)), address(str(found.broadcast_address))


def _contiguous(mask: str) -> int | None:
    bits = f"{int(ipaddress.IPv4Address(mask)):032b}"
    return bits.count("1") if "01" not in bits else None


def prefix(text: str, length: int) -> Range:
    return network(f"{text}/{length}")


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
    return address(socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw))
