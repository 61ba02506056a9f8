"""Reading what other programs say about names: any shape, any bytes, of any length.

Each function takes whatever a JSON parser gave and returns a value of the one type it is named
for, empty where there is none.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any, Final

from halftrack.evidence.printable import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_NAME: Final = 128
_LONGEST_ADDRESS: Final = 64
_HEX_ID: Final = re.compile(r"[0-9a-f]{64}")
SHORT_ID: Final = 12
"""How many digits of an id the container tools show, and accept."""


def printable(text: str) -> str:
    """A name or a line: no blanks around it, fit for one line of a screen."""
    return escaped(text.strip(), LONGEST_NAME)


def text(value: Any) -> str:
    """A string made printable, or a number as text."""
    if isinstance(value, str):
        return printable(value)
    return str(value) if isinstance(value, int) and abs(value) < 1 << 64 else ""


def parsed(value: Any) -> Any:
    """What a text says as JSON; None where it is no text or no JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


def toml(value: str) -> dict[str, Any]:
    """A configuration. Raises ValueError, RecursionError where it is none."""
    import tomllib  # noqa: PLC0415  # most nodes have no runtime that is configured so

    return tomllib.loads(value)


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def number(value: Any, most: int = (1 << 31) - 1) -> int | None:
    """A number from 1 to ``most``, also where it was written as text."""
    if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most:
        return value
    return None


def strings(value: Any) -> list[str]:
    """A list of strings, or the words of one string."""
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [item for item in items(value) if isinstance(item, str)]


def addresses(values: Iterable[str]) -> Iterator[str]:
    """Those of the texts that are addresses which tell one namespace from another, spelled one way.

    A prefix length or an interface behind one is dropped. Loopback, link-local and unspecified
    addresses tell nothing: any namespace may have them.
    """
    for value in values:
        bare = value[:_LONGEST_ADDRESS].partition("/")[0].partition("%")[0]
        try:
            address = ipaddress.ip_address(bare)
        except ValueError:
            continue
        if not (address.is_loopback or address.is_link_local or address.is_unspecified):
            yield str(address)


def short_id(identifier: str) -> str:
    """As the container tools show it: 12 digits of a hash, anything else whole."""
    return identifier[:SHORT_ID] if _HEX_ID.fullmatch(identifier) else identifier
