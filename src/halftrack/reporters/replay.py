"""What a replay came to, as a screen: what is left, over time, what became of the packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence import packets
from halftrack.replaying import passing
from halftrack.reporters.layout import Page
from halftrack.tcp import rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from halftrack.replaying.document import Against, Difference, Point, Replayed, Standing

_ROWS: Final = 12
"""Moments that the screen shows without -v."""
_BAR: Final = 24
_ROUNDED_S: Final = 10
"""From when on parts of a second are no matter."""
_EVENTS: Final = 6
_GROUPS: Final = 3
_NAME: Final = 34
_DIFFERENCES: Final = 10
_REASONS: Final = {**packets.REASONS, **passing.REASONS}


def render(
    document: Replayed,
    *,
    width: int = 80,
    ascii: bool = True,  # noqa: A002  # the page's alphabet, as the option is called everywhere
    color: bool = False,  # noqa: ARG001  # nothing is coloured here
    verbose: bool = False,
    again: str | None = None,
    left: Sequence[tuple[int, str, int]] = (),
) -> str:
    """``again``: the command that was given, None where it cannot be typed once more. ``left``: one-sided
    entries to name, each the number of its first packet, its flow, and the seconds that it has left.
    """
    page = Page(width=width, ascii=ascii, verbose=verbose)
    lines = [*_head(document, page)]
    if document.against is not None:
        lines += _side_by_side(document, document.against, page)
    else:
        lines += ["", *_table(document.end)]
        lines += ["", *_over_time(document, page)]
    lines += ["", *_packets(document, page)]
    if left and document.against is None:
        lines += ["", *_one_sided(document, page, left, again)]
    if document.notes:
        lines += [""]
        for note in document.notes:
            lines += page.wrap(note, "NOTE    ")
    return "".join(f"{line}\n" for line in lines)


def _head(document: Replayed, page: Page) -> Iterator[str]:
    end, peak = document.end, document.peak
    cut = "" if document.whole else " (read in part)"
    one_sided = f", {_all(end.one_sided, end.entries)} one-sided" if end.one_sided else ""
    left = f"{words.entries(end.entries)} left" if end.entries else "no entry is left"
    more = f"; {peak.entries:,} at most, at {_clock(peak.at_s)}" if peak.entries > end.entries else ""
    yield from page.wrap(f"{document.file}{cut}: {left}{one_sided}{more}.", rest="        ")
    span = "" if document.begins_at is None else f", {_clock(document.duration_s)}"
    flows = document.flows
    picked = f", {flows.picked_up:,} of them picked up in mid-stream" if flows.picked_up else ""
    yield from page.wrap(
        f"{words.count(document.packets.file, 'packet')}{span}; {words.entries(flows.made)} made{picked}.",
        "        ",
    )
    if dropped := document.packets.events.get(rules.TABLE_FULL, 0):
        yield from page.wrap(f"{words.count(dropped, 'packet')} dropped: the table was full.", "        ")
    yield from page.wrap(ruled_by(document), "        ")


def ruled_by(document: Replayed) -> str:
    """A sentence on the kernel and the settings."""
    kernel, profile = document.kernel, document.profile
    given = " ".join(f"{name}={value}" for name, value in document.given.items())
    rest = f"settings of {document.settings_of}" if document.settings_of else "" if given else "its defaults"
    told = ", ".join(filter(None, (given, f"else {rest}" if given and rest else rest)))
    return f"Kernel {kernel}{f' (rules of {profile})' if kernel != profile else ''}, {told}."


def _all(part: int, whole: int) -> str:
    return f"all {part:,}" if part == whole and part > 1 else f"{part:,}"


def _clock(seconds: float) -> str:
    whole = seconds >= _ROUNDED_S or seconds == int(seconds)
    return words.duration(int(seconds)) if whole else f"{seconds:.3f} s"


def _table(end: Point) -> Iterator[str]:
    yield f"{'At the end':<20}{'entries':>12}"
    for name, count in (*end.by_state.items(), *_others(end.by_protocol)):
        yield f"  {name:<18}{count:>12,}"
    yield f"  {'one-sided':<18}{end.one_sided:>12,}"


def _others(protocols: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    return ((name, count) for name, count in protocols.items() if name != "tcp")


def _over_time(document: Replayed, page: Page) -> Iterator[str]:
    points = document.timeline if page.verbose else _fewer(document.timeline)
    most = max(1, document.peak.entries)
    yield f"{'Over time':<{_BAR + 12}}{'entries':>12}{'one-sided':>12}"
    for point in points:
        bar = page.bar(point.entries / most, _BAR)
        yield f"  {_clock(point.at_s):>9} {bar}{point.entries:>12,}{point.one_sided:>12,}"


def _fewer(points: Sequence[Point]) -> Sequence[Point]:
    """At most ``_ROWS``, evenly, the last one among them."""
    every = -(-len(points) // _ROWS)
    return points[::-1][::every][::-1]


def _packets(document: Replayed, page: Page) -> Iterator[str]:
    counts = document.packets
    yield f"Packets             {counts.file:>12,} in the file, {counts.passed:,} past the tracker"
    events = list(counts.events.items())
    for event, count in events if page.verbose else events[:_EVENTS]:
        yield from page.wrap(rules.EVENTS[event], f"  {event:<18}{count:>12,} ")
    rest = sum(count for _, count in events[_EVENTS:])
    if rest and not page.verbose:
        yield f"  {'others':<18}{rest:>12,} (-v names them)"
    if counts.icmp_errors:
        yield f"  {'ICMP errors':<18}{counts.icmp_errors:>12,} about other packets: no entry is changed"
    for reason, count in document.skipped.items():
        yield from page.wrap(_REASONS[reason], f"  {'left out':<18}{count:>12,} ")
    if counts.backwards:
        yield from page.wrap(
            "older than one before them: taken as old as that", f"  {'clock':<18}{counts.backwards:>12,} "
        )


def _one_sided(
    document: Replayed, page: Page, left: Sequence[tuple[int, str, int]], again: str | None
) -> Iterator[str]:
    yield f"{'One-sided by end':<36}{'entries':>12}{'peers':>12}"
    groups = document.one_sided if page.verbose else document.one_sided[:_GROUPS]
    for group in groups:
        name = page.clean(f"{'from' if group.sent else 'to'} {group.end}")
        if len(name) > _NAME:
            yield f"  {name}"
            name = ""
        yield f"  {name:<{_NAME}}{group.entries:>12,}{group.peers:>12,}"
    rest = document.end.one_sided - len(left)
    yield "The first of them" if rest > 0 else "All of them"
    for number, flow, seconds in left:
        yield from page.wrap(f"{flow}, {words.duration(seconds)} left", f"  #{number:<9} ")
    if again is not None:
        yield "Why there is one of them:"
        yield f"        {page.clean(again)} --explain {left[0][0]}"


def _side_by_side(document: Replayed, against: Against, page: Page) -> Iterator[str]:
    there = " ".join(f"{name}={value}" for name, value in against.given.items())
    if against.kernel != document.kernel:
        there = " ".join(filter(None, (there, f"kernel={against.kernel}")))
    yield from ("", *page.wrap(f"Against {there}"), "")
    yield f"{'':<24}{'as given':>14}{'against':>14}{'change':>14}"
    one, other = document.end, against.end
    names = dict.fromkeys((*one.by_state, *other.by_state))
    protocols = dict.fromkeys(name for name in (*one.by_protocol, *other.by_protocol) if name != "tcp")
    invalid, dropped = (
        [each.packets.verdicts.get(verdict, 0) for each in (document, against)]
        for verdict in ("invalid", "dropped")
    )
    rows = [
        ("entries at the end", one.entries, other.entries),
        *((f"  {name}", one.by_state.get(name, 0), other.by_state.get(name, 0)) for name in names),
        *((f"  {name}", one.by_protocol.get(name, 0), other.by_protocol.get(name, 0)) for name in protocols),
        ("  one-sided", one.one_sided, other.one_sided),
        ("entries at most", document.peak.entries, against.peak.entries),
        ("entries made", document.flows.made, against.flows.made),
        ("  picked up", document.flows.picked_up, against.flows.picked_up),
        ("invalid packets", invalid[0], invalid[1]),
        ("dropped packets", dropped[0], dropped[1]),
    ]
    for name, here, then in rows:
        yield f"{name:<24}{here:>14,}{then:>14,}{then - here:>+14,}"
    yield ""
    if not against.differing:
        yield "No flow has another entry at the end."
        return
    shown = against.differences if page.verbose else against.differences[:_DIFFERENCES]
    more = f", {len(shown)} of them" if len(shown) < against.differing else ""
    yield f"{words.count(against.differing, 'flow')} with another entry at the end{more}"
    for each in shown:
        yield from page.wrap(_difference(each), f"  #{each.number or '?':<9} ")


def _difference(each: Difference) -> str:
    return f"{each.flow}: {_standing(each.here)} -> {_standing(each.there)}"


def _standing(standing: Standing | None) -> str:
    if standing is None:
        return "no entry"
    one_sided = " one-sided" if standing.one_sided else ""
    state = f"{standing.state}{one_sided}, " if standing.state else ""
    return f"{state}{words.duration(standing.left_s)} left"
