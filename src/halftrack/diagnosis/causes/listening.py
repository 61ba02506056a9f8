"""What the counters of the namespace that listens say of handshakes that come to nothing.

What each counts: net/ipv4/tcp_input.c, tcp_conn_request and tcp_syn_flood_action; tcp_ipv4.c,
tcp_v4_syn_recv_sock; syncookies.c.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import logged
from halftrack.diagnosis.causes import connections, home
from halftrack.diagnosis.causes.weighing import Clue
from halftrack.evidence import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.case import Case
    from halftrack.evidence.stack import StackCounters

_SENT: Final = "TcpExt.SyncookiesSent"
_RETURNED: Final = "TcpExt.SyncookiesRecv"
_STRAY: Final = "TcpExt.SyncookiesFailed"
_FULL: Final = ("TcpExt.TCPReqQFullDoCookies", "TcpExt.TCPReqQFullDrop")
_OVERFLOWS: Final = "TcpExt.ListenOverflows"
_FLOOD: Final = (_SENT, *_FULL)
_ENOUGH: Final = 20
"""Cookies of which a share tells something."""
_FEW_RETURN: Final = 0.2
_LATELY: Final = timedelta(hours=1)


def _readings(case: Case) -> tuple[tuple[StackCounters, ...], str] | None:
    """Of the namespace that the service lives in, and its name; None where it was not read."""
    at = home.of(case)
    if at is None or not at.server or not at.table.stack:
        return None
    return at.table.stack, f"/proc/net/netstat of {at.name}"


def of_handshakes(case: Case) -> Iterator[Clue]:
    """For and against a flood of SYNs; nothing where the counters were not read."""
    found = _readings(case)
    if found is None:
        return
    readings, where = found
    flooded, seconds = stack.rise(readings, *_FLOOD), stack.seconds(readings)
    if flooded:
        what = f"handshakes in {seconds or 0:.1f} s that found the queue full, or a cookie in its place"
        yield Clue(what, flooded, where, 0.5, own=True)
        yield from _returned(readings, where)
    else:
        yield from _not_accepted(case, readings, where)
    ever = stack.total(readings, *_FLOOD)
    if ever == 0:
        yield Clue("handshakes that ever found the queue full", ever, where, -0.4)
    elif ever and not flooded:
        yield Clue("handshakes that once found the queue full, none of them now", ever, where, 0.1)


def _returned(readings: tuple[StackCounters, ...], where: str) -> Iterator[Clue]:
    sent, back = stack.rise(readings, _SENT) or 0, stack.rise(readings, _RETURNED)
    if sent < _ENOUGH or back is None:
        return
    share = min(back / sent, 1.0)
    what = "share of the SYN cookies sent meanwhile that came back"
    if share <= _FEW_RETURN:
        yield Clue(f"{what}: forged senders never send one", round(share, 2), where, 0.4, own=True)
    else:
        yield Clue(f"{what}: real clients do", round(share, 2), where, -0.5)


def _not_accepted(case: Case, readings: tuple[StackCounters, ...], where: str) -> Iterator[Clue]:
    """A service that does not accept fills the other queue; clients that are real wait in vain."""
    overflows = stack.rise(readings, _OVERFLOWS)
    if overflows:
        yield Clue("connections turned away meanwhile: the service does not accept", overflows, where, -0.4)
    listener = connections.fullest_listener(case)
    if listener is not None and listener.most and listener.waiting > listener.most:
        what = f"finished connections wait to be accepted, {listener.most:,} may: the service does not"
        yield Clue(what, listener.waiting, listener.where, -0.3)


def of_log(case: Case) -> Clue | None:
    """What the kernel logged, once for each listener, when its queue was full: of the port most asked for.

    The log does not tell of which namespace: nothing where counters of the right one say that it never was,
    and where it is not known.
    """
    at = home.of(case)
    if at is None or not at.server or not at.ports or stack.total(at.table.stack, *_FLOOD) == 0:
        return None
    port = at.ports[0]
    lines = [each for each in logged.of_kind(case.view.evidence, "syn-flood") if each.port == port]
    if not lines:
        return None
    latest = max(lines, key=lambda each: each.last.at.timestamp() if each.last.at else 0.0)
    when = f", last {latest.last.at:%a %d %b %H:%M} UTC" if latest.last.at else ""
    lately = logged.recent(latest.last, case.view.evidence, _LATELY)
    what = f"listeners on port {port} that the kernel logged a flood of SYNs for{when}"
    return Clue(what, sum(each.count for each in lines), latest.source, 0.4 if lately else 0.2, own=lately)


def of_stray(case: Case) -> Iterator[Clue]:
    """For and against packets of handshakes that never were; nothing where the counters were not read."""
    found = _readings(case)
    if found is None:
        return
    readings, where = found
    stray, seconds = stack.rise(readings, _STRAY), stack.seconds(readings)
    if stray and seconds is not None:
        what = f"packets in {seconds:.1f} s that came to a listener without a handshake"
        yield Clue(what, stray, where, 0.4)
    ever = stack.total(readings, _STRAY, *_FLOOD)
    if ever == 0:
        what = "SYN cookies ever sent, and packets that ever came to a listener without a handshake"
        yield Clue(what, ever, where, -0.4)
