"""Documents as JSON: two-space indented, one at a time, ending in a newline."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_INVISIBLE: Final = (*range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
UNSEEN: Final = {chr(number): f"\\u{number:04x}" for number in _INVISIBLE}
"""Characters that JSON lets stand and that a terminal obeys, with their escapes."""


def pretty(document: Any) -> bytes:
    """Any struct or built-in value."""
    return _harmless(msgspec.json.format(msgspec.json.encode(document), indent=2))


def compact(document: Any) -> bytes:
    """The same in one line."""
    return _harmless(msgspec.json.encode(document))


def _harmless(text: bytes) -> bytes:
    if text.isascii() and b"\x7f" not in text:
        return text + b"\n"
    return text.decode().translate({ord(one): escape for one, escape in UNSEEN.items()}).encode() + b"\n"
