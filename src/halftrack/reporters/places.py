"""Where something was read, in words: ``file:12``, ``file:12-340``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.document import ReadAt


def place(at: ReadAt) -> str:
    """The file alone where no lines are known."""
    if at.first_line is None:
        return at.file
    last = "" if at.last_line in (None, at.first_line) else f"-{at.last_line}"
    return f"{at.file}:{at.first_line}{last}"


def places(at: Iterable[ReadAt]) -> str:
    """All of them, in their order."""
    return ", ".join(place(each) for each in at)
