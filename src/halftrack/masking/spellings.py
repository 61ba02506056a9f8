"""Addresses in text, in every spelling that the kernel and its tools have: found, and written anew.

dotted, with a length or a mask behind it; both forms of IPv6, mapped ones too; the words of ``/proc/net``
in either order of bytes; MAC addresses, also with hyphens, in threes, joined, and in bridges' ids; names that
are made of an address (``ip-10-0-0-5``, ``5.0.0.10.in-addr.arpa``, ``enx0242ac110002``); an address and a
length of nft's JSON.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final, Protocol

from halftrack.evidence.addresses import V4_MAPPED
from halftrack.masking import kinds
from halftrack.masking.kinds import BITS, Network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DOTTED: Final = r"(?:\d{1,3}\.){3}\d{1,3}"
_MAC: Final = r"(?:[0-9A-Fa-f]{2}:){5}(?:(?:[0-9A-Fa-f]{2}:){14}|(?:[0-9A-Fa-f]{2}:){8})?[0-9A-Fa-f]{2}"
"""Of six bytes, of InfiniBand's twenty, or two and a type as rules log them."""
_ADDRESSES: Final = re.compile(
    rf"(?<![0-9A-Za-z:])(?P<mac>{_MAC})(?![0-9A-Za-z:])"
    rf"|(?<![0-9A-Za-z])(?P<six>[0-9A-Fa-f]{{0,4}}:[0-9A-Fa-f]{{0,4}}:"
    rf"(?:(?:[0-9A-Fa-f:]*:)?{_DOTTED}|[0-9A-Fa-f:]*))(?![0-9A-Za-z]|\.\d)(?:/(?P<six_length>\d{{1,3}})(?!\d))?"
    rf"|(?P<ip>(?<![0-9A-Za-z])ip-)?(?<!\d)(?<!\d-)(?P<dashed>(?:\d{{1,3}}-){{3}}\d{{1,3}})(?!-?\d)"
    rf"|(?<!\d)(?<!\d\.)(?P<reverse>{_DOTTED})(?=\.in-addr\.arpa)"
    rf"|(?<!\d)(?<!\d\.)(?P<four>{_DOTTED})(?!\d)(?=(?P<more>\.\d)?)(?:/(?:(?P<mask>{_DOTTED})|(?P<length>\d{{1,2}}))"
    rf"(?!\d))?"
    rf"|(?<![0-9A-Za-z])(?P<hex>(?:0x)?(?:[0-9A-Fa-f]{{32}}|[0-9A-Fa-f]{{8}}))(?![0-9A-Za-z])"
    rf"|(?<![0-9A-Za-z])(?P<udev>(?:en|wl|ww)x)(?P<called>[0-9a-f]{{12}})(?![0-9A-Za-z])"
    rf"|(?<![0-9A-Za-z.:])(?P<priority>[0-9a-f]{{4}}\.)(?P<bridge>[0-9a-f]{{1,2}}(?::[0-9a-f]{{1,2}}){{5}}|[0-9a-f]{{12}})"
    rf"(?![0-9A-Za-z:])"
    rf"|(?<![0-9A-Za-z-])(?P<hyphens>(?:[0-9A-Fa-f]{{2}}-){{5}}[0-9A-Fa-f]{{2}})(?![0-9A-Za-z-])"
    rf"|(?<![0-9A-Za-z.])(?P<threes>(?:[0-9A-Fa-f]{{4}}\.){{2}}[0-9A-Fa-f]{{4}})(?![0-9A-Za-z]|\.\d)"
    rf"|(?<![0-9A-Za-z])(?P<joined>[0-9A-Fa-f]{{12}})(?P<port>[0-9A-Fa-f]{{4}})?(?![0-9A-Za-z])",
    re.ASCII,
)
_JSON: Final = re.compile(r'("addr": ?")([0-9A-Fa-f.:]{2,45})(", ?"len": ?)(\d{1,3})(?!\d)', re.ASCII)
_ALL_V4: Final = 0xFFFFFFFF
_LETTER: Final = re.compile(r"[A-Fa-f]")
_HEX_LIKE: Final = re.compile(r"[0-9A-Fa-f]{8}")


class Table(Protocol):
    """What stands for what; None: it stays as it is."""

    def address(self, number: int) -> int | None: ...

    def perhaps(self, number: int) -> int | None:
        """Likewise, of what looks like an address only if there is such a one."""
        ...

    def network(self, its: Network) -> Network | None: ...

    def mac(self, digits: str) -> str | None:
        """``digits``: twelve, lower case."""
        ...

    def perhaps_mac(self, digits: str) -> str | None: ...


