"""slow-path: clients give up on a slow way, and the server's late packets open an entry of their own.

The table alone shows the late packets, not why the client had gone: round-trip times and
retransmissions of the connections that live tell. A shaper of this node makes both grow as well; where
one holds packets back, they are no evidence of the way beyond it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.causes import connections, facts, home, limiters, one_way, unmoved
from halftrack.diagnosis.causes.weighing import Clue, conclude
from halftrack.evidence import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.causes.connections import Fares
    from halftrack.diagnosis.document import Cause

_SLOW_MS: Final = 300
_SLUGGISH_MS: Final = 150
_QUICK_MS: Final = 60
_LATE_MS: Final = 1_000
_STRETCHED: Final = 4
_LOSSY: Final = 0.03
_SOUND: Final = 0.005
_SEGMENTS: Final = 1_000
"""Fewer of them tell no share."""


def weigh(case: Case) -> Cause | None:
    if not one_way.concerned(case):
        return None
    server = one_way.server_alone(case)
    here = facts.entries_of(case.view)
    way = limiters.of(case)
    own = not (way and any(one.holds for one in way.limiters))
    fares = connections.fares(case)
    return conclude(
        "slow-path",
        0.05,
        (
            Clue("share in which the server alone was heard", round(server, 2), here, 0.3)
            if server >= facts.MOSTLY
            else Clue("share in which the server alone was heard", round(server, 2), here, -0.5),
            one_way.many_peers(case),
            one_way.not_at_once(case),
            one_way.only_a_tail(case),
            one_way.goes_on(case, 0.15),
            *unmoved.doubts(case),
            *(_of_living(fares, own=own) if fares else ()),
            _of_namespace(case),
            Clue("delay that a netem discipline adds, in seconds", way.delayed_s, way.where, 0.4, own=True)
            if way and way.delayed_s
            else None,
        ),
        (_lacking(case, fares),),
    )


def _lacking(case: Case, fares: Fares | None) -> str | None:
    if fares is not None and fares.rtt_ms is not None:
        return None
    at = home.of(case)
    if at is not None and at.table.tcp is not None and fares is None:
        return "round-trip times: none of the service's connections was open; look again while some are"
    return "round-trip times of the server's sockets: ss -tino in its namespace"


def _of_living(fares: Fares, *, own: bool) -> Iterator[Clue]:
    """Those few that are open now stand for those that are gone: the more, the better."""
    if fares.sockets < connections.FEWEST:
        yield Clue("open connections of the service, too few to tell", fares.sockets, fares.where, 0.0)
        return
    of_many = f" of {fares.sockets:,} open connections"
    yield from _times(fares, of_many, own=own)
    share = fares.retransmitted
    if share is not None and share >= _LOSSY:
        what = f"share of the bytes{of_many} that were sent again"
        yield Clue(what, round(share, 3), fares.where, 0.45, own=own)
    if fares.waiting >= 0.2:
        what = f"share{of_many} whose data has waited over {connections.WAITING_MS // 1000} s for an answer"
        yield Clue(what, round(fares.waiting, 2), fares.where, 0.4, own=own)
    quick = fares.rtt_ms is not None and (fares.late_ms or fares.rtt_ms) < _QUICK_MS
    if quick and (share or 0.0) < _SOUND and fares.waiting < 0.05:
        what = f"ms: nine in ten round trips{of_many} are quicker, and next to nothing is sent again"
        yield Clue(what, round(fares.late_ms or 0.0, 1), fares.where, -0.5)


def _times(fares: Fares, of_many: str, *, own: bool) -> Iterator[Clue]:
    if fares.rtt_ms is None:
        return
    if fares.rtt_ms >= _SLUGGISH_MS:
        weight = 0.5 if fares.rtt_ms >= _SLOW_MS else 0.3
        yield Clue(f"ms: the middle round trip{of_many}", round(fares.rtt_ms), fares.where, weight, own=own)
    elif (fares.late_ms or 0) >= _LATE_MS:
        what = f"ms: one in ten round trips{of_many} takes longer"
        yield Clue(what, round(fares.late_ms or 0), fares.where, 0.3, own=own)
    if (fares.stretch or 0) >= _STRETCHED and fares.rtt_ms >= _QUICK_MS:
        what = f"times its shortest: the typical round trip{of_many}, so packets queue somewhere"
        yield Clue(what, round(fares.stretch or 0, 1), fares.where, 0.2, own=own)


def _of_namespace(case: Case) -> Clue | None:
    """Retransmissions since the owner's namespace was made: they also tell of connections that are gone.

    What is sent to somebody who does not hear is among them, whatever the reason: no cause's own.
    """
    at = home.of(case)
    if at is None or not at.table.stack:
        return None
    again = stack.total(at.table.stack, "Tcp.RetransSegs")
    sent = stack.total(at.table.stack, "Tcp.OutSegs")
    if again is None or sent is None or sent < _SEGMENTS:
        return None
    share = round(again / sent, 3)
    where = f"/proc/net/snmp of {at.name}"
    if share >= _LOSSY:
        return Clue("share of all segments that were sent again, ever", share, where, 0.35)
    if share < _SOUND:
        return Clue("share of all segments that were sent again, ever", share, where, -0.2)
    return None
