"""The lab: the list of its scenarios, and what one has shown beside what the doctor finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from halftrack.diagnosis import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page

_CAUSES: Final = 3
_STANDING: Final = "Left standing: "


class Scenario(Protocol):
    """What is told of one."""

    @property
    def name(self) -> str: ...
    @property
    def cause(self) -> str: ...
    @property
    def summary(self) -> str: ...


class Place(Protocol):
    """A namespace that was left standing, and the process that holds it."""

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...


def listed(scenarios: Iterable[Scenario], page: Page) -> list[str]:
    return [line for one in scenarios for line in page.wrap(one.summary, f"  {one.name:<17} ")]


def list_document(scenarios: Iterable[Scenario]) -> dict[str, Any]:
    told = [{"scenario": one.name, "cause": one.cause, "summary": one.summary} for one in scenarios]
    return {"scenarios": told}


def document(shown: Scenario, found: Diagnosis) -> dict[str, Any]:
    """``found``: what the doctor makes of it."""
    return {"scenario": shown.name, "cause": shown.cause, "diagnosis": found}


def compared(shown: Scenario, found: Diagnosis, page: Page) -> list[str]:
    """What was shown, and which causes the doctor weighs for what it has found: in numbers as few as here
    the screen above may leave them out.
    """
    lines = [f"Shown   {shown.cause}"]
    for finding in found.findings:
        if finding.causes:
            causes = ", ".join(f"{cause.cause} {cause.confidence:g}" for cause in finding.causes[:_CAUSES])
            lines += page.wrap(f"{finding.symptom}, {words.entries(finding.entries)}: {causes}", "Weighed ")
    return lines if len(lines) > 1 else [*lines, f"Weighed nothing: {_why_nothing(found)}"]


def _why_nothing(found: Diagnosis) -> str:
    if found.findings:
        return "nothing of what was found has a cause to be weighed"
    left = sum(table.entries or 0 for table in found.tables)
    return f"nothing was found among {words.entries(left)}" if left else "nothing is left in the table"


def left_standing(places: Sequence[Place], router: str, page: Page) -> list[str]:
    """How to look at them and to remove them. ``router``: the path of that which tracks."""
    named = ", ".join(f"{place.name} (process {place.pid})" for place in places)
    return [
        *page.wrap(named, _STANDING, "  "),
        f"  look    {page.program} doctor --netns {router}",
        f"          {page.program} list --netns {router}",
        f"  remove  kill {' '.join(str(place.pid) for place in places)}",
    ]
