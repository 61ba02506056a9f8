"""A masked bundle and its map, written: both, or neither."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.commands import output
from halftrack.commands.saving import save
from halftrack.errors import Incomplete, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.evidence.values import Evidence

_OF_NODE = ("live", "bundle", "sos")


def map_beside(target: str | None, named: str | None) -> Path:
    """Where the map goes. Raises UsageError where nothing may be written there, or nothing says where."""
    if named is None and target in {None, "-"}:
        raise UsageError("the map needs a place of its own: --map FILE")
    path = Path(named) if named is not None else Path(str(target)).with_suffix(".map")
    if target is not None and path == Path(target):
        raise UsageError("the map is not to be mailed: give it another name than the bundle")
    if os.path.lexists(path):
        raise UsageError(f"{str(path)!a} is there already, and may be the map of another bundle: --map FILE")
    return path


def masked(
    seen: Evidence, map_path: Path, packed: Callable[[Evidence], bytes], write: Callable[[bytes], None]
) -> Evidence:
    """Write the bundle by ``write``, and before it the map; what is in the bundle.

    Raises Incomplete where something of the node's own would be in it: nothing is left on disk then.
    """
    if seen.source not in _OF_NODE:
        raise UsageError("a table as text is no collection: it is masked by hand, or collected anew")
    if seen.input.masked == "substituted":
        raise UsageError("it is masked already: mail it as it is")
    from halftrack import masking  # noqa: PLC0415  # heavy
    from halftrack.masking import searching  # noqa: PLC0415  # likewise

    try:
        found, key = masking.masked(seen)
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
            map_path.unlink()
        raise
    output.show(f"halftrack: the map stays with you: {map_path} (undone by: {output.program()} unmask)")
    return found
