"""Numbers in brackets behind claims, and the list of what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.reporters.places import place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.document import Diagnosis, ReadAt
    from halftrack.reporters.layout import Page

_MOST: Final = 3
"""Places that one claim names; sockets of many namespaces are one claim."""
_INDENT: Final = 5


class Sources:
    """What was cited so far. ``longest``: characters of a place that are shown."""

    def __init__(self, diagnosis: Diagnosis, longest: int) -> None:
        self._diagnosis = diagnosis
        self._longest = longest
        self._numbers: dict[str, int] = {}

    def of(self, what: str, netns: str | None) -> tuple[ReadAt, ...]:
        """Where a value of this namespace was read; empty where that was not kept.

        A setting that is not listed for it is the same as in the first namespace.
        """
        found = [each for each in self._diagnosis.sources if each.what == what]
        own = [each for each in found if each.netns == netns]
        chosen = own or (found if "." in what else [])
        return chosen[0].at if chosen else ()

    @property
    def kept(self) -> bool:
        """Whether it is known of anything where it was read."""
        return bool(self._diagnosis.sources)

    def cited(self, text: str, at: Iterable[ReadAt]) -> str:
        """The text with the numbers of these places; of the source as a whole where there is none."""
        places = [shortened(place(each), self._longest) for each in at][:_MOST] or [self._whole()]
        marks = [self._numbers.setdefault(each, len(self._numbers) + 1) for each in places]
        return f"{text} {''.join(f'[{mark}]' for mark in sorted(set(marks)))}"

    def listed(self, page: Page) -> list[str]:
        lines = []
        for text, number in self._numbers.items():
            first, *others = _broken(text, page.width - _INDENT)
            lines += [f"{f'[{number}]':<{_INDENT - 1}} {first}", *(" " * _INDENT + other for other in others)]
        return lines

    def _whole(self) -> str:
        files = self._diagnosis.input.files
        if len(files) == 1:
            return shortened(files[0], self._longest)
        if files:
            return f"{len(files):,} files of {self._diagnosis.node}"
        return (
            "this node, live"
            if self._diagnosis.source == "live"
            else f"what was sent of {self._diagnosis.node}"
        )


def _broken(text: str, room: int) -> list[str]:
    """A path on lines of their own, between its parts where that is possible."""
    lines = []
    while len(text) > room:
        cut = text.rfind("/", 0, room) + 1 or room
        lines.append(text[:cut])
        text = text[cut:]
    return [*lines, text]


def shortened(text: str, most: int) -> str:
    """As it is shown; without its middle where that is longer: both ends of a path tell something."""
    text = escaped(text, ascii_only=True)
    if len(text) <= most:
        return text
    return f"{text[: most // 3]}...{text[len(text) - (most - most // 3 - 3) :]}"
