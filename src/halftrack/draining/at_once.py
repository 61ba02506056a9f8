"""When the kernel may remove all that matches in one go, comparing for itself.

It compares addresses, ports and whether a reply was seen, and no TCP state: a connection that is
being opened from that very port would go, too. No server opens any from the port on which it
listens, and what it has sent since without a reply is what was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.filters.terms import Address, Match, Number, Span, Word
from halftrack.diagnosis.symptoms import sockets
from halftrack.draining.fates import Fate
from halftrack.evidence import uapi

if TYPE_CHECKING:
    from halftrack.diagnosis.filters import Filter
    from halftrack.draining.judging import Judgement

_MOST_SERVERS: Final = 4
"""Each address takes a walk through the whole table."""


def port(wanted: Filter) -> int | None:
    """The source port of a filter that says no more than what the kernel compares; None for any other."""
    found, one_sided = None, False
    for term in wanted.terms:
        match term:
            case Word("one-sided"):
                one_sided = True
            case Match("proto", (Number(uapi.IPPROTO_TCP),)):
                pass
            case Match("src", (Address() as address,)) if address.network is not None and address.single:
                pass
            case Match("sport", (Span(int() as low, high),)) if low == high and found is None:
                found = low
            case _:
                return None
    return found if one_sided else None


def servers(judgement: Judgement, sport: int) -> tuple[tuple[int, int], ...]:
    """Addresses whose entries from that port may go together; empty where some must not.

    All that match are proven dead and were sent from an end that is ours and listens there. IPv4
    alone: of IPv6, 6.18 compares the wrong way round.
    """
    taken = judgement.view.flows.filter(judgement.fates.is_not_null())
    proven = bool((judgement.fates.drop_nulls() == Fate.DEAD).all())
    ours = taken["local_src"] & (taken["family"] == uapi.AF_INET) & (taken["zone"].fill_null(0) == 0)
    found = tuple(taken.select("orig_src_hi", "orig_src_lo").unique().rows())
    if judgement.wish.mode != "delete" or not proven or not ours.all():
        return ()
    if not 0 < len(found) <= _MOST_SERVERS:
        return ()
    listening = [
        pair
        for pair in found
        if any(_listens(each.frame, pair, sport) for each in sockets.by_owner(judgement.view).values())
    ]
    return found if len(listening) == len(found) else ()


def _listens(frame: pl.DataFrame, pair: tuple[int, int], sport: int) -> bool:
    at = frame.filter(
        (pl.col("l4proto") == uapi.IPPROTO_TCP)
        & (pl.col("state") == uapi.TCP_LISTEN)
        & (pl.col("local_port") == sport)
    )
    anywhere = (at["local_hi"] == 0) & at["local_lo"].is_in([0, 0xFFFF << 32])
    return bool((anywhere | ((at["local_hi"] == pair[0]) & (at["local_lo"] == pair[1]))).any())
