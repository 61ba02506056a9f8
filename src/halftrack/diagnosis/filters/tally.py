"""Entries counted by fields of the filter language: ``--by owner,service``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.entries import one_sided
from halftrack.diagnosis.filters.vocabulary import FIELDS
from halftrack.evidence import addresses, uapi

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.filters.chosen import Chosen

_WHOLE: Final = ("port", "mark", "number")
_NUMBERS: Final = ("entries", "one_sided")
_STATES: Final = {
    f"{protocol}/{number}": name
    for protocol, names in uapi.STATE_NAMES.items()
    for number, name in enumerate(names)
}


def count(tables: Iterable[Chosen], names: Sequence[str]) -> pl.DataFrame:
    """Columns ``names``, ``entries`` Int64, ``one_sided`` Int64; most entries first, ties by key."""
    parts = [_counted(table, names) for table in tables]
    empty = pl.DataFrame(schema=dict.fromkeys(names, pl.String) | dict.fromkeys(_NUMBERS, pl.Int64))
    whole = pl.concat(parts) if parts else empty
    totals = whole.group_by(names).agg(pl.col(_NUMBERS).sum())
    return totals.sort("entries", *names, descending=[True, *(False for _ in names)], nulls_last=True)


def _counted(table: Chosen, names: Sequence[str]) -> pl.DataFrame:
    """Grouped by the columns as they are; only the keys that are left become names."""
    keys = [column for name in names for column in _columns(name, table)]
    if not keys:
        keys = [pl.lit(0).alias("_")]
    grouped = (
        table.frame.lazy()
        .group_by(*keys)
        .agg(entries=pl.len().cast(pl.Int64), one_sided=one_sided().sum().cast(pl.Int64))
        .collect()
    )
    return grouped.select(*(_named(name, grouped, table) for name in names), *_NUMBERS)


def _columns(name: str, table: Chosen) -> list[pl.Expr]:
    stems = FIELDS[name].columns
    if name == "netns":
        return []
    if name == "symptom":
        found = pl.lit(None, dtype=pl.String)
        for slug, column in table.symptoms.items():
            found = pl.when(pl.col(column)).then(pl.lit(slug)).otherwise(found)
        return [found.alias("symptom")]
    if FIELDS[name].kind == "address":
        return [pl.col(f"{stems[0]}_{half}").alias(f"{name}_{half}") for half in ("hi", "lo")]
    if name == "state":
        return [pl.col("l4proto").alias("state_of"), pl.col("state")]
    value = pl.col(stems[0])
    return [(value.fill_null(0) if name in ("mark", "zone") else value).alias(name)]


def _named(name: str, grouped: pl.DataFrame, table: Chosen) -> pl.Series:
    kind = FIELDS[name].kind
    if kind == "address":
        return addresses.show(grouped[f"{name}_hi"], grouped[f"{name}_lo"], table.opaque).alias(name)
    if name == "netns":
        shown = pl.lit(table.netns)
    elif name == "state":
        pair = pl.concat_str(pl.col("state_of"), pl.lit("/"), pl.col("state"))
        shown = pair.replace_strict(_STATES, default=pl.col("state").cast(pl.String), return_dtype=pl.String)
    elif name in ("owner", "workload"):
        owners = {
            str(number): owner.name if name == "owner" else owner.working_for
            for number, owner in enumerate(table.owners)
        }
        shown = pl.col(name).cast(pl.String).replace(owners)
    elif name == "proto":
        protocols = {str(number): spelled for number, spelled in uapi.PROTOCOL_NAMES.items()}
        shown = pl.col(name).cast(pl.String).replace(protocols)
    else:
        shown = pl.col(name).cast(pl.Int64 if kind in _WHOLE else pl.String)
    return grouped.lazy().with_columns(shown.alias(name)).collect()[name]
