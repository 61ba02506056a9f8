"""The diagnosis as one page that can be mailed: nothing is fetched, nothing runs, it prints.

markup      elements as text, whatever comes from outside escaped
pictures    bars and timelines as inline SVG
findings    what is wrong, whose, since when, why
doing       what to do, with commands to copy
since       before and after
reading     what was read, assumed, and not seen
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from halftrack.reporters.html import doing, findings, fullness, reading, since
from halftrack.reporters.html.markup import Markup, joined, tag
from halftrack.reporters.phrases import heading

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Whatever a name of somebody else's may bring: a browser fetches nothing and runs nothing."""


def render(diagnosis: Diagnosis, *, planned: str | None = None, made_by: str = "Halftrack") -> str:
    """The page. ``planned``: the command that makes a plan of the same, where it can be typed.

    ``made_by``: the program and its version.
    """
    word = heading.word(diagnosis)
    told = f"{diagnosis.node}: {diagnosis.verdict}"
    body = tag(
        "body",
        tag(
            "header",
            tag("span", word, class_=f"chip {word.lower()}"),
            tag("h1", told),
            tag("p", heading.circumstances(diagnosis)),
            class_=word.lower(),
        ),
        tag(
            "main",
            fullness.section(diagnosis),
            since.section(diagnosis),
            doing.section(diagnosis, planned),
            findings.section(diagnosis),
            reading.section(diagnosis),
        ),
        reading.footer(diagnosis, made_by),
    )
    page = tag("html", _head(f"{word} {told}"), body, lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(title: str) -> Markup:
    style = files("halftrack.reporters.html").joinpath("page.css").read_text(encoding="utf-8")
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        joined(tag("style", Markup(style))),
    )
