"""``halftrack list [FILTER…]``: entries, filtered, sorted, grouped, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import completing, options, output, unread
from halftrack.commands.sources import evidence
from halftrack.diagnosis import filters
from halftrack.diagnosis.filters import fields, spellings
from halftrack.diagnosis.filters.vocabulary import DERIVED, FIELDS, JUDGED, WORDS
from halftrack.diagnosis.words import count
from halftrack.errors import Incomplete, UsageError
from halftrack.evidence.selection import EVERYTHING
from halftrack.evidence.values import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from halftrack.diagnosis.filters import Filter
    from halftrack.diagnosis.filters.chosen import Chosen
    from halftrack.diagnosis.filters.fields import Order
    from halftrack.evidence.values import Evidence

_MOST: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class _Request:
    """What is to be printed of what."""

    filter: Filter
    by: tuple[str, ...]
    count: bool
    top: int | None
    sort: Order | None
    csv: bool
    explain: bool
    json: bool
    jsonl: bool


@click.command(
    "list",
    help="Prints the entries that FILTER takes, one a line, as conntrack -L -o extended does. A filter is"
    f" words ({', '.join(WORDS)}) and field=value ({', '.join(FIELDS)}), all of which must hold; commas"
    " inside a value mean or, `not` stands before a term, `any: ... \\;` means or between terms. Ranges:"
    " idle=2h.., left=..60s, age=1d..7d. Networks as CIDR.",
)
@click.argument("words", metavar="[FILTER]...", nargs=-1, shell_complete=completing.terms)
@click.option("--by", metavar="FIELD,...", help="Count the entries by these fields.")
@click.option("--count", is_flag=True, help="Print how many there are, nothing else.")
@click.option("--top", metavar="N", type=click.IntRange(min=1, max=_MOST), help="Only the first N.")
@click.option(
    "--sort", metavar="FIELD", help="The largest first: left, idle, age, packets, ...; -FIELD: the smallest."
)
@click.option("--csv", is_flag=True, help="Print CSV.")
@click.option(
    "--explain", is_flag=True, help="Of one entry: how it came, what each next packet would do, when it goes."
)
@options.read_from
@options.shared(*options.DOCUMENT, *options.LOOKING, *options.SCREEN, "quiet")
@click.pass_context
def command(
    context: click.Context,
    *,
    words: tuple[str, ...],
    by: str | None,
    top: int | None,
    sort: str | None,
    sources: tuple[str, ...],
    count: bool,
    csv: bool,
    explain: bool,
) -> int:
    given = options.given(context)
    wanted = filters.parse(words)
    request = _Request(
        filter=wanted,
        by=fields.counted(by) if by is not None else (),
        count=count,
        top=top,
        sort=fields.order(sort) if sort is not None else None,
        csv=csv,
        explain=explain,
        json=given.json,
        jsonl=given.jsonl,
    )
    _check(request)
    if not sources:
        spellings.check(wanted)
    if wanted.terms:
        output.message(f"filter: {wanted}", given)
    needs_view, judged = _needs(request)
    whole = needs_view or judged
    seen = evidence(
        sources,
        given,
        netns=_netns(wanted),
        selection=EVERYTHING if whole else filters.selection(wanted),
        sockets=judged,
        counters_interval_s=0.0,
        judged=whole,
    )
    missing = unread.entries(seen)
    untold = _print(seen, request, given, needs_view=needs_view, judged=judged)
    for remark in _remarks(seen, untold, chosen=bool(given.netns)):
        output.message(remark, given)
    if missing:
        raise Incomplete(f"entries were not seen: {missing}")
    return 0


def _remarks(seen: Evidence, untold: Mapping[str, int], *, chosen: bool) -> Iterator[str]:
    """What the answer leaves out or rests on."""
    for term, entries in untold.items():
        yield f"{term}: what was read does not tell this of {entries:,} entries, which are left out"
    small = [table for table in seen.tables if table.skipped and table.count]
    if small and not chosen:
        entries = sum(table.count or 0 for table in small)
        if seen.source == "live":
            tables = count(len(small), "small table")
            yield f"not read: {tables}, {entries:,} entries in all; --netns all reads them too"
        else:
            tables = count(len(small), "table")
            yield f"not in it: {tables}, {entries:,} entries in all, not read when it was made"
    yield from seen.input.notes
    if seen.input.unreadable:
        yield f"{seen.input.unreadable:,} of {seen.input.lines:,} lines could not be read"


def _check(request: _Request) -> None:
    """Raise UsageError where the options do not go together."""
    if request.count and (request.by or request.top or request.sort or request.csv):
        raise UsageError("--count prints one number: leave --by, --top, --sort and --csv out")
    if request.by and request.sort:
        raise UsageError("--by sorts by entries, most first: leave --sort out")
    if request.csv and (request.json or request.jsonl):
        raise UsageError("--csv or JSON: choose one")
    if request.explain and (request.count or request.by or request.top or request.csv):
        raise UsageError("--explain is about one entry: leave --count, --by, --top and --csv out")


def _needs(request: _Request) -> tuple[bool, bool]:
    """Whether a view's columns are needed, and whether the symptoms are.

    What is concluded from a table as a whole must see the whole of it, so that the kernel filters
    only where neither is needed.
    """
    names = {*request.by, *([request.sort.field] if request.sort else [])}
    whole = request.csv or request.json or request.jsonl or request.explain
    shown = not request.count and not request.by and whole
    derived = request.filter.uses(*DERIVED) or not DERIVED.isdisjoint(names)
    return derived or shown, request.filter.uses(*JUDGED) or not JUDGED.isdisjoint(names)


def _netns(wanted: Filter) -> str | None:
    """The namespaces to read for a filter that names some: small ones are not read unasked."""
    if not wanted.uses("netns"):
        return None
    return wanted.named("netns") or ALL


def _print(
    seen: Evidence, request: _Request, given: options.Options, *, needs_view: bool, judged: bool
) -> Mapping[str, int]:
    """Prints the answer; by term of the filter, of how many entries it could not be told."""
    if request.count and not needs_view and not judged:
        from halftrack.commands import counting  # noqa: PLC0415  # loads polars, and by now the kernel was asked

        return _print_number(counting.counted(seen, request.filter), request)
    from halftrack.commands.choosing import Wanted, chosen  # noqa: PLC0415  # likewise

    rows = list(chosen(seen, Wanted(request.filter, needs_view, judged)))
    if request.count:
        return _print_number(((each.frame.height, each.untold) for each in rows), request)
    if request.explain:
        from halftrack.commands import one_entry  # noqa: PLC0415  # likewise

        one_entry.show(rows, seen, request.sort, given)
    elif request.by:
        _print_groups(rows, request)
    else:
        _print_entries(rows, seen, request)
    return _together(each.untold for each in rows)


def _print_number(counted: Iterable[tuple[int, Mapping[str, int]]], request: _Request) -> Mapping[str, int]:
    parts = list(counted)
    entries = sum(number for number, _ in parts)
    document = f'{{"schema":"halftrack.count/1","entries":{entries}}}\n'
    output.write((document if request.json or request.jsonl else f"{entries}\n").encode())
    return _together(untold for _, untold in parts)


def _together(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def _print_groups(chosen: Iterable[Chosen], request: _Request) -> None:
    from halftrack.diagnosis.filters import tally  # noqa: PLC0415  # as above
    from halftrack.reporters import groups  # noqa: PLC0415  # likewise

    by = request.by
    counted = tally.count(chosen, by)
    total = int(counted["entries"].sum())
    shown = counted if request.top is None else counted.head(request.top)
    if request.json:
        output.write(groups.document(shown, by, total))
    elif request.jsonl:
        output.write(groups.lines(shown, by))
    elif request.csv:
        output.write(groups.csv(shown, by).encode())
    else:
        output.write(groups.text(shown, by, ascii_only=output.wants_ascii()).encode())


def _print_entries(chosen: Sequence[Chosen], seen: Evidence, request: _Request) -> None:
    from halftrack.commands import entry_lines, ordering  # noqa: PLC0415  # as above

    pieces = ordering.ordered(chosen, request.sort, request.top)
    if request.json:
        entry_lines.as_document(pieces)
    elif request.jsonl:
        entry_lines.as_json_lines(pieces)
    elif request.csv:
        entry_lines.as_csv(pieces)
    else:
        entry_lines.as_classic(pieces, several=len(seen.tables) > 1)