def replaced(text: str, table: Table) -> str:
    if not any(sign in text for sign in ".:-") and not _HEX_LIKE.search(text):
        return text
    if '"len"' in text:
        text = _JSON.sub(lambda found: _json(found, table), text)
    return _ADDRESSES.sub(lambda found: _one(found, table), text)


def _one(found: re.Match[str], table: Table) -> str:
    group = str(found.lastgroup)
    return _WRITERS[_BEHIND.get(group, group)](found, table) or found[0]


def _mac(found: re.Match[str], table: Table) -> str | None:
    digits = found["mac"].replace(":", "").lower()
    parts = [digits[at : at + 12] for at in range(0, len(digits), 12)]
    others = [(table.mac(part) if len(part) == 12 else None) or part for part in parts]
    whole = "".join(others)
    return None if others == parts else ":".join(whole[at : at + 2] for at in range(0, len(whole), 2))


def _called(found: re.Match[str], table: Table) -> str | None:
    """As udev calls an interface of which it knows no more than that."""
    digits = table.mac(found["called"])
    return f"{found['udev']}{digits}" if digits else None


def _bridge(found: re.Match[str], table: Table) -> str | None:
    """Of a bridge, behind its priority: joined, or without noughts."""
    parts = found["bridge"].split(":")
    digits = table.mac("".join(f"{part:0>2}" for part in parts))
    if digits is None:
        return None
    if len(parts) > 1:
        digits = ":".join(f"{int(digits[at : at + 2], 16):x}" for at in range(0, 12, 2))
    return f"{found['priority']}{digits}"


def _grouped(found: re.Match[str], table: Table) -> str | None:
    """With other signs than colons, or none. Digits alone may be a date, or anything."""
    text = found["hyphens"] or found["threes"] or found["joined"]
    sure = not found["joined"] and _LETTER.search(text)
    sign = "-" if found["hyphens"] else "." if found["threes"] else ""
    digits = text.replace(sign, "").lower()
    other = table.mac(digits) if sure else table.perhaps_mac(digits)
    if other is None:
        return None
    size = len(text.partition(sign)[0]) if sign else 12
    shown = sign.join(other[at : at + size] for at in range(0, 12, size))
    return f"{shown.upper() if text != text.lower() else shown}{found['port'] or ''}"


def _six(found: re.Match[str], table: Table) -> str | None:
    text, length = found["six"], found["six_length"]
    spelled, number = _without_colons(text)
    if number is None:
        head, _, tail = text.rpartition(":")
        behind = "" if length is None else f"/{length}"
        return f"{head}:{replaced(tail + behind, table)}" if "." in tail else None
    before, _, after = text.partition(spelled)
    if length is not None and int(length) < BITS and ":" in spelled and not kinds.is_v4(number):
        written = _with_length(number, int(length), table, spelled)
        return None if written is None else f"{before}{written}"
    other = table.address(number)
    behind = "" if length is None else f"/{length}"
    return None if other is None else f"{before}{_as_written(other, spelled)}{after}{behind}"


def _without_colons(text: str) -> tuple[str, int | None]:
    """An address of IPv6, and its number: a colon may belong to the words around it."""
    for spelled in (text, text.removeprefix(":"), text.removesuffix(":")):
        number = _number(spelled)
        if number is not None:
            return spelled, number
    return text, None


def _dotted(found: re.Match[str], table: Table) -> str | None:
    number = _number(found["four"])
    if number is None:
        return None
    if found["more"]:  # a port, as tcpdump writes it, or something else with dots
        other = table.perhaps(number)
        return None if other is None else kinds.shown(other)
    mask, length = found["mask"], found["length"]
    bits = _length(mask) if mask else int(length) if length else None
    if bits is None or bits >= 32:
        other = table.address(number)
        return None if other is None else f"{kinds.shown(other)}{found[0][len(found['four']) :]}"
    written = _with_length(number, BITS - 32 + bits, table, found["four"])
    if written is None or not mask:
        return written
    address, _, now = written.partition("/")
    return f"{address}/{kinds.shown(V4_MAPPED | _ALL_V4 & ~(_ALL_V4 >> int(now)))}"


def _with_length(number: int, length: int, table: Table, spelled: str) -> str | None:
    """``length``: in 128 bits, less than all."""
    its = kinds.network(number, length)
    other = table.network(its)
    address = other.first if other is not None and number == its.first else table.address(number)
    if other is None and address is None:
        return None
    shown = _as_written(number if address is None else address, spelled)
    return f"{shown}/{(other or its).length - (BITS - 32 if kinds.is_v4(number) else 0)}"


