"""Streams of bytes that come in pieces of any size."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def peeked(stream: Iterator[bytes], length: int) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a stream, at least ``length`` where it has them, and the whole of it."""
    first = b""
    for chunk in stream:
        first += chunk
        if len(first) >= length:
            break
    return first, itertools.chain([first] if first else [], stream)
