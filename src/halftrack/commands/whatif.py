"""``halftrack whatif SETTING=VALUE…``: how many entries a table would have under other settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from halftrack import whatif
from halftrack.commands import durations, moments, options, output, unread
from halftrack.commands.sources import evidence
from halftrack.errors import Incomplete, UsageError
from halftrack.evidence.selection import Selection
from halftrack.whatif.words import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.commands.moments import Moment
    from halftrack.commands.options import Options
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence
    from halftrack.whatif.answering import Seen
    from halftrack.whatif.document import WhatIf

_HORIZON: Final = "5d"
_LONGEST_S: Final = 366 * 86_400
_NAMED: Final = 3


@click.command(
    "whatif",
    help="Tells how many entries a table would have over the coming hours and days if SETTING were VALUE"
    f" (e.g. {EXAMPLE}), beside how it goes on as it is: when it is full, where it settles, which open"
    " connections would be cut. A range of values (tcp_timeout_established=600..86400) is tried value by"
    " value. notrack:tcp/80 stands for a service without tracking. Two SOURCEs are two moments of one"
    " table: what comes is then measured, not inferred. Changes nothing.",
)
@click.argument("words", metavar="SETTING=VALUE...", nargs=-1)
@options.read_from
@click.option(
    "--horizon",
    metavar="TIME",
    default=_HORIZON,
    show_default=True,
    help="How far to look ahead.",
)
@options.shared(*options.DOCUMENT, *options.LOOKING, *options.SCREEN, "quiet")
@click.pass_context
def command(context: click.Context, *, words: tuple[str, ...], sources: tuple[str, ...], horizon: str) -> int:
    given = options.given(context)
    asked = whatif.parse(words)
    horizon_s = durations.seconds("--horizon", horizon, _LONGEST_S, example=_HORIZON)
    interval_s = moments.apart(given)
    read = _read(sources, given)
    missing = unread.entries(read[-1])
    found = moments.moments(read)
    from halftrack.whatif import answering  # noqa: PLC0415  # loads polars

    output.write(_shown(answering.answer(_seen(found, interval_s, given), asked, horizon_s), given))
    if found[-1].others:
        others = ", ".join(found[-1].others[:_NAMED])
        named = found[-1].table.netns
        output.message(f"this is about {named}, the largest table; there are others: {others}", given)
    if missing:
        raise Incomplete(f"answered without entries that were not seen: {missing}")
    return 0


def _read(sources: Sequence[str], given: Options) -> tuple[Evidence, ...]:
    """Two bundles, or one and a dump, are two nodes' worth of evidence; all else is one."""
    from halftrack import formats  # noqa: PLC0415  # beside what loads polars
    from halftrack.diagnosis import COLUMNS  # noqa: PLC0415  # likewise
    from halftrack.evidence.rulesets import OF_ENTRIES  # noqa: PLC0415  # likewise

    selection = Selection(columns=COLUMNS | OF_ENTRIES)
    if len(sources) == 2 and any(each != "-" and formats.is_bundle(each) for each in sources):
        return tuple(evidence((each,), given, selection=selection) for each in sources)
    return (evidence(sources, given, selection=selection),)


def _seen(found: Sequence[Moment], interval_s: int | None, given: Options) -> Seen:
    """The later moment as it was seen, with what was watched since the earlier one."""
    from halftrack.diagnosis.since.moments import apart  # noqa: PLC0415  # loads polars
    from halftrack.whatif import watching  # noqa: PLC0415  # likewise

    if len(found) < 2:
        return replace(_looked_at(found[0]), rules=_rules(found[0], given))
    first, second = found
    one, other = first.table.flows, second.table.flows
    assert one is not None  # noqa: S101  # chosen so
    assert other is not None  # noqa: S101  # likewise
    if interval_s is None:
        interval_s = _between(first, second)
    in_order, apart_s = True, None
    if interval_s is not None:
        in_order, apart_s = interval_s > 0, abs(interval_s)
    else:
        in_order, apart_s = apart(one, other)
    if apart_s is None:
        raise UsageError(
            f"how far apart {first.table.netns} and {second.table.netns} are cannot be told from their"
            " entries: write --assume taken-at=FIRST,SECOND"
        )
    earlier, later = _looked_at(first), _looked_at(second)
    if not in_order:
        earlier, later = later, earlier
    return replace(later, watched=watching.watched(earlier, later, apart_s))


def _between(first: Moment, second: Moment) -> int | None:
    """Seconds between two moments that say when they were."""
    one, other = first.evidence.taken_at, second.evidence.taken_at
    return None if one is None or other is None or one == other else round((other - one).total_seconds())


def _looked_at(one: Moment) -> Seen:
    from halftrack.diagnosis.examination import cases_of  # noqa: PLC0415  # loads polars
    from halftrack.diagnosis.view import view  # noqa: PLC0415  # likewise
    from halftrack.whatif.answering import Seen  # noqa: PLC0415  # likewise

    seen = view(one.table, one.evidence)
    return Seen(seen, cases_of(seen))


def _rules(one: Moment, given: Options) -> Ruleset | None:
    """The rules that packets meet, where it is about this node."""
    if one.evidence.source != "live" or given.root != Path("/"):
        return None
    from halftrack.live import rules  # noqa: PLC0415  # for this node alone

    return rules.of(one.table.namespace)


def _shown(found: WhatIf, given: Options) -> bytes:
    if given.document:
        return output.document(found, given)
    from halftrack.reporters import whatif as screen  # noqa: PLC0415  # not wanted for JSON

    return output.screen(screen.render, found, given)
