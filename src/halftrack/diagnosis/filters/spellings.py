"""Masked addresses in a filter: they are compared as written, so they must be written somewhere."""

from __future__ import annotations

from collections.abc import Container, Sequence

from halftrack.diagnosis.filters.terms import Address, Filter, Match
from halftrack.diagnosis.filters.vocabulary import FIELDS
from halftrack.errors import UsageError


def check(wanted: Filter, spellings: Sequence[Container[str]] = ()) -> None:
    """Raise UsageError for an address that is none and that no table writes so.

    ``spellings``: of each table's masked addresses; a live table has none.
    """
    for leaf in wanted.leaves():
        if not isinstance(leaf, Match):
            continue
        for value in leaf.values:
            if not isinstance(value, Address) or value.network is not None:
                continue
            if not any(value.text in names for names in spellings):
                raise UsageError(
                    f"{leaf.field}={value.text!a}: neither an address nor a network, and no masked "
                    f"address is written so: write {leaf.field}={FIELDS[leaf.field].example}"
                )
