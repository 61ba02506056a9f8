"""The runbooks: the list of them, a page, or all of it as ``halftrack.runbooks/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from halftrack import runbooks

if TYPE_CHECKING:
    from halftrack.reporters.layout import Page

_HEADINGS: Final = {
    "symptom": "Symptoms",
    "cause": "Causes",
    "remedy": "Remedies",
    "setting": "Settings",
    "alert": "Alerts",
}


def listed(page: Page) -> list[str]:
    """A line or two for each, under a heading for each kind."""
    lines: list[str] = []
    kind = None
    for each in runbooks.topics():
        if each.kind != kind:
            kind = each.kind
            lines += ([""] if lines else []) + [_HEADINGS[kind]]
        lines += page.wrap(each.summary, f"  {each.slug:<20} ")
    return lines


def text(topic: str, page: Page) -> list[str]:
    """The page of a topic as it is written. Raises UsageError where there is none."""
    return [page.clean(line) for line in runbooks.text(topic).rstrip("\n").split("\n")]


def document(topic: str | None) -> dict[str, Any]:
    """Every page, or the one of a topic."""
    pages = runbooks.topics() if topic is None else (runbooks.find(topic),)
    return {
        "schema": "halftrack.runbooks/1",
        "runbooks": [
            {"kind": page.kind, "slug": page.slug, "summary": page.summary, "text": runbooks.text(page.slug)}
            for page in pages
        ],
    }
