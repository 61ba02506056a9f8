"""``halftrack whatif SETTING=VALUE…``: how many entries a table would have under other settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from halftrack import whatif
from halftrack.commands import durations, options, output, unread
from halftrack.commands.sources import evidence
from halftrack.errors import Incomplete, UnreadableInput, UsageError
from halftrack.evidence.selection import Selection
from halftrack.whatif.words import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.commands.options import Options
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence, Table
    from halftrack.whatif.answering import Seen
    from halftrack.whatif.document import WhatIf

_HORIZON: Final = "5d"
_LONGEST_S: Final = 366 * 86_400
_MOMENTS: Final = 2


@click.command(
    "whatif",
    short_help="A table's size under other settings.",
    help="Tells how many entries a table would have over the coming hours and days if SETTING were VALUE"
    f" (e.g. {EXAMPLE}), beside how it goes on as it is: when it is full, where it settles, which open"
    " connections would be cut. A range of values (tcp_timeout_established=600..86400) is tried value by"
    " value. notrack:tcp/80 stands for a service without tracking. Two SOURCEs are two moments of one"
    " table: what comes is then measured, not inferred. Changes nothing.",
)
@click.argument("words", metavar="SETTING=VALUE...", nargs=-1)
@click.option(
    "--from", "sources", metavar="SOURCE", multiple=True, help="A table as text, - for standard input."
)
@click.option(
    "--horizon",
    metavar="TIME",
    default=_HORIZON,
    show_default=True,
    help="How far to look ahead.",
)
@options.shared
@click.pass_context
def command(context: click.Context, *, words: tuple[str, ...], sources: tuple[str, ...], horizon: str) -> int:
    given = options.given(context)
    asked = whatif.parse(words)
    horizon_s = durations.seconds("--horizon", horizon, _LONGEST_S, example=_HORIZON)
    interval_s = _apart(given)
    seen = _evidence(sources, given)
    missing = unread.entries(seen)
    from halftrack.whatif import answering  # noqa: PLC0415  # loads polars

    table, others = _table(seen, sources)
    found = answering.answer(_seen(seen, table, sources, interval_s, given), asked, horizon_s)
    output.write(_shown(found, given))
    if others:
        names = ", ".join(each.netns for each in others[:3])
        output.message(f"this is about {table.netns}, the largest table; --netns for {names}", given)
    if missing:
        raise Incomplete(f"answered without entries that were not seen: {missing}")
    return 0


def _apart(given: Options) -> int | None:
    """Seconds between two moments that were named, ``--assume taken-at=FIRST,SECOND``; the second stays."""
    told = given.assume.get("taken-at", "")
    first, comma, second = told.partition(",")
    if not comma:
        return None
    from halftrack.formats.moments import instant  # noqa: PLC0415  # for two named moments alone

    moments = [instant(first), instant(second)]
    if moments[0] is None or moments[1] is None or moments[0] == moments[1]:
        raise UsageError(
            f"--assume taken-at={told}: write two moments, e.g. 2026-11-16T09:00Z,2026-11-18T09:05Z"
        )
    given.assume["taken-at"] = second
    return round((moments[1] - moments[0]).total_seconds())


def _evidence(sources: Sequence[str], given: Options) -> Evidence:
    from halftrack.diagnosis import COLUMNS  # noqa: PLC0415  # beside what loads polars
    from halftrack.evidence.rulesets import OF_ENTRIES  # noqa: PLC0415  # likewise

    return evidence(sources, given, selection=Selection(columns=COLUMNS | OF_ENTRIES))


def _table(seen: Evidence, sources: Sequence[str]) -> tuple[Table, list[Table]]:
    """The table that it is about, and the others that were read; of two moments the last one."""
    read = [table for table in seen.tables if table.flows is not None and not table.skipped]
    if not read:
        raise UnreadableInput("no connection table with entries was read")
    if sources and len(read) > _MOMENTS:
        raise UsageError(f"{len(read)} tables: name one, or two moments of the same one")
    if sources:
        return read[-1], []
    largest = max(read, key=lambda each: len(each.flows or ()))
    return largest, [each for each in read if each is not largest]


def _seen(
    seen: Evidence, table: Table, sources: Sequence[str], interval_s: int | None, given: Options
) -> Seen:
    from dataclasses import replace  # noqa: PLC0415  # beside what loads polars

    from halftrack.diagnosis import examine  # noqa: PLC0415  # likewise
    from halftrack.diagnosis.view import view  # noqa: PLC0415  # likewise
    from halftrack.whatif import watching  # noqa: PLC0415  # likewise
    from halftrack.whatif.answering import Seen  # noqa: PLC0415  # likewise

    def looked_at(one: Table) -> Seen:
        alone = replace(seen, tables=(one,))
        cases = examine(alone).cases
        return Seen(cases[0].view if cases else view(one, alone), cases)

    two = [each for each in seen.tables if each.flows is not None] if sources else []
    if len(two) < _MOMENTS:
        found = looked_at(table)
        return replace(found, rules=_rules(seen, table, given))
    first, second = two
    assert first.flows is not None  # noqa: S101  # chosen so
    assert second.flows is not None  # noqa: S101  # likewise
    in_order, apart_s = watching.in_order(first.flows, second.flows)
    if interval_s is not None:
        in_order, apart_s = interval_s > 0, abs(interval_s)
    earlier, later = looked_at(first), looked_at(second)
    if not in_order:
        earlier, later = later, earlier
    if apart_s is None:
        raise UsageError(
            f"how far apart {first.netns} and {second.netns} are cannot be told from their entries:"
            " write --assume taken-at=FIRST,SECOND"
        )
    between = watching.watched(earlier, later, apart_s)
    return replace(later, watched=between)


def _rules(seen: Evidence, table: Table, given: Options) -> Ruleset | None:
    """The rules that packets of this node meet, for this node alone."""
    if seen.source != "live" or given.root != Path("/"):
        return None
    from halftrack.live import rules  # noqa: PLC0415  # for this node alone

    return rules.of(table.namespace)


def _shown(found: WhatIf, given: Options) -> bytes:
    if given.document:
        from halftrack.reporters import json  # noqa: PLC0415  # needs msgspec

        return json.compact(found) if given.jsonl else json.pretty(found)
    from halftrack.reporters import whatif as screen  # noqa: PLC0415  # not wanted for JSON

    return output.screen(screen.render, found, given)
