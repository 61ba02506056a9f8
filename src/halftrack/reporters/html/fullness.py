"""How full the table is, of what, whether it drops now, and when it is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters import figures
from halftrack.reporters.html import pictures
from halftrack.reporters.html.markup import Markup, joined, tag
from halftrack.reporters.html.pictures import Part
from halftrack.reporters.phrases import notes
from halftrack.reporters.phrases import table as tables

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, TableSummary

_TABLES: Final = 200
"""Tables that are listed; a node may have thousands."""


def section(diagnosis: Diagnosis) -> Markup | None:
    """None where no table could be read."""
    shown = diagnosis.table
    if shown is None:
        return None
    cut = notes.cut(diagnosis)
    return joined(
        tag("h2", "Connection table"),
        tag(
            "div",
            tag("p", _size(shown), class_="big"),
            _bar(shown, diagnosis),
            tag("p", tag("b", cut)) if cut else None,
            tag("p", f"{tables.now(shown, diagnosis)} {tables.ahead(shown, diagnosis, basis=True)}"),
            _others(diagnosis),
            class_="card",
        ),
    )


def _size(shown: TableSummary) -> Markup:
    if shown.entries is None:
        return joined("number of entries not known")
    if not shown.limit:
        about = " entries, no limit" if shown.unlimited else " entries, limit not known"
        return joined(shown.entries, tag("small", about))
    share = words.percent(shown.entries / shown.limit)
    return joined(shown.entries, tag("small", f" of {shown.limit:,} entries, {share}"))


def _bar(shown: TableSummary, diagnosis: Diagnosis) -> Markup | None:
    if not shown.entries:
        return None
    stuck, silent = shown.stuck or 0, tables.silent(shown, diagnosis.findings)
    other = max(shown.entries - stuck - silent, 0)
    parts = (
        Part("stuck: heard in one direction only, or nobody left", stuck, "stuck"),
        Part("silent: may be dead or at rest", silent, "silent"),
        Part("others" if stuck or silent else "entries", other, "other"),
    )
    told = ", ".join(f"{part.entries:,} {part.label}" for part in parts if part.entries)
    return pictures.bar(parts, max(shown.limit or 0, shown.entries), told)


def _others(diagnosis: Diagnosis) -> Markup | None:
    """Every table, the fullest first, where there are several."""
    if len(diagnosis.tables) < 2:
        return None
    order = sorted(diagnosis.tables, key=lambda one: (-(one.entries or 0), one.netns))
    shown = [each for each in order if each.entries != 0 or each.read][:_TABLES]
    rows = [
        tag(
            "tr",
            tag("td", figures.owner(each.owner) if each.owner else each.netns, class_="whose"),
            _number("entries", "not known" if each.entries is None else f"{each.entries:,}"),
            _number("limit", "none" if each.unlimited else f"{each.limit:,}" if each.limit else "not known"),
            _number("stuck", "" if each.stuck is None else f"{each.stuck:,}"),
            tag("td", "" if each.read else "entries not read"),
        )
        for each in shown
    ]
    rest = order[len(shown) :]
    entries = sum(each.entries or 0 for each in rest)
    return tag(
        "details",
        tag("summary", f"All {words.count(len(order), 'table')}"),
        tag(
            "table",
            tag("thead", tag("tr", tag("th", "Namespace"), *_heads("Entries", "Limit", "Stuck"), tag("th"))),
            tag("tbody", rows),
            class_="stacked",
        ),
        tag("p", f"{len(rest):,} more hold {words.entries(entries)}.", class_="soft") if rest else None,
    )


def _heads(*names: str) -> list[Markup]:
    return [tag("th", name, class_="number") for name in names]


def _number(label: str, text: str) -> Markup:
    return tag("td", text, class_="number", data_label=label)
