"""Which entries that never were answered no rule would miss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import addresses
from halftrack.rulesets import entries as judging
from halftrack.rulesets.entries import Unmissed
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.diagnosis.view import View
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Table

_SHOWN: Final = 3


def unmissed(view: View, among: pl.Series, rules: Ruleset) -> Unmissed:
    """``among``: Boolean, one per row of the view: rows to ask about. False for all others."""
    rows = among.arg_true()
    loose = timeouts.setting(view.table.settings, "tcp_loose") != "0"
    found = judging.unmissed(rules, view.flows[rows], own_addresses(view.table), loose=loose)
    mask = pl.repeat(value=False, n=view.flows.height, dtype=pl.Boolean, eager=True)
    return Unmissed(mask.scatter(rows, found.mask), found.why)


def reasons(found: Unmissed) -> Iterator[str]:
    """Why what never was answered is left as what may live, the commonest first."""
    by_number = sorted(found.why.items(), key=lambda each: -each[1])
    for why, entries in by_number[:_SHOWN]:
        which = (
            "1 entry that never was answered is"
            if entries == 1
            else f"{entries:,} that never were answered are"
        )
        yield f"{which} left as what may live: without its entry {why}"
    if rest := sum(number for _, number in by_number[_SHOWN:]):
        yield f"{rest:,} more likewise, for {len(by_number) - _SHOWN} other rules"


def own_addresses(table: Table) -> Sequence[int] | None:
    """A namespace's own, as numbers of 128 bits; None where they were not read."""
    if table.addresses is None:
        return None
    pairs = (addresses.parse(each.address) for each in table.addresses)
    return [hi << 64 | lo for hi, lo in pairs]
