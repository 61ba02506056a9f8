"""Before and after: what is new, what stayed, what left, and what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.html import pictures
from halftrack.reporters.html.markup import Markup, joined, lines, tag
from halftrack.reporters.html.pictures import Part
from halftrack.reporters.phrases import since as told

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.diagnosis.since.document import Since, SinceFinding, SinceRules, SinceTable

_COURSES: Final = {"new": "critical", "greater": "warning", "gone": "ok", "smaller": "ok"}


def section(diagnosis: Diagnosis) -> Markup | None:
    """None where no earlier moment was given."""
    shown = diagnosis.since
    if shown is None:
        return None
    main = told.main_table(shown, diagnosis)
    return joined(
        tag("h2", "Before and after"),
        tag(
            "div",
            tag("p", f"Since {told.when(shown)}."),
            _figures(main) if main is not None else None,
            _bars(main) if main is not None else None,
            tag("p", f"{told.doubts(main, shown).strip()}", class_="soft") if main is not None else None,
            tag("p", told.counted(main.counters)) if main is not None and main.counters is not None else None,
            _moments(shown),
            class_="card",
        ),
        _findings(shown),
        _changes(shown),
        tag("ul", (tag("li", note) for note in shown.notes), class_="plain soft") if shown.notes else None,
    )


def _figures(of: SinceTable) -> Markup:
    numbers = [("Entries", _both(of.before, of.now)), ("Stuck", _both(of.stuck_before, of.stuck_now))]
    if of.per_minute is not None:
        numbers.append(("Growth", told.signed(of.per_minute) if of.per_minute else "none"))
    return tag(
        "dl", (tag("div", tag("dt", name), tag("dd", text)) for name, text in numbers), class_="figures"
    )


def _both(before: int | None, now: int | None) -> str:
    one, other = ("not known" if each is None else f"{each:,}" for each in (before, now))
    return f"{one} \u2192 {other}"


def _bars(of: SinceTable) -> Markup | None:
    """Two bars to one scale: what stayed begins both."""
    if of.new is None or of.stayed is None or of.left is None:
        return None
    then = (
        Part("stayed", of.stayed, "other"),
        Part("left", of.left, "left"),
        Part("not seen now", of.unseen_now, "unseen"),
    )
    now = (
        Part("stayed", of.stayed, "other", shown=False),
        Part("new", of.new, "new"),
        Part("not seen then", of.unseen_before, "unseen"),
    )
    whole = max(sum(part.entries for part in then), sum(part.entries for part in now), 1)
    fates = told.fates(of)
    return tag(
        "div",
        tag("p", "Then", class_="soft"),
        pictures.bar(then, whole, f"Then: {fates}"),
        tag("p", "Now", class_="soft"),
        pictures.bar(now, whole, f"Now: {fates}"),
    )


def _moments(shown: Since) -> Markup | None:
    picture = pictures.moments(shown.moments)
    if picture is None:
        return None
    return tag(
        "figure",
        tag("figcaption", "Entries at every moment, and those that were stuck"),
        picture,
        tag("ul", (tag("li", told.moment(each)) for each in shown.moments), class_="plain soft"),
    )


def _findings(shown: Since) -> Markup | None:
    if not shown.findings:
        return None
    return tag(
        "div", tag("ul", (_finding(each) for each in told.ordered(shown)), class_="causes"), class_="card"
    )


def _finding(of: SinceFinding) -> Markup:
    kind = _COURSES.get(of.course, "info")
    return tag(
        "li",
        tag("div", tag("span", of.course, class_=f"chip {kind}")),
        tag("div", told.finding(of)),
        class_="cause",
    )


def _changes(shown: Since) -> Markup | None:
    settings = [told.setting(each) for each in shown.settings]
    if not settings and not shown.rules:
        return None
    return tag(
        "div",
        tag("p", "Changed in between"),
        tag("ul", (tag("li", tag("code", line)) for line in settings), class_="plain") if settings else None,
        (_rules(each) for each in shown.rules),
        class_="card",
    )


def _rules(of: SinceRules) -> Markup:
    more = of.more_new + of.more_gone
    return joined(
        tag("p", words.capital(told.rules(of))),
        lines(told.rule_lines(of)),
        tag("p", f"and {more:,} more", class_="soft") if more else None,
    )
