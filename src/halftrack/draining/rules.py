"""Which entries that never were answered no rule would miss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.rulesets import entries
from halftrack.rulesets.entries import Judged, own_addresses
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.view import View
    from halftrack.evidence.rulesets import Ruleset

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class ByRules:
    """``unmissed``: Boolean, one per row of the view: it was asked about, and surely no rule would miss it.

    ``judged``: one per row likewise; null also where it was not asked about.
    """

    unmissed: pl.Series
    judged: Judged

    def reasons(self, rows: pl.Series) -> Iterator[str]:
        """Why rows (a mask) of what never was answered are left as what may live, the commonest first."""
        by_number = sorted(self.judged.why(rows).items(), key=lambda each: -each[1])
        for why, number in by_number[:_SHOWN]:
            which = (
                "1 that never was answered is" if number == 1 else f"{number:,} that never were answered are"
            )
            yield f"{which} left as what may live: without its entry {why}"
        if rest := sum(number for _, number in by_number[_SHOWN:]):
            yield f"{rest:,} more likewise, for {len(by_number) - _SHOWN} other reasons"


def by_rules(view: View, among: pl.Series, rules: Ruleset) -> ByRules:
    """``among``: Boolean, one per row of the view: rows to ask about.

    Asked is whatever may be an entry's next packet, also the one that closes.
    """
    rows = among.arg_true()
    loose = timeouts.is_loose(view.table.settings)
    found = entries.judged(rules, view.flows[rows], own_addresses(view.table), loose=loose, closing=True)
    nothing = pl.repeat(value=False, n=view.flows.height, dtype=pl.Boolean, eager=True)
    nobody = pl.Series([None], dtype=pl.UInt32).new_from_index(0, view.flows.height)
    which = nobody.scatter(rows, found.which)
    return ByRules(nothing.scatter(rows, found.which.is_null()), Judged(found.reasons, which))
