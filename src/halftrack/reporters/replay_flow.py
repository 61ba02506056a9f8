"""One flow, told: its story first, then each packet and what it did to the entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.layout import Page
from halftrack.reporters.replay import ruled_by
from halftrack.tcp import rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.replaying.document import Explained, ExplainedPacket, Replayed

_QUIET: Final = 6
"""Packets in a row that only keep the entry as it is, from which on they are told of as one."""


def render(
    document: Replayed,
    *,
    width: int = 80,
    ascii: bool = True,  # noqa: A002  # the page's alphabet, as the option is called everywhere
    color: bool = False,  # noqa: ARG001  # nothing is coloured here
    verbose: bool = False,
) -> str:
    """Of a document in which a flow is explained."""
    page = Page(width=width, ascii=ascii, verbose=verbose)
    told = document.explained
    assert told is not None  # noqa: S101  # what whoever calls has looked at
    lines = [*_head(document, told, page), "", *_story(told, page), "", *_packets(told, page)]
    if document.notes:
        lines += [""]
        for note in document.notes:
            lines += page.wrap(note, "NOTE    ")
    return "".join(f"{line}\n" for line in lines)


def _head(document: Replayed, told: Explained, page: Page) -> Iterator[str]:
    count = words.count(len(told.packets) + told.left_out, "packet")
    yield from page.wrap(f"{told.flow}: {count} of {document.file}.", rest="        ")
    how = "" if told.client_seen else " (by their ports: no SYN was seen)"
    yield from page.wrap(f"Client {told.client}, server {told.server}{how}.", "        ")
    yield from page.wrap(ruled_by(document), "        ")


def _story(told: Explained, page: Page) -> Iterator[str]:
    yield "What happened"
    for place, turn in enumerate(told.story, start=1):
        packet = f" (#{turn.number})" if turn.number is not None else ""
        text = words.capital(turn.text)
        end = "" if text.endswith(".") else "."
        yield from page.wrap(f"{turn.at_s:,.3f} s{packet}: {text}{end}", f"{place:>3}. ")


def _packets(told: Explained, page: Page) -> Iterator[str]:
    yield "Packet by packet"
    quiet: list[ExplainedPacket] = []
    for one in told.packets:
        if not page.verbose and _is_quiet(one) and one.number != told.asked:
            quiet.append(one)
            continue
        yield from _run(quiet, page)
        quiet = []
        yield from _packet(one, page, asked=one.number == told.asked)
    yield from _run(quiet, page)
    if told.left_out:
        yield from page.wrap(f"{words.count(told.left_out, 'packet')} in the middle are not told of.", "  ")


def _is_quiet(one: ExplainedPacket) -> bool:
    return one.event in (rules.FOLLOWED, rules.CONTINUED, rules.LIBERAL) and one.old == one.new


def _run(quiet: Sequence[ExplainedPacket], page: Page) -> Iterator[str]:
    """Packets that the entry follows and that change nothing but its time."""
    if len(quiet) < _QUIET:
        for one in quiet:
            yield from _packet(one, page, asked=False)
        return
    first, last = quiet[0], quiet[-1]
    yield from _packet(first, page, asked=False)
    state = f"{first.new} stays" if first.new else "the exchange goes on"
    between = words.count(len(quiet) - 2, "packet")
    yield from page.wrap(f"{between} more, which change nothing but its time: {state}.", "          ... ")
    yield from _packet(last, page, asked=False)


def _packet(one: ExplainedPacket, page: Page, *, asked: bool) -> Iterator[str]:
    mark = ">" if asked else " "
    head = f"{mark}#{one.number:<7} {one.at_s:>10,.3f} s  "
    yield from page.wrap(f"{one.source}: {one.packet}", head)
    indent = " " * 10
    if one.expired_s is not None:
        yield from page.wrap(
            f"Its entry had run out {one.expired_s:,.1f} s before: there was none any more.", indent
        )
    yield from page.wrap(f"{one.event}: {one.why}.", indent)
    changed = _change(one)
    time = _time(one)
    if changed or time:
        yield from page.wrap("; ".join(filter(None, (changed, time))) + ".", indent)


def _change(one: ExplainedPacket) -> str:
    if one.old == one.new:
        stays = f"{one.new} stays" if one.new else ""
    elif one.new is None:
        stays = f"{one.old} -> removed"
    else:
        stays = f"{one.old or 'no entry'} -> {one.new}"
    side = ", one-sided" if one.one_sided else ""
    seen = f", ct state {one.verdict}" if one.verdict is not None else ""
    return f"{stays}{side}{seen}".removeprefix(", ")


def _time(one: ExplainedPacket) -> str:
    if one.timeout_s is not None:
        span = words.duration(one.timeout_s)
        seconds = f"{one.timeout_s} s"
        return f"{seconds}{f' ({span})' if span != seconds else ''} from now on: {one.time_why}"
    if one.left_s is not None and one.new is not None:
        why = f" ({one.time_why})" if one.time_why else ""
        return f"{one.left_s:,.1f} s left, not prolonged{why}"
    return ""
