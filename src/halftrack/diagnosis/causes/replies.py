"""Whether those of whom the tracker heard nothing do answer, as the sockets of our own end tell it.

A tracker that sees one direction alone knows no more than that. The socket at the end that is ours knows
whether acknowledgements come: then they pass by another way. One that sends the same again and again talks
to somebody who is gone, or whose own filter drops what it sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.causes import home
from halftrack.diagnosis.causes.weighing import Clue
from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.causes.home import Home

FEWEST: Final = 3
"""Entries with a socket; fewer tell of themselves alone."""
_TOGETHER_MS: Final = 1_500
"""Entries tell their silence in whole seconds, and sockets are read a moment later than they are."""
_APART_MS: Final = 5_000
_UNHEARD: Final = "share of their sockets that send again and again and hear nothing"
CONNECTION: Final = ("local_port", "remote_hi", "remote_lo", "remote_port")
_COLUMNS: Final = (
    "local_src", "local_hi", "local_lo", "peer_hi", "peer_lo",
    "orig_sport", "orig_dport", "reply_sport", "idle_s", "state",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replies:
    """Of ``entries`` of a case, those ``sockets`` that have one at ``where``.

    ``answered``: entries whose peer has acknowledged since the last packet of ours that passed here, or a
    moment before; ``unheard``: those whose socket sends again what nobody acknowledges; ``elsewhere``: those
    whose socket has sent, or heard, what an entry of it would have seen, since the entry saw its last packet.
    """

    where: str
    entries: int
    sockets: int
    answered: int
    unheard: int
    elsewhere: int


def of(case: Case) -> Replies | None:
    """None where the sockets were not read."""
    return case.once("replies", _found)


def met(case: Case) -> pl.DataFrame | None:
    """Entries of ``named`` that have a socket at home, with its columns; None where none were read."""
    at = home.of(case)
    if at is None or at.table.tcp is None:
        return None
    return _ours(case, at).join(at.table.tcp.frame, on=("local_hi", "local_lo", *CONNECTION))


def _ours(case: Case, at: Home) -> pl.DataFrame:
    return named(case).filter(pl.col("local_hi") == at.hi, pl.col("local_lo") == at.lo)


def _found(case: Case) -> Replies | None:
    at, both = home.of(case), met(case)
    if at is None or both is None:
        return None
    again = (pl.col("retransmits") > 0) & (pl.col("wqueue") > 0)
    since_ms = pl.col("idle_s").fill_null(0) * 1_000 + _TOGETHER_MS
    heard = (pl.col("state") == uapi.TCP_ESTABLISHED) & ~again & (pl.col("last_ack_recv_ms") <= since_ms)
    passing = pl.when("ours_first").then("last_data_sent_ms").otherwise("last_data_recv_ms")
    # What follows half a handshake fits no entry: it passes, and the entry does not see it.
    away = (
        pl.col("seen")
        & (pl.col("state") == uapi.TCP_ESTABLISHED)
        & (passing + _APART_MS < pl.col("idle_s") * 1_000)
    )
    counts = both.select(
        each.fill_null(value=False).sum().alias(name)
        for name, each in (("answered", heard), ("unheard", again), ("elsewhere", away))
    )
    return Replies(
        f"sockets of {at.name} (sock_diag, tcp_info)",
        _ours(case, at).height,
        both.height,
        **counts.row(0, named=True),
    )


def named(case: Case) -> pl.DataFrame:
    """Entries of a case, a sample where they are many, with the ends of their sockets and ``idle_s``."""
    some = case.rows.sample(*_COLUMNS)
    here = pl.col("local_src")
    return some.select(
        "local_hi",
        "local_lo",
        pl.when(here).then("orig_sport").otherwise("reply_sport").alias("local_port"),
        pl.col("peer_hi").alias("remote_hi"),
        pl.col("peer_lo").alias("remote_lo"),
        pl.when(here).then("orig_dport").otherwise("orig_sport").alias("remote_port"),
        "idle_s",
        here.alias("ours_first"),
        (pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED).alias("seen"),
    )


def by_another_way(case: Case) -> Iterator[Clue]:
    """For and against answers that reach us and do not pass here."""
    found = of(case)
    if found is None or found.sockets < FEWEST:
        return
    answered = found.answered / max(found.entries, 1)
    if answered >= 0.5:
        what = "share of the entries whose socket hears answers that did not pass here"
        yield Clue(what, round(answered, 2), found.where, 0.7, own=True)
    if found.unheard >= 0.5 * found.sockets:
        yield Clue(_UNHEARD, round(found.unheard / found.sockets, 2), found.where, -0.7)


def elsewhere(case: Case, weight: float, *, own: bool = False) -> Clue | None:
    """Connections that go on while their entries see nothing of it: neither direction passes here.

    Of established ones: what follows an unanswered SYN is invalid, and its entry sees nothing of that either.
    """
    found = of(case) if case.symptom == "one-sided" else None
    if found is None or found.sockets < FEWEST or found.elsewhere < 0.5 * found.entries:
        return None
    what = "share of the entries that see nothing of what their sockets send and hear"
    return Clue(what, round(found.elsewhere / found.entries, 2), found.where, weight, own=own)
