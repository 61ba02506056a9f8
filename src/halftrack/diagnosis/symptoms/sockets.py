"""Which entries have a socket at the end that is ours.

An entry whose owned end is ``orig_src`` belongs to a socket ``orig_src:orig_sport ->
orig_dst:orig_dport``; one that ends here belongs to ``reply_src:reply_sport ->
reply_dst:reply_dport``, or to ``orig_src`` as remote end where the source was rewritten only after
the socket. Listeners are no proof of life; TIME_WAIT is.

The end of an entry may be in a namespace that is nobody's as far as owners are known: whose address it
alone has, its sockets tell, too.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.diagnosis.clocks import SLICE
from halftrack.diagnosis.ends import NOBODY, in_every_namespace, owner_index
from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import select
from halftrack.evidence.marks import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.view import View
    from halftrack.evidence.values import Sockets, Table

CONNECTION: Final = ("local_hi", "local_lo", "local_port", "remote_hi", "remote_lo", "remote_port")
"""Of a socket, what says whose packets are its own."""
_NOBODY_MARK: Final = 2**32 - 1

_PORTS: Final = {"orig_src": "orig_sport", "reply_dst": "reply_dport"}

_LOOKUP_COLUMNS: Final = (
    "local_src",
    "owner",
    "side",
    *(f"{end}_{half}" for end in ("orig_src", "orig_dst", "reply_src", "reply_dst") for half in ("hi", "lo")),
    "orig_sport",
    "orig_dport",
    "reply_sport",
    "reply_dport",
)


def by_owner(view: View) -> Mapping[int, Sockets]:
    """Sockets by owner number, NOBODY for ends in the table's own namespace that have no owner.

    An owner is in it only where the sockets of its namespace were read.
    """
    own = view.table.sockets
    found: dict[int, Sockets] = {}
    if own is not None and view.table.addresses is not None:
        found[NOBODY] = own
    holder = owner_index(view.table.namespace.owner, view.evidence.owners)
    if holder != NOBODY:
        return found if own is None else found | {holder: own}
    read = {
        table.namespace.inode: table.sockets
        for table in view.evidence.tables
        if table.sockets is not None and table.namespace.inode is not None
    }
    for table in view.evidence.tables:
        # Of what was sent, whose a namespace is may be known, and its number not.
        other = owner_index(table.namespace.owner, view.evidence.owners)
        if other != NOBODY and table.namespace.inode is None and table.sockets is not None:
            found[other] = table.sockets
    for index, owner in enumerate(view.evidence.owners):
        if owner.netns_inode is not None and owner.netns_inode in read:
            found[index] = read[owner.netns_inode]
    return found


def neighbours(view: View) -> tuple[Table, ...]:
    """Other namespaces of this node without an owner that is known, whose sockets were read.

    Only those that track nothing: what is tracked may be translated, and its socket be elsewhere. None
    where a namespace's addresses are not known: it may have the same ones.
    """
    if view.table.namespace.owner is not None:
        return ()  # what else the node has is foreign to a container
    if any(each.addresses is None for each in view.evidence.tables):
        return ()
    return tuple(
        each
        for each in view.evidence.tables
        if each is not view.table
        and each.sockets is not None
        and each.namespace.owner is None
        and each.count == 0
    )


def read(view: View) -> bool:
    """Whether the sockets of any end were."""
    return bool(by_owner(view) or neighbours(view))


def covered(view: View, rows: MarkedRows) -> int:
    """How many of these rows belong to an end whose sockets were read."""
    known, near = by_owner(view), neighbours(view)
    if not known and not near:
        return 0
    # Of the whole table: to cut the rows out first takes longer.
    found = select(rows.flows, (_known(known, view, near) & pl.lit(rows.mask)).sum())
    return int(found.item())


def of_case(case: Case) -> int:
    """How many entries of a case are ``covered``."""
    return case.once("sockets", lambda case: covered(case.view, case.rows))


def _known(known: Mapping[int, Sockets], view: View, near: Sequence[Table]) -> pl.Expr:
    owners = pl.Series([index for index in known if index != NOBODY], dtype=pl.UInt32)
    ours = pl.col("side").cast(pl.String) != "forwarded"
    return ours & (
        pl.col("owner").is_in(owners.implode())
        | (pl.col("here") & (NOBODY in known))
        | (pl.col("owner").is_null() & ~pl.col("here") & at_any(_alone(view, near)))
    )


def _alone(view: View, near: Sequence[Table]) -> list[tuple[int, int]]:
    """Addresses that these namespaces have, each of them one, and nobody else on the node."""
    if not near:
        return []
    having = Counter(
        one for table in view.evidence.tables for one in {each.address for each in table.addresses or ()}
    )
    having.update(address for owner in view.evidence.owners for address in owner.addresses)
    pairs = [
        addresses.parse(each.address)
        for table in near
        for each in table.addresses or ()
        if having[each.address] == 1
    ]
    return [pair for pair in pairs if not in_every_namespace(pair)]


def at_any(pairs: Sequence[tuple[int, int]]) -> pl.Expr:
    """Whether the owned end's address is one of these."""
    found = pl.lit(value=False)
    by_half: dict[int, list[int]] = {}
    for hi, lo in pairs:
        by_half.setdefault(hi, []).append(lo)
    for hi, los in by_half.items():
        ends = (
            (pl.col(f"{end}_hi") == hi) & pl.col(f"{end}_lo").is_in(pl.Series(los, dtype=pl.UInt64).implode())
            for end in ("orig_src", "reply_src")
        )
        opened, answered = ends
        found |= pl.when("local_src").then(opened).otherwise(answered)
    return found


