"""What is wrong, whose it is, since when, how fast it grows, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import words
from halftrack.reporters import figures
from halftrack.reporters.html import doing, pictures
from halftrack.reporters.html.markup import Markup, joined, lines, tag
from halftrack.reporters.phrases import finding as told
from halftrack.reporters.places import places

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from halftrack.diagnosis.document import Cause, Diagnosis, EnabledBy, Finding, Group, Reason


def section(diagnosis: Diagnosis) -> Markup | None:
    """None where nothing was found."""
    if not diagnosis.findings:
        return None
    typed = _typed(diagnosis)
    return joined(
        tag("h2", "Findings"),
        (_finding(number, each, diagnosis, typed) for number, each in enumerate(diagnosis.findings, 1)),
    )


def _typed(diagnosis: Diagnosis) -> dict[tuple[str, ...], str]:
    """Commands, and under which heading they stand: once on the page, where they come first."""
    found = {each.commands: doing.HEADING for each in doing.first(diagnosis)}
    for number, finding in enumerate(diagnosis.findings, 1):
        for remedy in finding.remedies:
            found.setdefault(remedy.commands, _heading(number))
    return found


def _heading(number: int) -> str:
    return f"finding {number}"


def _finding(
    number: int, shown: Finding, diagnosis: Diagnosis, typed: Mapping[tuple[str, ...], str]
) -> Markup:
    return tag(
        "article",
        tag(
            "div",
            tag("span", str(number), class_="number"),
            tag("span", f"{shown.symptom}, {shown.severity}", class_=f"chip {shown.severity}"),
            class_="head",
        ),
        tag("h3", told.title(shown, diagnosis)),
        tag("p", shown.explanation) if shown.explanation else None,
        _groups(shown, diagnosis),
        pictures.timeline(shown.timeline, diagnosis) if shown.timeline is not None else None,
        _facts(shown),
        _causes(shown.causes),
        _remedies(number, shown, typed),
    )


def _groups(shown: Finding, diagnosis: Diagnosis) -> Markup | None:
    if not shown.groups:
        return None
    times = "Oldest (UTC)" if diagnosis.taken_at is not None else "Silent for"
    what = "Sockets" if shown.symptom == "forgotten" else "Entries"
    head = tag(
        "tr",
        tag("th", "Whose"),
        *(tag("th", name, class_="number") for name in (what, "Share", times, "New", "Peers")),
    )
    return joined(
        tag(
            "table",
            tag("thead", head),
            tag("tbody", (_row(group, shown, diagnosis, what, times) for group in shown.groups)),
            class_="stacked",
        ),
        tag("p", f"and {words.count(shown.more_groups, 'more service')}", class_="soft")
        if shown.more_groups
        else None,
    )


def _row(group: Group, shown: Finding, diagnosis: Diagnosis, what: str, times: str) -> Markup:
    numbers = (
        (what, f"{group.entries:,}"),
        ("Share", told.share(group.entries, shown)),
        (times, told.since(group, diagnosis)),
        ("New", told.growth(group, shown)),
        ("Peers", "" if group.peers is None else f"{group.peers:,}"),
    )
    elsewhere = told.elsewhere(group, diagnosis)
    part = group.entries / shown.entries if shown.entries else 0.0
    return tag(
        "tr",
        tag(
            "td",
            figures.whose(group),
            tag("small", f" in {elsewhere}") if elsewhere is not None else None,
            pictures.share(part) if len(shown.groups) > 1 else None,
            class_="whose",
        ),
        *(tag("td", text, class_="number", data_label=label) for label, text in numbers),
    )


def _facts(shown: Finding) -> Markup | None:
    """How they came to be, how they go on, what lets them in, who is at the other end."""
    facts: list[Markup] = []
    if shown.began is not None:
        facts.append(joined(tag("b", "Began: "), f"{told.begun(shown.began)}."))
    if shown.forecast is not None and shown.groups:
        facts.append(joined(tag("b", "Pace: "), f"{shown.forecast.basis}."))
    facts += [_enabled(each) for each in shown.enabled_by]
    for group in shown.groups[:3]:
        if len(group.top_peers) > 1:
            peers = ", ".join(told.peer(each) for each in group.top_peers)
            of = " ".join(filter(None, (group.address or "it", group.service)))
            facts.append(joined(tag("b", f"Peers of {of}: "), peers))
    if shown.at:
        facts.append(joined(tag("b", "Read in: "), places(shown.at)))
    return tag("ul", (tag("li", each) for each in facts), class_="plain soft") if facts else None


def _enabled(by: EnabledBy) -> Markup:
    return joined(tag("b", "Let in by "), tag("code", told.let_in_by(by)), f": {by.why}")


def _causes(causes: Iterable[Cause]) -> Markup | None:
    shown = [_cause(each) for each in causes]
    if not shown:
        return None
    return joined(
        tag("p", f"Why? {told.WEIGHED}", class_="soft"),
        tag("ul", shown, class_="causes"),
    )


def _cause(cause: Cause) -> Markup:
    reasons = [
        *(tag("li", _reason(each), class_="for") for each in cause.for_),
        *(tag("li", _reason(each), class_="against") for each in cause.against),
        *(tag("li", "not seen: ", each, class_="missing") for each in cause.missing),
    ]
    return tag(
        "li",
        tag("div", told.cause(cause), pictures.share(cause.confidence), class_="name"),
        tag("ul", reasons) if reasons else tag("span"),
        lines([cause.settled_by]) if cause.settled_by else None,
        class_="cause",
    )


def _reason(reason: Reason) -> Markup:
    return joined(told.reason(reason), tag("small", f"  {reason.source}"))


def _remedies(number: int, shown: Finding, typed: Mapping[tuple[str, ...], str]) -> Markup | None:
    if not shown.remedies:
        return None
    elsewhere = {
        each.commands: typed[each.commands]
        for each in shown.remedies
        if each.commands and typed[each.commands] != _heading(number)
    }
    every = (
        joined(doing.advice(each, shown.remedies, typed_at=elsewhere.get(each.commands)), doing.reasons(each))
        for each in shown.remedies
    )
    return tag("details", tag("summary", f"{words.count(len(shown.remedies), 'remedy', 'remedies')}"), every)
