"""The reply to a mail: plain ASCII, at most 60 lines of 78 columns, each claim with where it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.reporters.layout import Page
from halftrack.reporters.phrases import heading
from halftrack.reporters.ticket import claims, doing
from halftrack.reporters.ticket.citing import Sources, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.document import Diagnosis

MOST_LINES: Final = 60
WIDTH: Final = 78
_NOTHING: Final = "Nothing that has to be done was found."


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is told: reasons, findings beside the main one, what is not known; lines of commands each.

    ``claims``: paragraphs about the matter; ``longest``: characters of each; ``place``: of a cited place.
    """

    reasons: int
    others: int
    unknown: int
    commands: int
    claims: int = 20
    longest: int = 500
    place: int = 200


_DETAILS: Final = (
    _Detail(reasons=3, others=3, unknown=8, commands=8),
    _Detail(reasons=3, others=2, unknown=6, commands=6),
    _Detail(reasons=2, others=2, unknown=5, commands=4),
    _Detail(reasons=2, others=1, unknown=4, commands=3),
    _Detail(reasons=1, others=1, unknown=3, commands=2, longest=300, place=140),
    _Detail(reasons=1, others=0, unknown=2, commands=1, longest=200, place=74),
    _Detail(reasons=0, others=0, unknown=1, commands=0, claims=5, longest=100, place=74),
)
"""Tried in this order until it fits."""


def render(diagnosis: Diagnosis, *, planned: str | None = None) -> str:
    """As text. ``planned``: the command that makes a plan of the same, where it can be typed."""
    page = Page(width=WIDTH, planned=planned)
    lines: list[str] = []
    for detail in _DETAILS:
        lines = _reply(diagnosis, page, detail)
        if len(lines) <= MOST_LINES:
            break
    return "\n".join(lines[:MOST_LINES]) + "\n"


def attached(diagnosis: Diagnosis, *, program: str, planned: str | None) -> Iterator[str]:
    """Commands that write what the reply says comes with it. ``planned``: as for ``render``."""
    if doing.with_script(diagnosis, planned):
        yield f"{planned} --sh -o {doing.PLAN_FILE}"
    if diagnosis.ask is not None and diagnosis.ask.by_script:
        yield f"{program} {diagnosis.script_by}"


def _reply(diagnosis: Diagnosis, page: Page, detail: _Detail) -> list[str]:
    sources = Sources(diagnosis, detail.place)
    said = claims.claims(
        diagnosis,
        page,
        sources,
        reasons=detail.reasons,
        others=detail.others,
        most=detail.claims,
        longest=detail.longest,
    )
    parts = {
        "": _head(diagnosis, page, detail.longest),
        "What is the matter": said,
        "Assumed": doing.assumed(diagnosis, page, detail.longest),
        "Not known": doing.not_known(diagnosis, page, detail.unknown, detail.longest),
        "What to do": doing.to_do(diagnosis, page, commands=detail.commands, longest=detail.longest)
        or page.wrap(_NOTHING),
        "Please send next": doing.next_thing(diagnosis, page, detail.longest),
        f"Read in{_of(diagnosis, detail.place)}": sources.listed(page),
    }
    lines: list[str] = []
    for title, part in parts.items():
        if part:
            lines += [*([""] if lines else []), *([f"{title}:"] if title else []), *part]
    return lines


def _of(diagnosis: Diagnosis, longest: int) -> str:
    """The one file in which all else is a member or a section."""
    files = diagnosis.input.files
    return (
        f" {shortened(files[0], min(longest, 60))}"
        if diagnosis.source == "bundle" and len(files) == 1
        else ""
    )


def _head(diagnosis: Diagnosis, page: Page, longest: int) -> list[str]:
    """The verdict, which does for the subject as well, and when and where it was taken."""
    word = f"{heading.word(diagnosis)}  "
    told = shortened(f"{diagnosis.node}: {diagnosis.verdict}", longest)
    about = shortened(heading.circumstances(diagnosis), longest)
    return [*page.wrap(told, word), *page.wrap(about, " " * len(word))]