def missing(view: View, candidates: pl.Series) -> pl.Series | None:
    """Boolean, one per row of the view: TCP candidates whose owner's sockets were read and lack them.

    None where no sockets were read.
    """
    known, near = by_owner(view), neighbours(view)
    if not known and not near:
        return None
    compared = candidates & view.flows.lazy().select(_known(known, view, near)).collect().to_series()
    owners = view.flows["owner"].filter(compared).unique().fill_null(_NOBODY_MARK)
    keys = [
        _socket_keys(number, each)
        for number, each in known.items()
        if (_NOBODY_MARK if number == NOBODY else number) in owners
    ]
    if _NOBODY_MARK in owners:  # an address that one namespace alone has tells it from the others
        keys += [_socket_keys(NOBODY, each.sockets) for each in near if each.sockets is not None]
    if not keys:
        return pl.repeat(value=False, n=view.flows.height, dtype=pl.Boolean, eager=True)
    sockets = pl.Series(np.concatenate(keys)).implode()
    source = select(view.flows, *_LOOKUP_COLUMNS)
    for remote in ("reply_dst", "orig_src"):
        compared = _absent(source, compared, sockets, remote)
    return compared


def _absent(source: pl.DataFrame, compared: pl.Series, sockets: pl.Series, remote: str) -> pl.Series:
    """Those of the compared rows that none of the sockets belongs to."""
    keys = [
        _entry_keys(source.slice(start, SLICE).filter(compared.slice(start, SLICE)), remote)
        for start in range(0, source.height, SLICE)
    ]
    absent = np.zeros(source.height, np.bool_)
    present = pl.Series(np.concatenate(keys)).is_in(sockets)
    absent[np.flatnonzero(compared.to_numpy())] = ~present.to_numpy()
    return pl.Series(absent)


def _socket_keys(owner: int, sockets: Sockets) -> npt.NDArray[np.uint64]:
    """A number for each socket that proves life."""
    alive = live(sockets)
    return _key(np.full(alive.height, owner + 1, np.uint64), [alive[name].to_numpy() for name in CONNECTION])


def live(sockets: Sockets) -> pl.DataFrame:
    """Those that prove life."""
    return sockets.frame.filter(
        (pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("state") != uapi.TCP_LISTEN)
    )


def _entry_keys(rows: pl.DataFrame, remote: str) -> npt.NDArray[np.uint64]:
    """The number that the socket of each entry would have, ``remote`` being who asks one that ends here."""
    here = rows["local_src"].to_numpy()

    def either(mine: str, theirs: str) -> npt.NDArray[np.generic]:
        opened, answered = (rows[name].fill_null(0).to_numpy() for name in (mine, theirs))
        return np.where(here, opened, answered)

    owner = (rows["owner"].cast(pl.UInt64) + 1).fill_null(0).to_numpy()
    return _key(
        owner.copy(),
        [
            either("orig_src_hi", "reply_src_hi"),
            either("orig_src_lo", "reply_src_lo"),
            either("orig_sport", "reply_sport"),
            either("orig_dst_hi", f"{remote}_hi"),
            either("orig_dst_lo", f"{remote}_lo"),
            either("orig_dport", _PORTS[remote]),
        ],
    )


def _key(key: npt.NDArray[np.uint64], columns: Iterable[npt.NDArray[np.generic]]) -> npt.NDArray[np.uint64]:
    """A number per connection, in place. Where two share one, a dead entry passes for a live one."""
    for column in columns:
        key = folded(key, column)
    return key
