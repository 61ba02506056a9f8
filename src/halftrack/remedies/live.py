"""Connections in use that a remedy would touch: counted by service, with an example of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import ends, words
from halftrack.diagnosis.document import LiveFlows, Outcome, Peer
from halftrack.evidence import addresses, uapi
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.view import View

SERVICES_SHOWN: Final = 5
_ROW: Final = "row"
_NAT: Final = "translated"
PEERS_SHOWN: Final = 3
_PICKED_UP: Final = "picked up"
_ENDING: Final = ("silent", "half-closed", "unacknowledged")
"""Questions about flows whose entries would go before they speak again."""


@dataclass(frozen=True, slots=True)
class Live:
    """``entries`` is None where the evidence cannot tell; ``translated`` of them pass through NAT."""

    entries: int | None
    flows: tuple[LiveFlows, ...] = ()
    translated: int = 0


UNKNOWN: Final = Live(None)


def translated() -> pl.Expr:
    """Whether an entry's addresses or ports are rewritten on this node: the status bits say so.

    Readers of text set them where the two tuples of an entry differ.
    """
    return pl.col("status") & uapi.IPS_NAT_MASK != 0


def answered() -> pl.Expr:
    """Whether packets of both directions were seen."""
    return pl.col("status") & uapi.IPS_SEEN_REPLY != 0


def established() -> pl.Expr:
    return (pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED)


class LiveEntries:
    """The entries of one table that are taken to be in use: answered as a rule, and not proven dead.

    ``dead``: masks over the view's rows, True where an entry's socket is gone. Questions are
    answered once and kept.
    """

    def __init__(self, view: View, dead: Sequence[pl.Series] = ()) -> None:
        self._view = view
        self._dead = [mask for mask in dead if mask.any()]
        self._kept: dict[tuple[str, int | None, str | None], Live] = {}

    def silent(self, after_s: int, service: str | None = None) -> Live:
        """Established TCP connections that were silent for longer than ``after_s`` seconds.

        None entries: for none of them is it known when it was last heard.
        """
        return self._ask("silent", after_s, service, established() & answered(), pl.col("idle_s") > after_s)

    def picked_up(self) -> Live:
        """Connections that are tracked only because they were picked up in mid-stream.

        Those seen in one direction count where a packet gives them minutes: what is there had one
        just now. None entries: this source does not tell how an entry began.
        """
        in_use = answered()
        if self._view.clamps and (self._view.one_sided_s or 0) <= timeouts.DEFAULTS[timeouts.UNACKNOWLEDGED]:
            in_use |= pl.col("one_sided") & pl.col("idle_s").is_not_null()
        return self._ask(_PICKED_UP, None, None, established() & in_use, pl.col("origin") == "pick-up")

    def of_service(self, service: str) -> Live:
        """Every answered connection to or from a service."""
        return self._ask("of service", None, service, answered(), pl.lit(value=True))

    def half_closed(self, left_s: int) -> Live:
        """TCP connections closed by one end alone that have more than ``left_s`` seconds left."""
        closing = (pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("state") == uapi.TCP_CONNTRACK_CLOSE_WAIT)
        return self._ask("half-closed", left_s, None, closing & answered(), pl.col("timeout") > left_s)

    def unacknowledged(self, idle_s: int) -> Live:
        """Established connections with data under way that were silent for over ``idle_s`` seconds."""
        flag = uapi.IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED
        waiting = (pl.col("tcp_flags_orig") | pl.col("tcp_flags_reply")) & flag != 0
        silent = pl.col("idle_s") > idle_s
        return self._ask("unacknowledged", idle_s, None, established() & answered(), waiting & silent)

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
        touched = (
            flows.lazy()
            .with_row_index(_ROW)
            .filter(among & test)
            .select(_ROW, "service", "idle_s", translated().alias(_NAT))
            .collect()
        )
        if touched.is_empty():
            some, told = flows.select(among.any(), (among & test.is_not_null()).any().alias("told")).row(0)
            return Live(0) if told or not some else UNKNOWN
        return Live(touched.height, self._by_service(what, touched), int(touched[_NAT].sum()))

    def _by_service(self, what: str, touched: pl.DataFrame) -> tuple[LiveFlows, ...]:
        """The largest by service and by what happens to them."""
        longest = pl.col("idle_s").arg_max()
        by = ["service", _NAT] if what in _ENDING else ["service"]
        top = (
            touched.group_by(by)
            .agg(
                pl.len().alias("entries"),
                pl.coalesce(pl.col(_ROW).get(longest), pl.col(_ROW).min()).alias("longest"),
                pl.col(_ROW),
            )
            .with_columns(pl.col("service").cast(pl.String))
            .sort(["entries", *by], descending=[True, *(False for _ in by)], nulls_last=True)
            .head(SERVICES_SHOWN)
        )
        return tuple(
            LiveFlows(
                service=found["service"] or "other",
                entries=found["entries"],
                example=example(self._view.flows.slice(found["longest"], 1), self._view),
                peers=self._peers(pl.Series(found[_ROW], dtype=pl.UInt32)),
                outcome=self._outcome(what, nat=bool(found.get(_NAT))),
            )
            for found in top.iter_rows(named=True)
        )

    def _peers(self, rows: pl.Series) -> tuple[Peer, ...]:
        """The far ends of most of these rows."""
        view = self._view
        some = view.flows.select(*ends.NEEDED)[rows].lazy()
        top = (
            ends.ends(some)
            .group_by("peer_hi", "peer_lo")
            .agg(pl.len().alias("entries"))
            .sort(["entries", "peer_hi", "peer_lo"], descending=[True, False, False])
            .head(PEERS_SHOWN)
            .collect()
        )
        names = addresses.show(top["peer_hi"], top["peer_lo"], view.opaque)
        return tuple(
            Peer(address=str(name), entries=entries)
            for name, entries in zip(names, top["entries"], strict=True)
        )

    def _outcome(self, what: str, *, nat: bool) -> Outcome | None:
        if what not in _ENDING and what != _PICKED_UP:
            return None
        if nat:
            return "loses-translation"
        strict = timeouts.setting(self._view.table.settings, "tcp_loose") == "0"
        return "dropped" if strict or what == _PICKED_UP else "picked-up-again"


def example(row: pl.DataFrame, view: View) -> str:
    """One entry (a frame of height 1) as a line: protocol, both ends, how long it is silent."""
    opaque = view.table.flows.opaque if view.table.flows is not None else pl.Series("opaque", [], pl.String)
    shown = []
    for end, port in (("orig_src", "orig_sport"), ("orig_dst", "orig_dport")):
        text = str(addresses.show(row[f"{end}_hi"], row[f"{end}_lo"], opaque).item())
        number = row[port].item()
        if number is not None:
            text = f"[{text}]:{number}" if ":" in text else f"{text}:{number}"
        shown.append(text)
    number = row["l4proto"].item()
    line = f"{uapi.PROTOCOL_NAMES.get(number, number)} {shown[0]} -> {shown[1]}"
    idle = row["idle_s"].item()
    return line if idle is None else f"{line}, silent for {words.duration(idle)}"
