"""How the living connections of a case's service fare, as the kernel's sockets tell it.

Those of the case's own entries are not among them: whoever talks to somebody who is gone sends again and
again, however good the way is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.causes import home, replies
from halftrack.evidence import uapi

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.causes.home import Home

FEWEST: Final = 5
"""Connections; fewer tell of themselves alone."""
WAITING_MS: Final = 3_000
_OPEN: Final = (
    uapi.TCP_ESTABLISHED,
    uapi.TCP_FIN_WAIT1,
    uapi.TCP_CLOSE_WAIT,
    uapi.TCP_LAST_ACK,
    uapi.TCP_CLOSING,
)
"""Each may have data under way."""


@dataclass(frozen=True, slots=True)
class Fares:
    """Of ``sockets`` connections at ``where``.

    ``rtt_ms``: the middle round-trip time, ``late_ms``: exceeded by one in ten; ``stretch``: how many
    times the shortest one that a connection has seen; ``retransmitted``: share of what was sent;
    ``waiting``: share whose data has not been acknowledged for over 3 s. None where not known.
    """

    where: str
    sockets: int
    rtt_ms: float | None
    late_ms: float | None
    stretch: float | None
    retransmitted: float | None
    waiting: float


def fares(case: Case) -> Fares | None:
    """None where the sockets were not read or none of the service's other connections is open."""
    at = home.of(case)
    if at is None or at.table.tcp is None:
        return None
    ours = _of_service(at.table.tcp.frame, at).filter(pl.col("state").is_in(_OPEN))
    ours = ours.join(replies.named(case), on=("local_hi", "local_lo", *replies.CONNECTION), how="anti")
    if ours.is_empty():
        return None
    timed = ours.filter(pl.col("rtt_us") > 0)
    stretched = timed.filter(pl.col("min_rtt_us") > 0)
    waiting = ours.filter(
        pl.col("wqueue") > 0, (pl.col("last_ack_recv_ms") > WAITING_MS) | (pl.col("retransmits") > 0)
    )
    return Fares(
        where=f"sockets of {at.name} (sock_diag, tcp_info)",
        sockets=ours.height,
        rtt_ms=_number(timed.select(pl.col("rtt_us").median() / 1000)),
        late_ms=_number(timed.select(pl.col("rtt_us").quantile(0.9, "nearest") / 1000)),
        stretch=_number(stretched.select((pl.col("rtt_us") / pl.col("min_rtt_us")).median())),
        retransmitted=_retransmitted(ours),
        waiting=waiting.height / ours.height,
    )


@dataclass(frozen=True, slots=True)
class Listeners:
    """``waiting`` connections to be accepted, of ``most`` that may wait."""

    where: str
    waiting: int
    most: int


def fullest_listener(case: Case) -> Listeners | None:
    """The service's listener with the least room left; None where none was seen."""
    at = home.of(case)
    if at is None or at.table.tcp is None or not at.server:
        return None
    frame = at.table.tcp.frame
    waits = frame.filter(pl.col("state") == uapi.TCP_LISTEN, pl.col("local_port").is_in(list(at.ports)))
    if waits.is_empty():
        return None
    rows = waits.sort(pl.col("wqueue").cast(pl.Int64) - pl.col("rqueue")).select("rqueue", "wqueue")
    waiting, most = rows.row(0)
    return Listeners(f"listeners of {at.name} (sock_diag)", waiting, most)


def _of_service(frame: pl.DataFrame, at: Home) -> pl.DataFrame:
    port = "local_port" if at.server else "remote_port"
    return frame.filter(
        pl.col("local_hi") == at.hi, pl.col("local_lo") == at.lo, pl.col(port).is_in(list(at.ports))
    )


def _retransmitted(ours: pl.DataFrame) -> float | None:
    """By bytes where the kernel counts them, else by segments."""
    for again, sent in (("bytes_retrans", "bytes_sent"), ("total_retrans", "segs_out")):
        known = ours.filter(pl.col(sent) > 0, pl.col(again).is_not_null())
        if known.height:
            return float(known[again].sum()) / float(known[sent].sum())
    return None


def _number(one: pl.DataFrame) -> float | None:
    value = one.item()
    return float(value) if value is not None else None
