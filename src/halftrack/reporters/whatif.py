"""What if, as a screen: a chart of both courses, their sizes at some moments, when full, what is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import UNHURT
from halftrack.reporters import chart, live_flows
from halftrack.reporters.layout import Page
from halftrack.reporters.paint import painted

if TYPE_CHECKING:
    from halftrack.whatif.document import Ahead, Point, Sweep, Tried, WhatIf

_INDENT: Final = " " * 8
_SHOWN_S: Final = (3_600, 21_600, 86_400, 172_800)
_SERVICES: Final = 4
_LABEL: Final = 10
_ROOMY: Final = 64
"""Columns from which bounds stand beside the sizes."""


def render(
    found: WhatIf,
    *,
    width: int = 80,
    ascii: bool = True,  # noqa: A002  # the page's alphabet, as the option is called everywhere
    color: bool = False,
    verbose: bool = False,
) -> str:
    """The screen as text, lines of at most ``width`` (40..80) columns."""
    page = Page(width, ascii, verbose)
    lines = [*page.wrap(f"What if on {found.node}: {_asked(found)}", "", " " * 8)]
    limit = "not known" if found.limit is None else f"{found.limit:,}" if found.limit else "none"
    lines += page.wrap(f"{words.entries(found.entries)} in {found.netns} now, limit {limit}.", _INDENT)
    if not found.entries and found.sweep is None and found.today.settles_at == found.settles_at == 0:
        lines += page.wrap("An empty table: whatever is set, it tells nothing of what will come.", _INDENT)
    elif found.sweep is None:
        lines += ["", *_chart(found, page), "", *_table(found, page), "", *_outcome(found, page)]
    else:
        lines += ["", *_sweep(found.sweep, page), "", *_swept(found.sweep, page)]
    lines += page.wrap(f"{found.growth}: {found.basis}.", "GROWTH  ", _INDENT)
    for name, value in found.assumed.items():
        lines += page.wrap(f"{name} ~{value}", "ASSUMED ", _INDENT)
    for note in found.notes:
        lines += page.wrap(words.capital(note), "NOTE    ", _INDENT)
    if found.needs:
        lines += page.wrap("; ".join(found.needs), "ASK FOR ", _INDENT)
    return "\n".join(painted(lines) if color else lines) + "\n"


def _asked(found: WhatIf) -> str:
    told = []
    for name, value in found.settings.items():
        before = found.before.get(name)
        if name in found.before:
            told.append(f"{name} {'?' if before is None else before} -> {value}")
        else:
            told.append(name if value == "all" else f"{name}={value}")
    return ", ".join(told)


def _chart(found: WhatIf, page: Page) -> list[str]:
    then, today = found.points, found.today.points
    curves = (
        chart.Curve(".", [(each.at_s, each.low) for each in then]),
        chart.Curve(".", [(each.at_s, each.high) for each in then]),
        chart.Curve("o", [(each.at_s, each.entries) for each in today]),
        chart.Curve("*", [(each.at_s, each.entries) for each in then]),
    )
    drawn = chart.draw(curves, page.width, limit=found.limit)
    if not drawn:
        return page.wrap("No course to draw: what will come cannot be told.", _INDENT)
    return [*drawn, *page.wrap("o as it is, * then, . its bounds, = limit", _INDENT)]


def _table(found: WhatIf, page: Page) -> list[str]:
    """Both sizes at some moments."""
    today = {each.at_s: each for each in found.today.points}
    then = {each.at_s: each for each in found.points}
    wanted = [0, *(at for at in _SHOWN_S if at < found.horizon_s), found.horizon_s]
    wanted = list(then) if page.verbose else wanted
    roomy = page.width >= _ROOMY
    lines = [f"{'':<{_LABEL}}{'as it is':>12}{'then':>12}{'   least - most' if roomy else ''}"]
    for wanted_s in wanted:
        at = min(then, key=lambda each: abs(each - wanted_s))
        label = "now" if at == 0 else words.duration(at)
        both = f"{_number(today[at].entries):>12}{_number(then[at].entries):>12}"
        lines.append(f"{label:<{_LABEL}}{both}{f'   {_bounds(then[at])}' if roomy else ''}")
    return lines


def _number(entries: int | None) -> str:
    return "?" if entries is None else f"{entries:,}"


def _bounds(point: Point) -> str:
    return f"{_number(point.low)} - {_number(point.high)}"


def _outcome(found: WhatIf, page: Page) -> list[str]:
    then = (found.settles_at, found.settles_low, found.settles_high, found.settled_at_s)
    today = found.today
    lines = page.wrap(
        f"as it is: {_settles(today.settles_at, None, None, today.settled_at_s)}", "SETTLES ", _INDENT
    )
    lines += page.wrap(f"then: {_settles(*then)}", _INDENT)
    lines += page.wrap(f"as it is: {_full_when(today, found.limit)}", "FULL    ", _INDENT)
    lines += page.wrap(f"then: {_full_when(found, found.limit)}", _INDENT)
    return [*lines, *_cuts(found, page)]


def _settles(level: int | None, low: int | None, high: int | None, at_s: int | None) -> str:
    if level is None:
        return "not known" if low is None else f"not known; at least {low:,}"
    bounds = f" ({low:,} - {high:,})" if low is not None and high is not None and low != high else ""
    when = "" if at_s is None else ", now" if at_s < 60 else f", in {words.duration(at_s)}"
    return f"near ~{level:,}{bounds}{when}"


def _full_when(ahead: Ahead | WhatIf, limit: int | None) -> str:
    if ahead.full_at_s is not None:
        least = "?" if ahead.full_low_s is None else words.duration(ahead.full_low_s)
        most = "never" if ahead.full_high_s is None else words.duration(ahead.full_high_s)
        when = "now" if ahead.full_at_s < 60 else f"in {words.duration(ahead.full_at_s)}"
        return when if least == most else f"{when} ({least} - {most})"
    if ahead.never_full is None:
        return "not known: the limit is not in the source" if limit is None else "not known"
    if ahead.full_low_s is not None:
        return f"never as it comes; at its fastest in {words.duration(ahead.full_low_s)}"
    return "never"


def _cuts(found: WhatIf, page: Page) -> list[str]:
    if found.live_flows_lost is None:
        told = "not known: how long open connections have been silent is not in this table"
    elif not found.live_flows_lost:
        told = "no open connection of this table"
        if spared := sum(each.entries for each in found.live_flows):
            told += f": {spared:,} were silent for longer, and no rule here stops them when they speak again"
    else:
        hurt = [each for each in found.live_flows if not (each.rules_read and each.outcome in UNHURT)]
        services = ", ".join(f"{each.entries:,} {each.service}" for each in hurt[:_SERVICES])
        told = f"may cut {words.count(found.live_flows_lost, 'open connection')} ({services})"
    lines = page.wrap(f"{told}.", "CUTS    ", _INDENT)
    for flows in found.live_flows if page.verbose else ():
        lines += page.wrap(live_flows.told(flows), f"{_INDENT}- ", f"{_INDENT}  ")
    if found.picked_up:
        lines += page.wrap(
            f"{found.picked_up:,} live on pick-up today: they go on, but get no entry again once theirs"
            " is lost.",
            _INDENT,
        )
    return lines


def _sweep(sweep: Sweep, page: Page) -> list[str]:
    roomy = page.width >= _ROOMY
    first = 30 if roomy else 12
    most = max((_size(each) or 0 for each in sweep.tried), default=0)
    head = sweep.setting if roomy else "value"
    lines = [] if roomy else page.wrap(f"By {sweep.setting}:")
    lines.append(f"{head:>{first}}{'settles near':>14}{'cuts':>8}")
    room = page.width - first - 32
    for each in sweep.tried:
        size = _size(each)
        told = f"{_number(size):>14}{_number(each.live_flows_lost):>8}"
        value = _value(sweep.setting, each.value) if roomy else str(each.value)
        bar = "#" * max(round(size / most * room), int(size > 0)) if roomy and size and most else ""
        mark = "<- knee" if each.value == sweep.knee and roomy else ""
        lines.append(f"{value:>{first}}{told}  {bar} {mark}".rstrip())
    return lines


def _size(tried: Tried) -> int | None:
    return tried.settles_at if tried.settles_at is not None else tried.at_horizon


def _value(setting: str, value: int) -> str:
    return f"{value} ({words.duration(value)})" if "timeout" in setting else f"{value:,}"


def _swept(sweep: Sweep, page: Page) -> list[str]:
    name = sweep.setting
    knee = (
        "none: the curve has no bend"
        if sweep.knee is None
        else f"{_value(sweep.setting, sweep.knee)}: beyond it more time keeps ever more entries"
    )
    lines = page.wrap(knee, "KNEE    ", _INDENT)
    if sweep.cuts_none_from is not None:
        lines += page.wrap(
            f"{name}={sweep.cuts_none_from} is the lowest here that cuts no open connection of this table.",
            "CUTS    ",
            _INDENT,
        )
    elif all(each.live_flows_lost is None for each in sweep.tried):
        lines += page.wrap(
            "not known: how long open connections are silent cannot be told", "CUTS    ", _INDENT
        )
    return lines
