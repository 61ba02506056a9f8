"""Which services a plan is about, as a table shows them, and with whom each may be talked to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.changes import clearing
from halftrack.diagnosis import examination
from halftrack.diagnosis.entries import answered
from halftrack.diagnosis.filters.vocabulary import DERIVED, JUDGED
from halftrack.draining.matching import matching
from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import select
from halftrack.plans.actions import AddRules, Drain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.changes.rehearsal.acting import Placed
    from halftrack.diagnosis.view import View

MOST: Final = 8
"""Services that are talked to."""
_CANDIDATES: Final = 50
_BENCHMARK: Final = {4: ("198.18.0.1", "198.18.0.2"), 6: ("2001:2::1", "2001:2::2")}
"""Addresses of RFC 2544 and RFC 5180, for a client where no peer's address will do."""


@dataclass(frozen=True, slots=True)
class Service:
    """``front``: what clients connect to, ``back``: where it is; both address and port.

    ``local``, ``client_local``, ``front_local``: that address is the node's own. ``stranger``: one that
    nobody here has, for packets without a connection; None: there can be none. ``entries``: of it.
    """

    name: str
    front: tuple[str, int]
    back: tuple[str, int]
    client: str
    stranger: str | None
    local: bool
    client_local: bool
    front_local: bool
    entries: int


@dataclass(frozen=True, slots=True)
class About:
    """``affected``: Boolean, one per row: entries of the plan's services. ``drains``: rows of each drain.

    Drains go by the numbers of step and action in the plan.
    """

    affected: pl.Series
    drains: dict[tuple[int, int], pl.Series]


def about(view: View, steps: Sequence[tuple[int, Sequence[tuple[int, Placed]]]]) -> About:
    """What steps of a plan are about in this table: their numbers, and their actions here, numbered.

    Raises UsageError where a drain's filter is none.
    """
    none = pl.repeat(value=False, n=view.flows.height, dtype=pl.Boolean, eager=True)
    meant, drains = none, {}
    for number, actions in steps:
        for place, action in actions:
            if isinstance(action, Drain):
                rows = drains[number, place] = _drained(view, action)
            elif isinstance(action, AddRules):
                rows = _of_port(view, action)
            else:
                # A setting is everybody's, whichever service it is meant for.
                rows = _marked(view, pl.col("l4proto") == uapi.IPPROTO_TCP)
            meant = meant | rows
    services = view.flows["service"].filter(meant).drop_nulls().unique()
    affected = view.flows["service"].is_in(services.implode()).fill_null(value=False) | meant
    return About(affected, drains)


def _drained(view: View, action: Drain) -> pl.Series:
    wanted, _ = clearing.asked(action)
    found = examination.cases_of(view) if wanted.uses(*DERIVED, *JUDGED) else ()
    return matching(view, wanted, found)[0].fill_null(value=False)


def _of_port(view: View, action: AddRules) -> pl.Series:
    port = action.rule.port
    ends = [pl.col(name) == port for name in ("orig_sport", "orig_dport", "reply_sport", "reply_dport")]
    return _marked(view, pl.any_horizontal(ends))


def _marked(view: View, wanted: pl.Expr) -> pl.Series:
    return select(view.flows, wanted.fill_null(value=False).alias("marked"))["marked"]


def choose(view: View, affected: pl.Series) -> tuple[list[Service], int]:
    """The services with most entries among those affected, and how many others there are."""
    server_is_src = pl.col("local_src") != (pl.col("side").cast(pl.String) == "client")
    ways = {
        "back": ("orig_src", "orig_sport", "reply_src", "reply_sport"),
        "front": ("orig_src", "orig_sport", "orig_dst", "orig_dport"),
        "client": ("orig_dst", "orig_dport", "orig_src", "orig_sport"),
    }
    ends = (
        view.flows.lazy()
        .filter(affected, pl.col("l4proto") == uapi.IPPROTO_TCP, pl.col("service").is_not_null())
        .select(
            pl.col("service").cast(pl.String),
            answered().alias("answered"),
            *(
                pl.when(server_is_src).then(f"{src}_{half}").otherwise(f"{dst}_{half}").alias(f"{end}_{half}")
                for end, (src, _, dst, _) in ways.items()
                for half in ("hi", "lo")
            ),
            *(
                pl.when(server_is_src).then(sport).otherwise(dport).alias(f"{end}_port")
                for end, (_, sport, _, dport) in ways.items()
            ),
        )
        .drop_nulls()
        .collect()
    )
    key = ["service", "back_hi", "back_lo", "back_port"]
    every = ends.group_by(key).len().sort("len", *key, descending=[True, *[False] * len(key)])
    here = {one.address for one in view.table.addresses or ()}
    servers = {addresses.to_text(hi, lo) for hi, lo in every.head(MOST).select(key[1:3]).iter_rows()}
    clients: set[str] = set()
    strangers: set[str] = set()
    found = []
    for row in every.head(MOST).iter_rows(named=True):
        rows = ends.filter(pl.all_horizontal(pl.col(name) == row[name] for name in key))
        one = _service(row["service"], rows, here, (servers | strangers, here | clients))
        if one is not None:
            found.append(one)
            clients.add(one.client)
            strangers.update(filter(None, (one.stranger,)))
    return found, every.height - len(found)


def _service(
    name: str, rows: pl.DataFrame, here: set[str], taken: tuple[set[str], set[str]]
) -> Service | None:
    """None where it cannot be talked to from a scratch namespace.

    ``here``: addresses of the table's own namespace. ``taken``: those that its client may not have, and
    those that its stranger may not have: an address is in one scratch namespace, or in none, alone.
    """
    answered = rows.filter("answered")
    shown = answered if answered.height else rows
    columns = ("front_hi", "front_lo", "front_port", "back_hi", "back_lo", "back_port")
    front_hi, front_lo, front_port, back_hi, back_lo, back_port = (
        shown.group_by(columns).len().sort("len", *columns, descending=True).row(0)[:-1]
    )
    front, back = addresses.to_text(front_hi, front_lo), addresses.to_text(back_hi, back_lo)
    if not (_usable(front) and _usable(back)):
        return None
    pair = ("client_hi", "client_lo")
    peers = shown.group_by(pair).len().sort("len", *pair, descending=[True, False, False]).head(_CANDIDATES)
    clients = [addresses.to_text(hi, lo) for hi, lo in peers.select(pair).iter_rows()]
    if _loopback(back):
        return Service(
            name=name,
            front=(front, front_port),
            back=(back, back_port),
            client=back,
            stranger=None,
            local=True,
            client_local=True,
            front_local=True,
            entries=rows.height,
        )
    usual = _BENCHMARK[ipaddress.ip_address(back).version]
    able = [one for one in clients if _usable(one) and not _loopback(one) and one not in taken[0]]
    client = next(iter(able), usual[0])
    strangers = [one for one in able if one not in taken[1] and one != client]
    return Service(
        name=name,
        front=(front, front_port),
        back=(back, back_port),
        client=client,
        stranger=next(iter(strangers), usual[1]),
        local=back in here,
        client_local=client in here,
        front_local=front in here,
        entries=rows.height,
    )


def _usable(address: str) -> bool:
    one = ipaddress.ip_address(address)
    return not (one.is_unspecified or one.is_multicast or one.is_link_local)


def _loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback
