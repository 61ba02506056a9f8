"""Which entries have a socket at the end that is ours.

An entry whose owned end is ``orig_src`` belongs to a socket ``orig_src:orig_sport ->
orig_dst:orig_dport``; one that ends here belongs to ``reply_src:reply_sport ->
reply_dst:reply_dport``, or to ``orig_src`` as remote end where the source was rewritten only after
the socket. Listeners are no proof of life; TIME_WAIT is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from halftrack.diagnosis.view import View
    from halftrack.evidence.values import Sockets

_LISTEN: Final = 10  # include/net/tcp_states.h: TCP_LISTEN
_NOBODY: Final = -1
_MIX: Final = np.uint64(0x9E37_79B9_7F4A_7C15)

LOOKUP_COLUMNS: Final = (
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
    """Sockets by owner number, -1 for ends that are the table's own and nobody's in particular.

    An owner is in it only where the sockets of its namespace were read.
    """
    found: dict[int, Sockets] = {}
    inodes = {
        table.namespace.inode: table.sockets
        for table in view.evidence.tables
        if table.sockets is not None and table.namespace.inode is not None
    }
    for index, owner in enumerate(view.evidence.owners):
        read = inodes.get(owner.netns_inode) if owner.netns_inode is not None else None
        if read is not None:
            found[index] = read
    own = view.table.sockets
    if own is not None:
        holder = view.table.namespace.owner
        for index, owner in enumerate(view.evidence.owners):
            if holder is not None and (owner.id, owner.runtime) == (holder.id, holder.runtime):
                found[index] = own
        if view.table.addresses is not None:
            found[_NOBODY] = own
    return found


def covered(view: View, rows: pl.DataFrame) -> int:
    """How many of these rows belong to an end whose sockets were read."""
    known = by_owner(view)
    if not known:
        return 0
    return int(rows.select(_known(known).sum()).item())


def _known(known: Mapping[int, Sockets]) -> pl.Expr:
    owners = pl.Series([index for index in known if index != _NOBODY], dtype=pl.UInt32)
    ours = pl.col("side").cast(pl.String) != "forwarded"
    return ours & (pl.col("owner").is_in(owners.implode()) | (pl.col("owner").is_null() & (_NOBODY in known)))


def missing(view: View, candidates: pl.Series) -> pl.Series | None:
    """Boolean, one per row of the view: TCP candidates whose owner's sockets were read and lack them.

    None where no sockets were read.
    """
    known = by_owner(view)
    if not known:
        return None
    chosen = (
        view.flows.lazy()
        .select(*LOOKUP_COLUMNS)
        .with_row_index("place")
        .filter(candidates, _known(known))
        .collect()
    )
    gone = np.zeros(view.flows.height, np.bool_)
    for (owner,), rows in chosen.group_by("owner"):
        number = _NOBODY if owner is None else int(owner)
        lost = _without_socket(rows, known[number])
        gone[rows["place"].to_numpy()[lost]] = True
    return pl.Series(gone)


def _without_socket(rows: pl.DataFrame, sockets: Sockets) -> npt.NDArray[np.bool_]:
    live = sockets.frame.filter((pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("state") != _LISTEN))
    present = pl.Series(
        _key(live, "local_hi", "local_lo", "local_port", "remote_hi", "remote_lo", "remote_port")
    ).implode()
    here = rows["local_src"].to_numpy()
    lost = np.ones(rows.height, np.bool_)
    for place, wanted in (
        (here, ("orig_src", "orig_sport", "orig_dst", "orig_dport")),
        (~here, ("reply_src", "reply_sport", "reply_dst", "reply_dport")),
        (~here, ("reply_src", "reply_sport", "orig_src", "orig_sport")),
    ):
        local, local_port, remote, remote_port = wanted
        key = _key(
            rows, f"{local}_hi", f"{local}_lo", local_port, f"{remote}_hi", f"{remote}_lo", remote_port
        )
        lost &= ~(place & pl.Series(key).is_in(present).to_numpy())
    return lost


def _key(frame: pl.DataFrame, *columns: str) -> npt.NDArray[np.uint64]:
    """A number per connection. Where two share one, a dead entry passes for a live one."""
    key = np.zeros(frame.height, np.uint64)
    for name in columns:
        key ^= frame[name].fill_null(0).to_numpy().astype(np.uint64, copy=False)
        key *= _MIX
        key ^= key >> np.uint64(29)
    return key
