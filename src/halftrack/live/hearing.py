"""Listening to trackers for a while, beside everything else: what begins, what ends, what is picked up."""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import COLUMNS, words
from halftrack.diagnosis.origins import picked_up
from halftrack.evidence import tells
from halftrack.evidence.events import Events
from halftrack.evidence.flows import FlowTable, empty
from halftrack.evidence.values import Gap
from halftrack.kernel import namespaces, privileges, survey
from halftrack.kernel.ctnetlink import events
from halftrack.live.gaps import ENDED

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from halftrack.live.place import Place

MOST_PLACES: Final = 8
"""Namespaces; the fullest of those that are read."""
MOST_KEPT: Final = 200_000
"""Pick-ups of one namespace whose entries are kept; all are counted."""
_SHORTEST_S: Final = 0.25
"""What came in less time tells no pace."""
_OFF: Final = "the kernel sends none: nf_conntrack_events is 0 there, and was left so"


@dataclass(slots=True)
class _Tally:
    new: int = 0
    picked_up: int = 0
    destroyed: int = 0
    overruns: int = 0
    unreadable: int = 0
    peak_per_s: float = 0.0


def hear(places: Sequence[Place], seconds: float, deadline: float | None) -> list[Gap]:
    """Into the ``events`` of each place that is wanted; what could not be heard.

    Takes so many seconds, fewer where the deadline comes first. Settings are left as they are.
    """
    wanted = [one for one in places if one.wanted and not one.vanished and not one.denied]
    wanted.sort(key=lambda one: -((one.look.limits.count if one.look else None) or 0))
    gaps: list[Gap] = []
    if len(wanted) > MOST_PLACES:
        why = f"the {MOST_PLACES} fullest of those that are read are heard"
        rest = words.count(len(wanted) - MOST_PLACES, "more namespace")
        gaps.append(Gap(f"events of {rest}", why, (), tells.OF_EVENTS))
    heard = wanted[:MOST_PLACES]
    socks = survey.visit([one.namespace for one in heard], lambda _: _subscribed())
    until_s = time.monotonic() + seconds
    until_s = until_s if deadline is None else min(until_s, deadline)
    threads: list[threading.Thread] = []
    for place, sock in zip(heard, socks, strict=True):
        if isinstance(sock, (OSError, namespaces.Vanished, str)):
            gaps.append(_gap(place, sock))
        else:
            work = threading.Thread(target=_listen, args=(place, sock, until_s), name="events", daemon=True)
            work.start()
            threads.append(work)
    for work in threads:
        work.join()
    return gaps


def _subscribed() -> socket.socket | str:
    """A socket, or why there is none. Raises OSError."""
    setting = events.setting()
    if setting is None:
        return "this kernel has no events (CONFIG_NF_CONNTRACK_EVENTS)"
    return events.subscribe(None) if setting else _OFF


def _gap(place: Place, why: OSError | namespaces.Vanished | str) -> Gap:
    needs: tuple[str, ...] = ()
    if isinstance(why, OSError) and why.errno in (errno.EPERM, errno.EACCES):
        needs = privileges.missing(privileges.TO_READ_OWN) or privileges.TO_READ_OWN
        why = "hearing them is not permitted"
    elif isinstance(why, namespaces.Vanished):
        why = ENDED
    name = place.namespace.name
    return Gap(f"events of {name}", str(why), needs, tells.OF_EVENTS, name)


def _listen(place: Place, sock: socket.socket, until_s: float) -> None:
    began_s = time.monotonic()
    tally, kept, rows, last_s = _Tally(), [empty().frame], 0, began_s
    with sock:
        for batch in events.batches(sock, until_s, COLUMNS):
            mid = batch.new.filter(picked_up().fill_null(value=False))
            tally.new += batch.new.height
            tally.picked_up += mid.height
            tally.destroyed += batch.destroyed
            tally.overruns += batch.overruns
            tally.unreadable += batch.unreadable
            tally.peak_per_s = max(tally.peak_per_s, mid.height / max(batch.at_s - last_s, _SHORTEST_S))
            last_s = batch.at_s
            if rows < MOST_KEPT and mid.height:
                kept.append(mid.head(MOST_KEPT - rows))
                rows += kept[-1].height
    place.events = Events(
        seconds=round(time.monotonic() - began_s, 1),
        new=tally.new,
        picked_up=tally.picked_up,
        destroyed=tally.destroyed,
        peak_per_s=round(tally.peak_per_s, 1),
        pick_ups=FlowTable(pl.concat(kept)),
        kept_all=rows == tally.picked_up,
        overruns=tally.overruns,
        unreadable=tally.unreadable,
    )
