"""Which addresses tell nothing and stay, and where the stand-ins of all others come from.

Stand-ins are addresses that nobody has, so that one is known wherever it stands and none can be somebody
else's: 240.0.0.0/4 is reserved (RFC 1112 section 4), 3fff::/20 is for documentation (RFC 9637). What is
link-local or multicast is judged by that, and stays so.
"""

from __future__ import annotations

import socket
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from halftrack.evidence.addresses import V4_MAPPED, halves, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BITS: Final = 128
_V4_BITS: Final = 96
"""An IPv4 network's prefix length is this much longer when its addresses are mapped ones."""
_ANY: Final = "0.0.0.0"  # noqa: S104  # an address, nothing is bound to it
ALL: Final = (1 << BITS) - 1


@dataclass(frozen=True, slots=True, order=True)
class Network:
    """``first``: its first address, 128 bits, IPv4 mapped; ``length``: of the prefix in these bits."""

    first: int
    length: int

    @property
    def last(self) -> int:
        return self.first | ALL >> self.length

    @property
    def text(self) -> str:
        return f"{shown(self.first)}/{self.length - (_V4_BITS if is_v4(self.first) else 0)}"


@dataclass(frozen=True, slots=True)
class Room:
    """Addresses ``first`` to ``last`` get stand-ins from ``base`` on, below ``end``. All are 128 bits."""

    first: int
    last: int
    base: int
    end: int


def number(text: str) -> int:
    """Of an address as text. Raises ValueError."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        address = int.from_bytes(socket.inet_pton(family, text), "big")
    except OSError as error:
        raise ValueError(f"{text!a} is no address") from error
    return address if family == socket.AF_INET6 else V4_MAPPED | address


def network(address: int, length: int) -> Network:
    """The network that an address is in; ``length`` in 128 bits."""
    return Network(address & ~(ALL >> length), length)


def shown(address: int) -> str:
    """As the doctor does."""
    return to_text(*halves(address))


def is_v4(address: int) -> bool:
    return address >> 32 == V4_MAPPED >> 32


def _room(first: str, last: str, base: str, end: str) -> Room:
    return Room(number(first), number(last), number(base), number(end))


ROOMS: Final = (
    _room("169.254.0.0", "169.254.255.255", "169.254.0.0", "169.254.255.255"),
    _room("224.0.0.0", "239.255.255.255", "225.0.0.0", "239.255.255.255"),
    _room(_ANY, "255.255.255.255", "240.0.0.0", "254.255.255.255"),
    _room("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80:0:0:3fff::", "fe80:0:0:4000::"),
    _room("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff1e:0:0:3fff::", "ff1e:0:0:4000::"),
    _room("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:0:0:1::"),
)
"""The first whose range holds an address is its room."""

_KEPT: Final = tuple(
    (number(first), number(last))
    for first, last in (
        (_ANY, _ANY),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.0.0"),  # the kind itself, as rules name it
        ("224.0.0.0", "224.0.0.255"),  # RFC 5771: of protocols
        ("255.0.0.0", "255.255.255.255"),  # broadcast, and what masks look like
        ("::", "::1"),
        ("fe80::", "fe80::"),
        ("ff00::", "ff0f::ffff"),
    )
)
_WHOLE: Final = frozenset(
    network(number(first), length + (_V4_BITS if "." in first else 0))
    for first, length in (
        (_ANY, 0), ("127.0.0.0", 8), ("169.254.0.0", 16), ("224.0.0.0", 4), ("255.255.255.255", 32),
        ("::", 0), ("fe80::", 10), ("ff00::", 8),
    )
)  # fmt: skip
"""Networks that are a kind of address."""


def keeps(address: int) -> bool:
    """Whether an address is nobody's own."""
    return any(first <= address <= last for first, last in _KEPT) and not _odd_multicast(address)


def _odd_multicast(address: int) -> bool:
    """Multicast of IPv6 in whose group more than a well-known number stands."""
    return address >> 120 == 0xFF and address & ((1 << 112) - 1) > 0xFFFF


def own(addresses: Sequence[int]) -> list[int]:
    """Those that are somebody's; both in order."""
    found: list[int] = []
    for begin, end in _stretches(addresses, _KEPT):
        some = addresses[begin:end]
        # IPv6's multicast is judged one by one.
        odd = some[0] >> 120 == 0xFF
        found += [each for each in some if not keeps(each)] if odd else () if keeps(some[0]) else some
    return found


def by_room(addresses: Sequence[int]) -> dict[Room, list[int]]:
    """All of them, in order."""
    found: dict[Room, list[int]] = {}
    for begin, end in _stretches(addresses, [(each.first, each.last) for each in ROOMS]):
        found.setdefault(room(addresses[begin]), []).extend(addresses[begin:end])
    return found


def _stretches(addresses: Sequence[int], ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Places of addresses, which are in order, that are all in the same ranges and of one family."""
    ends = {V4_MAPPED, V4_MAPPED + (1 << 32)}
    for first, last in ranges:
        ends |= {first, last + 1}
    places = sorted({0, len(addresses), *(bisect_left(addresses, each) for each in ends)})
    yield from pairwise(places)


def keeps_network(its: Network) -> bool:
    """Whether a network tells no more than the kind of its addresses."""
    return its in _WHOLE or (keeps(its.first) and keeps(its.last))


def room(address: int) -> Room:
    return next(each for each in ROOMS if each.first <= address <= each.last and _same_family(each, address))


def _same_family(its: Room, address: int) -> bool:
    return is_v4(its.first) == is_v4(address)
