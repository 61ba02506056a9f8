"""rst-ignored: connections were reset, and the tracker took the RST for one that does not belong to them.

An RST outside of the window that the tracker knows is invalid to it and changes nothing; it is passed on,
and the end that it is meant for closes. Windows are known wrongly where a part of the packets took another
way, where a middlebox rewrites sequence numbers, or where it sends an RST of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import entries
from halftrack.diagnosis.causes import facts, frozen, home, silence, ways
from halftrack.diagnosis.causes.weighing import Clue, conclude
from halftrack.evidence import stack, sysctls

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause
    from halftrack.evidence.values import Table

_RESET: Final = "Tcp.EstabResets"
_NOT_BY_RST: Final = "TcpExt.TCPAbortOnTimeout"
_LOG: Final = "log_invalid"
_LEAST: Final = 0.5
"""Of each entry: how much has to have been counted of what left it behind."""


def weigh(case: Case) -> Cause | None:
    if case.symptom != "orphaned":
        return None
    answered = facts.share(case.rows, entries.answered())
    if answered < facts.MOSTLY:
        return None
    shaken = facts.share(case.rows, pl.col("origin") == "handshake")
    liberal, log = (facts.setting(case.view, name) for name in (sysctls.BE_LIBERAL, _LOG))
    return conclude(
        "rst-ignored",
        0.05,
        (
            _invalid_now(case),
            _too_few_invalid(case),
            *_resets(case),
            _one_by_one(case),
            Clue(
                "share whose handshake was seen: their windows are checked",
                round(shaken, 2),
                facts.FLAGS,
                0.1,
            )
            if shaken >= facts.MOSTLY
            else None,
            Clue("windows are not checked", liberal[1], f"sysctl {liberal[0]}", -0.5)
            if liberal and liberal[1]
            else None,
            frozen.doubt(case),
        ),
        (
            f"which packets are invalid: sysctl -w {sysctls.PREFIX}{_LOG}=6, then the kernel's log"
            if not (log and log[1])
            else "which packets are invalid: the kernel's log (nf_ct_proto_6)",
        ),
    )


def _invalid_now(case: Case) -> Clue | None:
    clue = ways.invalid(case)
    return clue and Clue(clue.what, clue.value, clue.source, 0.4, own=True)


def _too_few_invalid(case: Case) -> Clue | None:
    """Each ignored RST was counted, unless the counters are younger than the entries."""
    if not case.view.table.counters:
        return None
    counted = case.view.table.counters[-1].values.get("invalid")
    if counted is None:
        return None
    where = f"/proc/net/stat/nf_conntrack of {case.view.netns}"
    if counted < _LEAST * case.rows.height:
        return Clue("packets that the tracker ever found invalid: fewer than entries", counted, where, -0.8)
    return Clue("packets that the tracker ever found invalid", counted, where, 0.1)


def _resets(case: Case) -> tuple[Clue, ...]:
    """Connections of the owner that ended by RST."""
    at = home.of(case)
    if at is None or not at.table.stack:
        return ()
    where = f"/proc/net/snmp, netstat of {at.name}"
    now, over = _reset_now(at.table), stack.seconds(at.table.stack)
    if now and over is not None:
        return (Clue(f"connections of the owner that were reset in {over:.0f} s", now, where, 0.4, own=True),)
    ever = stack.total(at.table.stack, _RESET)
    if ever is None:
        return ()
    ever = max(ever - (stack.total(at.table.stack, _NOT_BY_RST) or 0), 0)
    if ever < _LEAST * case.rows.height:
        return (Clue("connections of the owner that were ever reset: fewer than entries", ever, where, -0.8),)
    return (Clue("connections of the owner that were ever reset", ever, where, 0.2),)


def _reset_now(table: Table) -> int:
    """Established connections that ended between the two readings, but for those that timed out."""
    aborted = stack.rise(table.stack, _NOT_BY_RST) or 0
    return max((stack.rise(table.stack, _RESET) or 0) - aborted, 0)


def instead(case: Case) -> Clue | None:
    """Against peers that vanished: who vanishes resets nothing, and leaves the owner its socket."""
    at = home.of(case)
    if case.symptom != "orphaned" or at is None or ways.invalid(case) is None:
        return None
    now = _reset_now(at.table)
    what = "connections of the owner that are reset while the tracker finds packets invalid"
    return Clue(what, now, f"/proc/net/snmp of {at.name}", -0.35) if now else None


def timed_out(case: Case) -> Clue | None:
    """For and against peers that vanished: without a timeout of its own an owner keeps what they left."""
    at = home.of(case)
    ever = None if at is None else stack.total(at.table.stack, _NOT_BY_RST)
    if case.symptom != "orphaned" or at is None or ever is None:
        return None
    where = f"/proc/net/netstat of {at.name}"
    if ever < _LEAST * case.rows.height:
        return Clue("connections of the owner that ever timed out: fewer than entries", ever, where, -0.4)
    return Clue("connections of the owner that ever timed out", ever, where, 0.1)


def _one_by_one(case: Case) -> Clue | None:
    fell = silence.of(case)
    if fell.at_once:
        what = f"they fell silent in {fell.moments}, not as connections are reset"
        return Clue(what, fell.shape, fell.source, -0.6)
    if fell.one_by_one:
        what = "they ended one by one, and an end that closes says so"
        return Clue(what, fell.shape, fell.source, 0.3)
    if fell.scattered is not None:
        what = "share of the moment in which most ended, and an end that closes says so"
        return Clue(what, round(fell.scattered, 2), fell.source, 0.2)
    return None