def _reverse(found: re.Match[str], table: Table) -> str | None:
    number = _number(".".join(reversed(found["reverse"].split("."))))
    other = None if number is None else table.address(number)
    return None if other is None else ".".join(reversed(kinds.shown(other).split(".")))


def _dashed(found: re.Match[str], table: Table) -> str | None:
    """As clouds call their machines; three hyphens between numbers alone may be anything."""
    number = _number(found["dashed"].replace("-", "."))
    if number is None:
        return None
    other = table.address(number) if found["ip"] else table.perhaps(number)
    return None if other is None else f"{found['ip'] or ''}{kinds.shown(other).replace('.', '-')}"


def _hex(found: re.Match[str], table: Table) -> str | None:
    digits = found["hex"].removeprefix("0x")
    for there, back in _ORDERS[len(digits)]:
        other = table.perhaps(there(digits))
        if other is not None:
            written = back(other)
            written = written if digits != digits.upper() or digits.isdigit() else written.upper()
            return found["hex"][: -len(digits)] + written
    return None


def _json(found: re.Match[str], table: Table) -> str:
    number = _number(found[2])
    length = int(found[4])
    most = 32 if number is not None and kinds.is_v4(number) else BITS
    if number is None or length >= most:
        return found[0]
    written = _with_length(number, BITS - most + length, table, found[2])
    if written is None:
        return found[0]
    address, _, bits = written.partition("/")
    return f"{found[1]}{address}{found[3]}{bits}"


def _number(text: str) -> int | None:
    if ":" not in text and any(len(part) > 1 and part[0] == "0" for part in text.split(".")):
        text = ".".join(str(int(part)) for part in text.split("."))
    try:
        return kinds.number(text)
    except ValueError:
        return None


def _length(mask: str) -> int | None:
    """Of the prefix that a mask is."""
    number = _number(mask)
    if number is None:
        return None
    hosts = ~number & _ALL_V4
    return 32 - hosts.bit_length() if hosts & (hosts + 1) == 0 else None


def _as_written(number: int, spelled: str) -> str:
    """In the form of another spelling: dotted, mapped, full or compressed."""
    if ":" not in spelled:
        return kinds.shown(number)
    if kinds.is_v4(number):
        if "." in spelled:
            return f"{spelled[: spelled.rindex(':') + 1]}{kinds.shown(number)}"
        shown = f"::ffff:{number >> 16 & 0xFFFF:x}:{number & 0xFFFF:x}"
    else:
        shown = kinds.shown(number)
    if len(spelled) == 39:
        shown = ipaddress.IPv6Address(number).exploded
    return shown.upper() if spelled != spelled.lower() else shown


def _swapped(digits: str) -> int:
    """Each 32 bits by themselves, as a little-endian kernel prints what it holds in network order."""
    words = (digits[at : at + 8] for at in range(0, len(digits), 8))
    return int("".join(bytes.fromhex(word)[::-1].hex() for word in words), 16)


def _four(read: Callable[[str], int]) -> Callable[[str], int]:
    return lambda digits: V4_MAPPED | read(digits)


def _as_hex(width: int, *, swapped: bool) -> Callable[[int], str]:
    def written(number: int) -> str:
        digits = f"{number & ((1 << 4 * width) - 1):0{width}x}"
        return f"{_swapped(digits):0{width}x}" if swapped else digits

    return written


def _plain(digits: str) -> int:
    return int(digits, 16)


_ORDERS: Final = {
    8: ((_four(_swapped), _as_hex(8, swapped=True)), (_four(_plain), _as_hex(8, swapped=False))),
    32: ((_swapped, _as_hex(32, swapped=True)), (_plain, _as_hex(32, swapped=False))),
}
_WRITERS: Final[dict[str, Callable[[re.Match[str], Table], str | None]]] = {
    "mac": _mac,
    "called": _called,
    "bridge": _bridge,
    "hyphens": _grouped,
    "threes": _grouped,
    "joined": _grouped,
    "six": _six,
    "four": _dotted,
    "reverse": _reverse,
    "dashed": _dashed,
    "hex": _hex,
}
_BEHIND: Final = {"six_length": "six", "mask": "four", "length": "four", "more": "four", "port": "joined"}


_MACS: Final = ("mac", "called", "bridge", "hyphens", "threes")


def places(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses stand that cannot be anything else."""
    for found in _ADDRESSES.finditer(text):
        four = found["four"] or (found["dashed"] if found["ip"] else None)
        if (
            any(found[group] for group in _MACS)
            or (four and _number(four.replace("-", ".")) is not None)
            or (found["six"] and _without_colons(found["six"])[1] is not None)
        ):
            yield found.span()
