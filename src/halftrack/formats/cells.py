"""Many lines at once: a matrix of bytes with a row for each, in which NUL fills what a line lacks.

Several times as fast as putting strings together, where there are a million lines to write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from halftrack.evidence import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

Cells: TypeAlias = npt.NDArray[np.uint8]
"""A row for each line, a column for each byte; NUL is no text."""

_DOTTED: Final = len("255.255.255.255")
_TOGETHER: Final = 2_048
"""Lines whose matrix stays in the processor's cache."""


def joined(parts: Sequence[Cells | str], height: int) -> Iterator[bytes]:
    """The lines, many at a time, each ended: of every part its row, one after the other.

    A text stands in all of them.
    """
    # What stands in all of them is there from the start: writing a few bytes into each row takes longer.
    shared, varying = b"", list[tuple[int, Cells]]()
    for part in parts:
        if not isinstance(part, str):
            varying.append((len(shared), part))
        shared += part.encode() if isinstance(part, str) else bytes(part.shape[1])
    row = np.frombuffer(shared + b"\n", np.uint8)
    room = bytearray(_TOGETHER * len(row))
    matrix = np.frombuffer(room, np.uint8).reshape(_TOGETHER, -1)
    matrix[:] = row
    for start in range(0, height, _TOGETHER):
        count = min(height - start, _TOGETHER)
        for at, cells in varying:
            matrix[:count, at : at + cells.shape[1]] = cells[start : start + count]
        yield memoryview(room)[: count * len(row)].tobytes().translate(None, b"\0")


def words(texts: Sequence[str], which: npt.NDArray[np.integer[Any]]) -> Cells:
    """Of these texts, in each line the one with this number."""
    known = np.array([text.encode() for text in texts], dtype=np.bytes_)
    cells: Cells = known[which].view(np.uint8).reshape(len(which), -1)
    return cells


def numbers(values: npt.NDArray[np.integer[Any]]) -> Cells:
    """Numbers from 0 on, in decimal digits."""
    small = not values.size or int(values.max()) < 1 << 32
    rest: npt.NDArray[np.unsignedinteger[Any]] = values.astype(np.uint32 if small else np.uint64)
    width = len(str(int(rest.max()))) if rest.size else 1
    cells = np.zeros((len(rest), width), np.uint8)
    for place in reversed(range(width)):
        tens = rest // 10
        digits = (rest - tens * 10 + ord("0")).astype(np.uint8)
        # Leading zeros are no digits; a lone one is.
        cells[:, place] = digits if place == width - 1 else digits * (rest > 0)
        rest = tens
    return cells


def shown(hi: pl.Series, lo: pl.Series, opaque: pl.Series) -> Cells:
    """Addresses, as ``addresses.show`` spells them."""
    his, los = hi.to_numpy(), lo.to_numpy()
    dotted = addresses.are_v4(his, los)
    if dotted.all():
        return _dotted(los)
    others = addresses.show(hi.filter(~dotted), lo.filter(~dotted), opaque)
    spelled, which = np.unique(others.to_numpy(), return_inverse=True)
    rest = words(spelled.tolist(), which)
    cells = np.zeros((len(his), max(_DOTTED, rest.shape[1])), np.uint8)
    cells[dotted, :_DOTTED] = _dotted(los[dotted])
    cells[~dotted, : rest.shape[1]] = rest
    return cells


def only(cells: Cells, where: npt.NDArray[np.bool_]) -> Cells:
    """Nothing elsewhere."""
    return cells * where[:, np.newaxis]


def _dotted(los: npt.NDArray[np.uint64]) -> Cells:
    octets = np.empty((len(los), 4), _OCTETS.dtype)
    for place, shift in enumerate((24, 16, 8, 0)):
        octets[:, place] = _OCTETS[(los >> np.uint64(shift)).astype(np.uint8)]
    return octets.view(np.uint8)[:, :_DOTTED]  # without the last dot


_OCTETS: Final = np.array([f"{octet:\0>3}.".encode() for octet in range(256)]).view(np.uint32)
"""Each octet's digits and a dot, as one number: moved at once."""
