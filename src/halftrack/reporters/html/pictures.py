"""Pictures as inline SVG: how full, when, how many then and now. Each says in words what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.html.markup import Markup, tag
from halftrack.reporters.phrases import timeline as drawn

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, Timeline
    from halftrack.diagnosis.since.document import SinceMoment

_WIDE: Final = 1000
_HIGH: Final = 120
_BARS: Final = 96
_LEAST: Final = 2
"""What is neither nothing nor all never looks so."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar. ``kind``: its class, which gives its colour. ``shown``: in the legend."""

    label: str
    entries: int
    kind: str
    shown: bool = True


def bar(parts: Sequence[Part], whole: int, told: str) -> Markup:
    """Parts of ``whole`` side by side; what is left of it stays free. ``told``: the same in words."""
    rects, at = [], 0.0
    for part in parts:
        if part.entries <= 0 or whole <= 0:
            continue
        width = max(part.entries / whole * _WIDE, _LEAST)
        rects.append(
            tag(
                "rect",
                x=f"{at:.1f}",
                y=0,
                width=f"{min(width, _WIDE - at):.1f}",
                height=20,
                class_=part.kind,
            )
        )
        at = min(at + width, _WIDE)
    picture = _svg(20, told, tag("rect", x=0, y=0, width=_WIDE, height=20, class_="free"), rects, kind="bar")
    return tag("div", picture, _legend(parts), class_="picture")


def _legend(parts: Sequence[Part]) -> Markup:
    return tag(
        "ul",
        (
            tag("li", tag("i", class_=part.kind), tag("b", part.entries), f" {part.label}")
            for part in parts
            if part.shown and part.entries > 0
        ),
        class_="legend",
    )


def timeline(shown: Timeline, diagnosis: Diagnosis) -> Markup:
    """When the entries were last heard, or made."""
    heights, width_s = drawn.gathered(shown, _BARS)
    top = max(max(heights, default=0), 1)
    step = _WIDE / max(len(heights), 1)
    begin, end = drawn.ends(shown, len(heights) * width_s, diagnosis)
    verb = drawn.VERB[shown.clock]
    rects = [
        tag(
            "rect",
            x=f"{place * step:.2f}",
            y=f"{_HIGH - _height(height, top):.1f}",
            width=f"{max(step * 0.86, 0.5):.2f}",
            height=f"{_height(height, top):.1f}",
            class_="drawn",
        )
        for place, height in enumerate(heights)
        if height
    ]
    told = f"Entries by when they were {verb}, {begin} to {end}; at most {top:,} in {words.duration(width_s)}"
    return tag(
        "figure",
        tag("figcaption", f"{verb.capitalize()}; a bar is {words.duration(width_s)}, the highest {top:,}"),
        _svg(_HIGH, told, rects, kind="timeline"),
        tag("div", tag("span", begin), tag("span", end), class_="ends"),
    )


def moments(shown: Sequence[SinceMoment]) -> Markup | None:
    """Entries at each moment, and how many of them were stuck; None where fewer than three are known."""
    known = [each for each in shown if each.entries is not None]
    if len(known) < 3:
        return None
    top = max(*(each.entries or 0 for each in known), 1)
    step = _WIDE / len(known)
    rects = []
    for place, each in enumerate(known):
        for entries, kind in ((each.entries or 0, "other"), (each.stuck or 0, "stuck")):
            high = _height(entries, top)
            rects.append(
                tag(
                    "rect",
                    x=f"{(place + 0.1) * step:.1f}",
                    y=f"{_HIGH - high:.1f}",
                    width=f"{0.8 * step:.1f}",
                    height=f"{high:.1f}",
                    class_=kind,
                )
            )
    told = "Entries at each moment: " + ", ".join(f"{each.entries or 0:,}" for each in known)
    return _svg(_HIGH, told, rects, kind="timeline")


def share(part: float, kind: str = "drawn") -> Markup:
    """A share 0..1 as a small bar; the number stands beside it."""
    width = min(max(part, 0.0), 1.0) * 100
    return Markup(
        tag(
            "svg",
            tag("rect", x=0, y=0, width=100, height=8, class_="free"),
            tag("rect", x=0, y=0, width=f"{width:.1f}", height=8, class_=kind),
            viewBox="0 0 100 8",
            preserveAspectRatio="none",
            class_="share",
            aria_hidden="true",
        )
    )


def _height(entries: int, top: int) -> float:
    return max(entries / top * (_HIGH - 4), _LEAST) if entries else 0.0


def _svg(high: int, told: str, *content: Markup | Sequence[Markup], kind: str) -> Markup:
    return tag(
        "svg",
        tag("title", told),
        *content,
        viewBox=f"0 0 {_WIDE} {high}",
        preserveAspectRatio="none",
        role="img",
        aria_label=told,
        class_=kind,
    )
