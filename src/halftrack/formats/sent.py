"""Support reports as sources: a directory or an archive, given to the reader that understands them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from halftrack.errors import UnreadableInput
from halftrack.formats import members
from halftrack.formats.members import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import Evidence
    from halftrack.formats.members import Member
    from halftrack.formats.sources import Source


class Reported(Protocol):
    """Evidence of a support report's files; with ``by_mark`` None where they look like none."""

    def __call__(self, members: Iterator[Member], walk: Walk, *, by_mark: bool) -> Evidence | None: ...


def of_directory(path: str, shown: str, reported: Reported, walk: Walk) -> Evidence | None:
    """None: a handful of tables, each of which is one by itself. Raises UnreadableInput."""
    with _naming(shown):
        found = reported(members.of_directory(path, walk), walk, by_mark=True)
    return None if found is None else replace(found, input=replace(found.input, inside=shown))


def of_archive(source: Source, shown: str, reported: Reported) -> Evidence:
    """Raises UnreadableInput where it holds nothing that is understood."""
    walk = Walk(source.deadline)
    with _naming(shown):
        found = reported(members.of_archive(source.chunks(), walk), walk, by_mark=False)
        if found is None:
            raise UnreadableInput("it holds nothing that is understood")
    # That the time was up is known to both, and the walk tells where.
    notes = found.input.notes if walk.late else (*source.notes, *found.input.notes)
    cut = source.truncated or found.input.truncated
    return replace(found, input=replace(found.input, inside=shown, notes=notes, truncated=cut))


@contextlib.contextmanager
def _naming(shown: str) -> Iterator[None]:
    """Say of which source it is that nothing can be read in it."""
    try:
        yield
    except UnreadableInput as error:
        raise UnreadableInput(f"{shown}: {error}") from error
