"""A filter as a Polars expression.

Terms know three answers: yes, no, and not known (null), so that neither ``idle=2h..`` nor
``not idle=2h..`` takes an entry whose idle time is not known. What an entry cannot have, such as
the port of ICMP, is a plain no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add, and_, or_
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import entries
from halftrack.diagnosis.filters.terms import (
    Address,
    AnyOf,
    Filter,
    Mark,
    Match,
    Not,
    Number,
    Span,
    Term,
    Text,
    Value,
    Word,
)
from halftrack.diagnosis.filters.vocabulary import FIELDS
from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import has

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.evidence.values import Owner

_OLD_NAMES: Final = {(uapi.IPPROTO_TCP, uapi.TCP_CONNTRACK_SYN_SENT2): "LISTEN"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a filter may speak of beside the rows of one table.

    ``opaque``: spellings of its masked addresses. ``symptoms``: by slug, the Boolean column that
    marks its rows in the frame. ``sockets``: whether any were read to compare the rows with.
    """

    netns: str = "host"
    opaque: pl.Series | None = None
    owners: Sequence[Owner] = ()
    symptoms: Mapping[str, str] = field(default_factory=dict)
    sockets: bool = True


def with_symptoms(frame: pl.DataFrame, cases: Iterable[Case]) -> tuple[pl.DataFrame, Mapping[str, str]]:
    """The frame with a column for each symptom, and what these are called (``Surroundings.symptoms``).

    ``cases``: of the table whose rows these are.
    """
    masks = {case.symptom: case.rows.mask for case in cases}
    names = {symptom: f"symptom/{symptom}" for symptom in masks}
    return frame.with_columns(mask.alias(names[symptom]) for symptom, mask in masks.items()), names


def expression(wanted: Filter, around: Surroundings) -> pl.Expr:
    """Boolean and never null, over the columns of a flow table and, for the fields in
    ``vocabulary.DERIVED``, of its view.
    """
    if not wanted.terms:
        return _of_every_row(value=True)
    return reduce(and_, (_term(term, around) for term in wanted.terms)).fill_null(value=False)


def untold(frame: pl.DataFrame, wanted: Filter, around: Surroundings) -> dict[str, int]:
    """By term, for how many rows the source does not tell whether it holds; terms that are told left out."""
    if not wanted.terms:
        return {}
    nulls = [
        _term(term, around).is_null().sum().alias(str(number)) for number, term in enumerate(wanted.terms)
    ]
    counts = frame.lazy().select(nulls).collect().row(0)
    return {str(term): count for term, count in zip(wanted.terms, counts, strict=True) if count}


def _term(term: Term, around: Surroundings) -> pl.Expr:
    match term:
        case Word():
            return _word(term.word, around)
        case Match():
            return reduce(or_, (_value(term.field, value, around) for value in term.values))
        case Not():
            return ~_term(term.term, around)
        case AnyOf():
            return reduce(or_, (_term(part, around) for part in term.terms))


def _of_every_row(*, value: bool | None) -> pl.Expr:
    """The same answer for each row: a bare literal would be a column of one."""
    return pl.repeat(value, pl.len(), dtype=pl.Boolean)


_WORDS: Final = {
    "one-sided": entries.one_sided(),
    "picked-up": pl.col("origin") == "pick-up",
    "injected": pl.col("origin") == "injected",
    "assured": entries.assured(),
    "nat": entries.translated(),
    "offloaded": has(uapi.IPS_OFFLOAD | uapi.IPS_HW_OFFLOAD),
}


def _word(word: str, around: Surroundings) -> pl.Expr:
    if word == "stuck":
        return _any_of([pl.col(column) for column in around.symptoms.values()])
    return _symptom(word, around) if word == "orphaned" else _WORDS[word]


def _any_of(parts: Sequence[pl.Expr]) -> pl.Expr:
    return reduce(or_, parts) if parts else _of_every_row(value=False)


def _symptom(slug: str, around: Surroundings) -> pl.Expr:
    column = around.symptoms.get(slug)
    if column is None:
        told = slug != "orphaned" or around.sockets
        return _of_every_row(value=False if told else None)
    return pl.col(column)


def _value(name: str, value: Value, around: Surroundings) -> pl.Expr:
    columns = FIELDS[name].columns
    match value:
        case Number():
            return pl.col(columns[0]) == value.number
        case Mark():
            return pl.col("mark").fill_null(0) & value.mask == value.value
        case Address():
            return _any_of([_address(stem, value, around) for stem in columns])
        case Span():
            return _span(name, columns, value)
        case Text():
            return _text(name, value.text, around)


def _owned_by(matches: Iterable[bool]) -> pl.Expr:
    """``matches``: of each owner, whether it is meant."""
    return _any_of([pl.col("owner") == number for number, meant in enumerate(matches) if meant])


def _text(name: str, text: str, around: Surroundings) -> pl.Expr:
    match name:
        case "state":
            found = _state(text)
        case "netns":
            found = _of_every_row(value=around.netns == text)
        case "owner" | "workload" if not around.owners:
            return _of_every_row(value=None)
        case "owner":
            found = _owned_by(text in (owner.name, owner.id, owner.pod) for owner in around.owners)
        case "workload":
            found = _owned_by(text in (owner.working_for, owner.workload) for owner in around.owners)
        case "label":
            listed = pl.concat_str(pl.lit(","), pl.col("labels"), pl.lit(","))
            found = listed.str.contains(f",{text},", literal=True)
        case "symptom":
            return _symptom(text, around)
        case _:
            found = pl.col("service") == text
    return found.fill_null(value=False)


def _state(text: str) -> pl.Expr:
    return _any_of(
        [
            (pl.col("l4proto") == protocol) & (pl.col("state") == number)
            for protocol, names in uapi.STATE_NAMES.items()
            for number, state in enumerate(names)
            if text in (state, _OLD_NAMES.get((protocol, number)))
        ]
    )


def _span(name: str, columns: Sequence[str], span: Span) -> pl.Expr:
    if FIELDS[name].kind == "port":
        return _any_of([_within(pl.col(column), span) for column in columns]).fill_null(value=False)
    if name == "zone":
        return _within(pl.col("zone").fill_null(0), span)
    if len(columns) == 1:
        return _within(pl.col(columns[0]), span)
    return _within(reduce(add, (pl.col(column).cast(pl.Int128) for column in columns)), span)


def _within(column: pl.Expr, span: Span) -> pl.Expr:
    if span.low is not None and span.low == span.high:
        return column == span.low
    if span.low is None:
        return column <= span.high
    if span.high is None:
        return column >= span.low
    return column.is_between(span.low, span.high)


def _address(stem: str, wanted: Address, around: Surroundings) -> pl.Expr:
    hi, lo = pl.col(f"{stem}_hi"), pl.col(f"{stem}_lo")
    if wanted.network is None:
        index = None if around.opaque is None else around.opaque.index_of(wanted.text)
        return _of_every_row(value=False) if index is None else (hi == addresses.OPAQUE_HI) & (lo == index)
    (first_hi, first_lo), (last_hi, last_lo) = addresses.parse_network(str(wanted.network))
    if first_hi == last_hi:
        found = (hi == first_hi) & lo.is_between(first_lo, last_lo)
    else:
        found = hi.is_between(first_hi, last_hi) & (hi != addresses.OPAQUE_HI)
    # ::ffff:0:0/96 of IPv6 and IPv4 share their numbers.
    family = uapi.AF_INET if wanted.network.version == 4 else uapi.AF_INET6
    return (found & (pl.col("family") == family)).fill_null(value=False)
