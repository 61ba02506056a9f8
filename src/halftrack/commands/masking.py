"""A masked bundle and its map, written: both, or neither."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.commands import output
from halftrack.commands.saving import save
from halftrack.errors import Incomplete, UnreadableInput, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.evidence.values import Evidence
    from halftrack.masking.key import Key


def map_beside(target: str | None, named: str | None) -> tuple[Path, Key | None]:
    """Where the map goes, and the one that is there and was named, to be used again.

    Raises UsageError where nothing may be written there, or nothing says where; UnreadableInput for a map
    that is not whole.
    """
    if named is None and target in {None, "-"}:
        raise UsageError("the map needs a place of its own: --map FILE")
    path = Path(named) if named is not None else Path(str(target)).with_suffix(".map")
    if target is not None and path == Path(target):
        raise UsageError("the map is not to be mailed: give it another name than the bundle")
    if not os.path.lexists(path):
        return path, None
    if named is None:
        raise UsageError(
            f"{str(path)!a} is there already: --map FILE for another place, or that one to use it again"
        )
    from halftrack.masking import key  # noqa: PLC0415  # heavy

    content = _beginning(path, key.LARGEST + 1) if path.is_file() else b""
    if len(content) > key.LARGEST:
        raise UnreadableInput(f"{str(path)!a} holds more than {key.LARGEST:,} bytes")
    if not key.begins(content):
        raise UsageError(f"{str(path)!a} is there already, and is no map: --map FILE")
    return path, key.read(content, ascii(str(path)))


def _beginning(path: Path, most_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most_bytes)
    except OSError as error:
        raise UnreadableInput(f"{str(path)!a} cannot be read: {error.strerror}") from error


def masked(
    seen: Evidence,
    map_path: Path,
    known: Key | None,
    packed: Callable[[Evidence], bytes],
    write: Callable[[bytes], None],
) -> Evidence:
    """Write the bundle by ``write``, and before it the map; what is in the bundle.

    ``known``: the map that is there. Raises Incomplete where something of the node's own would be in it:
    nothing is left on disk then, and a map that was there is as it was.
    """
    if not seen.of_node:
        raise UsageError("a table as text is no collection: it is masked by hand, or collected anew")
    if seen.input.masked == "substituted":
        raise UsageError("it is masked already: mail it as it is")
    from halftrack import masking  # noqa: PLC0415  # heavy
    from halftrack.masking import searching  # noqa: PLC0415  # likewise

    try:
        found, key = masking.masked(seen, known)
    except masking.NoRoom as error:
        raise Incomplete(f"{error}: nothing was written") from error
    data = packed(found)
    left = searching.left(data, key, found)
    if left is not None:
        raise Incomplete(f"{left} would be left: nothing was written")
    save(key.written(), map_path)
    try:
        write(data)
    except BaseException:
        with contextlib.suppress(OSError):
            map_path.unlink() if known is None else save(known.written(), map_path)
        raise
    told = "the map stays with you" if known is None else "the map was used again, and stays with you"
    output.show(f"halftrack: {told}: {map_path} (undone by: {output.program()} unmask)")
    return found
