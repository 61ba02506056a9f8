"""Connections in use that a remedy would touch: counted by service, with an example of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from halftrack.diagnosis import ends, words
from halftrack.diagnosis.document import UNHURT, LiveFlows, Outcome, Peer
from halftrack.diagnosis.entries import (
    answered,
    connected,
    data_unacknowledged,
    established,
    in_close_wait,
    translated,
)
from halftrack.evidence import addresses, literals, marks, uapi
from halftrack.evidence.flows import chosen, select
from halftrack.rulesets import entries
from halftrack.rulesets.entries import own_addresses
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.view import View
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.rulesets.entries import Reason

_SERVICES_SHOWN: Final = 5
_ROW: Final = "row"
_NAT: Final = "translated"
_FATE: Final = "fate"
_PEERS_SHOWN: Final = 3
_PICKED_UP: Final = "picked up"
_ENDING: Final = ("silent", "half-closed", "unacknowledged")
"""Questions about flows whose entries would go before they speak again."""
_TOLD: Final = (*_ENDING, _PICKED_UP)


_Fate: TypeAlias = tuple[Outcome | None, str | None]
"""What becomes of a connection, and by which rule."""


class Told(NamedTuple):
    """What becomes of so many connections, and by which rule."""

    outcome: Outcome
    by: str | None
    entries: int


@dataclass(frozen=True, slots=True)
class Live:
    """``entries`` is None where the evidence cannot tell; ``translated`` of them pass through NAT.

    ``by_rules``: what the rules do to them once their entries are gone, most first; empty where nobody
    read the rules, or their entries stay.
    """

    entries: int | None
    flows: tuple[LiveFlows, ...] = ()
    translated: int = 0
    by_rules: tuple[Told, ...] = ()

    @property
    def cut(self) -> int | None:
        """Those that may be cut; None where nobody read the rules."""
        if not self.by_rules:
            return 0 if self.entries == 0 else None
        return sum(told.entries for told in self.by_rules if told.outcome not in UNHURT)

    @property
    def at_stake(self) -> int | None:
        """Those that may be cut: all, where nobody read the rules. None where the evidence cannot tell."""
        return self.entries if self.cut is None else self.cut


UNKNOWN: Final = Live(None)


class LiveEntries:
    """The entries of one table that are taken to be in use: answered as a rule, and not proven dead.

    ``dead``: masks over the view's rows, True where an entry's socket is gone. ``rules``: of the
    namespace, where somebody read them. Questions are answered once and kept.
    """

    def __init__(self, view: View, dead: Sequence[pl.Series] = (), rules: Ruleset | None = None) -> None:
        self._view = view
        self._rules = rules
        self._dead = [mask for mask in dead if mask.any()]
        self._kept: dict[tuple[str, int | None, str | None], Live] = {}

    def silent(self, after_s: int, service: str | None = None) -> Live:
        """Established TCP connections that were silent for longer than ``after_s`` seconds.

        None entries: for none of them is it known when it was last heard.
        """
        return self._ask("silent", after_s, service, connected(), pl.col("idle_s") > after_s)

    def picked_up(self) -> Live:
        """Connections that are tracked only because they were picked up in mid-stream.

        Those seen in one direction count where a packet gives them minutes: what is there had one
        just now. None entries: this source does not tell how an entry began.
        """
        in_use = answered()
        given_s = self._view.one_sided_s or 0
        if self._view.clamps and given_s <= timeouts.DEFAULTS[timeouts.UNACKNOWLEDGED]:
            in_use |= pl.col("one_sided") & (pl.col("idle_s") <= given_s)
        return self._ask(_PICKED_UP, None, None, established() & in_use, pl.col("origin") == "pick-up")

    def of_service(self, service: str) -> Live:
        """Every answered connection to or from a service."""
        return self._ask("of service", None, service, answered(), pl.lit(value=True))

    def half_closed(self, left_s: int) -> Live:
        """TCP connections closed by one end alone that have more than ``left_s`` seconds left."""
        return self._ask("half-closed", left_s, None, in_close_wait(), pl.col("timeout") > left_s)

    def unacknowledged(self, idle_s: int) -> Live:
        """Established connections with data under way that were silent for over ``idle_s`` seconds."""
        silent = pl.col("idle_s") > idle_s
        return self._ask("unacknowledged", idle_s, None, connected(), data_unacknowledged() & silent)

    def outlasting(
        self, established_s: int | None, unacknowledged_s: int | None, half_closed_s: int | None
    ) -> Live:
        """TCP connections that were silent for longer than they would be kept, each counted once.

        By what keeps them: open, open with data under way, closed by one end alone; None: that stays as
        it is.
        """
        kinds = (
            (connected(), established_s),
            (connected() & data_unacknowledged(), unacknowledged_s),
            (in_close_wait(), half_closed_s),
        )
        asked = [(kind, after_s) for kind, after_s in kinds if after_s is not None]
        if not asked:
            return Live(0)
        among = pl.any_horizontal(kind.fill_null(value=False) for kind, _ in asked)
        test = pl.any_horizontal(
            kind.fill_null(value=False) & (pl.col("idle_s") > after_s) for kind, after_s in asked
        )
        return self._count("silent", among, test)

    def _ask(self, what: str, number: int | None, service: str | None, among: pl.Expr, test: pl.Expr) -> Live:
        key = (what, number, service)
        if key not in self._kept:
            if service is not None:
                among &= pl.col("service") == service
            self._kept[key] = self._count(what, among.fill_null(value=False), test)
        return self._kept[key]

    def _count(self, what: str, among: pl.Expr, test: pl.Expr) -> Live:
        flows = self._view.flows
        for mask in self._dead:
            among &= ~pl.lit(mask)
        # Marked first: to filter in the same query would have it cut out every column of the rows.
        mask, nat = select(flows, (among & test).fill_null(value=False), translated().alias(_NAT))
        rows = mask.arg_true()
        if rows.is_empty():
            some, told = select(flows, among.any(), (among & test.is_not_null()).any().alias("told")).row(0)
            return Live(0) if told or not some else UNKNOWN
        touched = pl.DataFrame(
            [rows.alias(_ROW), *(each.filter(mask) for each in (flows["service"], flows["idle_s"], nat))]
        )
        number, fates = self._fates(what, touched)
        told = ()
        if self._rules is not None and what in _TOLD:
            told = tuple(
                sorted(
                    (
                        Told(outcome, by, many)
                        for each, many in number.value_counts().iter_rows()
                        for outcome, by in (fates[each],)
                        if outcome is not None
                    ),
                    key=lambda one: (-one.entries, one.outcome, one.by or ""),
                )
            )
        flows_of = self._by_service(touched.insert_column(0, number.alias(_FATE)), fates)
        return Live(touched.height, flows_of, int(touched[_NAT].sum()), told)

    def _fates(self, what: str, touched: pl.DataFrame) -> tuple[pl.Series, list[_Fate]]:
        """For each that is touched the number of its fate, and these by number: see ``document.LiveFlows``.

        In words a row they would take more room than the rows themselves.
        """
        if what not in _TOLD:
            return pl.repeat(0, touched.height, dtype=pl.UInt32, eager=True), [(None, None)]
        strict = not timeouts.is_loose(self._view.table.settings) or what == _PICKED_UP
        if self._rules is None:
            usual: Outcome = "dropped" if strict else "picked-up-again"
            return touched[_NAT].cast(pl.UInt32), [(usual, None), ("loses-translation", None)]
        rows = self._view.flows[touched[_ROW]]
        found = entries.judged(
            self._rules, rows, own_addresses(self._view.table), loose=not strict, closing=False
        )
        unhurt: Outcome = "goes-on-untracked" if strict else "picked-up-again"
        fates: list[_Fate] = [(unhurt, None)]
        fates += [(_outcome(reason), reason.rule) for reason in found.reasons]
        # Reasons that differ in their words alone are one fate.
        first = [fates.index(fate) for fate in fates]
        which = (found.which.cast(pl.Int64).fill_null(-1) + 1).cast(pl.UInt32)
        return pl.Series(first, dtype=pl.UInt32)[which], fates

    def _by_service(self, touched: pl.DataFrame, fates: Sequence[_Fate]) -> tuple[LiveFlows, ...]:
        """The largest by service and by what happens to them."""
        keys = marks.marks(touched, ("service", _FATE))
        first, entries = marks.tally(keys)
        services, numbers = touched["service"][first].cast(pl.String), touched[_FATE][first]
        largest = sorted(
            zip(entries, services, numbers, keys[first], strict=True),
            key=lambda one: (-one[0], *map(_nulls_last, (one[1], *fates[one[2]]))),
        )
        return tuple(
            self._live_flows(rows, service, *fates[number])
            for _, service, number, key in largest[:_SERVICES_SHOWN]
            for rows in (touched if len(largest) == 1 else chosen(touched, pl.Series(keys == key)),)
        )

    def _live_flows(
        self, rows: pl.DataFrame, service: str | None, outcome: Outcome | None, by: str | None
    ) -> LiveFlows:
        longest = rows["idle_s"].arg_max() or 0
        row: int = rows[_ROW][longest]
        return LiveFlows(
            service=service or "other",
            entries=rows.height,
            example=example(self._view.flows[row : row + 1], self._view),
            peers=self._peers(rows[_ROW]),
            outcome=outcome,
            by=by,
            rules_read=self._rules is not None and outcome is not None,
        )

    def _peers(self, rows: pl.Series) -> tuple[Peer, ...]:
        """The far ends of most of these rows."""
        view = self._view
        some = pl.DataFrame([view.flows[name][rows] for name in ends.NEEDED])
        hi, lo, entries = marks.counted(some.with_columns_seq(*ends.WHOSE), ("peer_hi", "peer_lo"))
        top = pl.Series(np.lexsort((lo, hi, -entries.cast(pl.Int64)))[:_PEERS_SHOWN])
        names = addresses.show(hi[top], lo[top], view.opaque)
        return tuple(
            Peer(address=name, entries=number) for name, number in zip(names, entries[top], strict=True)
        )


def _nulls_last(word: str | None) -> tuple[bool, str]:
    return word is None, word or ""


def _outcome(reason: Reason) -> Outcome:
    """What becomes of a connection for this reason, when its entry is gone."""
    if reason.fate is None or reason.fate in {"translated", "untranslated"}:
        return "loses-translation" if reason.certain else "unclear"
    return "dropped" if reason.fate == "dropped" and reason.certain else "unclear"


def example(row: pl.DataFrame, view: View) -> str:
    """One entry (a frame of height 1) as a line: protocol, both ends, how long it is silent."""
    opaque = view.table.flows.opaque if view.table.flows is not None else pl.Series("opaque", [], pl.String)
    shown = []
    for end, port in (("orig_src", "orig_sport"), ("orig_dst", "orig_dport")):
        text = str(addresses.show(row[f"{end}_hi"], row[f"{end}_lo"], opaque).item())
        number = row[port].item()
        if number is not None:
            text = literals.end(text, number)
        shown.append(text)
    number = row["l4proto"].item()
    line = f"{uapi.PROTOCOL_NAMES.get(number, number)} {shown[0]} -> {shown[1]}"
    idle = row["idle_s"].item()
    return line if idle is None else f"{line}, silent for {words.duration(idle)}"
