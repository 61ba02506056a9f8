"""Where the owned ends of a case live: the namespace whose sockets and queues tell how they fare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import addresses, marks

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.evidence.values import Owner, Table

_MOST_PORTS: Final = 64
WHOSE: Final = ("owner", "here", "local_hi", "local_lo")
"""What our end of an entry is told from others by."""
_LARGE: Final = 0.1
_FEWEST: Final = 4


@dataclass(frozen=True, slots=True)
class Home:
    """Of most of the case's entries. ``table``: what was read of that namespace.

    ``hi``, ``lo``: their address there; ``ports``: theirs where they are ``server``, else the peers'.
    """

    table: Table
    hi: int
    lo: int
    server: bool
    ports: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.table.netns


def of(case: Case) -> Home | None:
    """None where nobody knows, where another machine's end stands in, and where several have large parts:
    what one of them tells says nothing of the others, and each is weighed by itself.
    """
    return case.once("home", _found)


def _found(case: Case) -> Home | None:
    counted = by_size(case, WHOSE)
    if counted.is_empty() or large(counted).height > 1:
        return None
    some = case.rows.sample(*WHOSE, "side", "local_src", "orig_sport", "orig_dport", "reply_sport")
    owner, here, hi, lo, _ = counted.row(0)
    table = _table(case, owner, hi, lo, here=bool(here))
    if table is None:
        return None
    ours = some.filter(pl.col("local_hi") == hi, pl.col("local_lo") == lo)
    server = bool((ours["side"].cast(pl.String) != "client").fill_null(value=True).mean() or 0.0)
    mine = pl.when("local_src").then("orig_sport").otherwise("reply_sport")
    theirs = pl.when("local_src").then("orig_dport").otherwise("orig_sport")
    ports = ours.select((mine if server else theirs).drop_nulls().value_counts(sort=True, name="count"))
    found = ports.to_series().struct.unnest().to_series().head(_MOST_PORTS).to_list()
    return Home(table, hi, lo, server, tuple(found))


def by_size(case: Case, key: tuple[str, ...]) -> pl.DataFrame:
    """The different values of these columns and how many entries have each (``len``), most first."""

    def counted(case: Case) -> pl.DataFrame:
        some = marks.counted(case.rows.sample(*key), key)
        return some.sort("len", *key, descending=[True, *[False] * len(key)]) if some.height > 1 else some

    return case.once("by size: " + " ".join(key), counted)


def large(counted: pl.DataFrame) -> pl.DataFrame:
    """Those that have a tenth of the entries or more, and more than a few."""
    return counted.filter(pl.col("len") >= max(_FEWEST, _LARGE * int(counted["len"].sum())))


def _table(case: Case, owner: int | None, hi: int, lo: int, *, here: bool) -> Table | None:
    tables = case.view.evidence.tables
    holder = case.view.owner(owner)
    if holder is not None:
        return next((one for one in tables if _lives(holder, one)), None)
    if here:
        return case.view.table
    text = addresses.to_text(hi, lo)
    having = [one for one in tables if any(each.address == text for each in one.addresses or ())]
    if len(having) > 1:
        having = [one for one in having if _linked(one, case.view.table)]
    return having[0] if len(having) == 1 else None


def _lives(holder: Owner, table: Table) -> bool:
    inode = table.namespace.inode
    return table.namespace.owner == holder if inode is None else inode == holder.netns_inode


def _linked(one: Table, near: Table) -> bool:
    """Whether an interface of one has its other end in the other."""
    inode = near.namespace.inode
    return bool(one.shaping and inode) and any(
        each.link_netns == inode for each in one.shaping[-1].interfaces
    )
