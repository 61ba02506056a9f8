"""What was read, assumed, and not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.html.markup import Markup, joined, lines, tag
from halftrack.reporters.phrases import notes
from halftrack.reporters.phrases import reading as phrases
from halftrack.reporters.places import places

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, Gap, Sourced

_MOST: Final = 500
"""Gaps, and values, that are listed: a node may have thousands of namespaces."""


def section(diagnosis: Diagnosis) -> Markup | None:
    """None where there is nothing to say."""
    told = notes.remarks(diagnosis)
    assumed = notes.assumed(diagnosis)
    if assumed:
        told.append(f"Assumed: {', '.join(assumed)}.")
    heard_of = [each for each in diagnosis.tables if each.heard is not None]
    told += [f"Heard in {each.netns}: {phrases.heard(each.heard)}" for each in heard_of if each.heard]
    parts = [
        tag("ul", (tag("li", each) for each in told), class_="plain") if told else None,
        _unreadable(diagnosis),
        _gaps(diagnosis),
        _sources(diagnosis),
    ]
    shown = [each for each in parts if each is not None]
    return joined(tag("h2", "What this rests on"), tag("div", shown, class_="card")) if shown else None


def footer(diagnosis: Diagnosis, made_by: str) -> Markup:
    """What was read, whether that is all, who says so."""
    return tag("footer", tag("p", f"Read: {phrases.read(diagnosis)}. {made_by}"))


def _unreadable(diagnosis: Diagnosis) -> Markup | None:
    told = notes.unreadable(diagnosis)
    return tag("div", tag("p", told), lines(diagnosis.input.first_unreadable)) if told else None


def _gaps(diagnosis: Diagnosis) -> Markup | None:
    if not diagnosis.gaps:
        return None
    return tag(
        "details",
        tag("summary", f"Not seen: {words.count(len(diagnosis.gaps), 'thing')}"),
        tag("ul", (tag("li", _gap(each)) for each in diagnosis.gaps[:_MOST]), class_="plain"),
        open=len(diagnosis.gaps) <= 8,
    )


def _gap(gap: Gap) -> Markup:
    where = f" of {gap.netns}" if gap.netns and gap.netns not in gap.what else ""
    needs = tag("code", "; ".join(gap.needs)) if gap.needs else None
    tells = f" ({', '.join(gap.would_tell)})" if gap.would_tell else ""
    return joined(
        tag("b", f"{gap.what}{where}"), f": {gap.why}{tells}", ". It takes " if needs else None, needs
    )


def _sources(diagnosis: Diagnosis) -> Markup | None:
    if not diagnosis.sources:
        return None
    return tag(
        "details",
        tag("summary", "Where each number was read"),
        tag("ul", (tag("li", _sourced(each)) for each in diagnosis.sources[:_MOST]), class_="plain soft"),
    )


def _sourced(each: Sourced) -> Markup:
    where = f"{each.netns}: " if each.netns else ""
    value = f"{each.value:,}" if isinstance(each.value, int) else str(each.value)
    return joined(where, tag("code", f"{each.what} = {value}"), f": {places(each.at)}")
