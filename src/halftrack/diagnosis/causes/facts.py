"""Measures of a case that several causes weigh, and the names of their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.symptoms import sockets
from halftrack.evidence import marks, sysctls
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Timeline
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.view import View

SOCKETS: Final = "sockets of the owner's namespace (sock_diag)"
FLAGS: Final = "entries' TCP flags (CTA_PROTOINFO_TCP)"
STAMPS: Final = "entries' time stamps (nf_conntrack_timestamp)"
COUNTERS: Final = "entries' packet counters (nf_conntrack_acct)"
EVENTS: Final = "conntrack events (ctnetlink)"
TIMELINE: Final = {"timeout": "entries' timeout clock", "timestamp": STAMPS}

ENDS: Final = ("local_src", "local_hi", "local_lo", "peer_hi", "peer_lo", "orig_dport")
"""What ``source``, ``target`` and the port that was asked for are made of."""

MANY: Final = 8
"""Fewer entries than this show no pattern."""
MOSTLY: Final = 0.8
SCATTERED: Final = 0.15
"""Share of the entries in their fullest moment up to which they have come one by one."""
SPREAD: Final = 0.3
"""Different peers per entry from which on they are many, not a few again and again."""


def entries_of(view: View) -> str:
    """Where the entries were read."""
    if view.evidence.of_node or not view.evidence.input.files:
        return f"connection table of {view.netns}"
    return ", ".join(view.evidence.input.files)


def clock_of(case: Case) -> str:
    return TIMELINE[case.timeline.clock] if case.timeline else TIMELINE["timeout"]


def setting(view: View, name: str) -> tuple[str, int] | None:
    """A conntrack sysctl that was read, as ``(its full name, number)``."""
    value = timeouts.whole(timeouts.setting(view.table.settings, name))
    if value is None:
        return None
    present = sysctls.PREFIX + name in view.table.settings
    return (sysctls.PREFIX if present else sysctls.LEGACY_PREFIX) + name, value


def share(rows: pl.DataFrame | MarkedRows, condition: pl.Expr) -> float:
    """How many of the rows meet the condition, 0..1; null meets nothing."""
    met = rows.lazy().select(condition.fill_null(value=False).sum()).collect().item()
    return float(met) / max(rows.height, 1)


def variety(rows: pl.DataFrame) -> float:
    """Different rows per row, 0..1."""
    return marks.counted(rows, rows.columns).height / max(rows.height, 1)


def top_share(rows: pl.DataFrame) -> float:
    """The share of the most frequent row."""
    return float(max(marks.counted(rows, rows.columns)["len"], default=0)) / max(rows.height, 1)


def source(half: str) -> pl.Expr:
    """The address that an entry's first packet came from, by half (``hi`` or ``lo``)."""
    return pl.when("local_src").then(f"local_{half}").otherwise(f"peer_{half}").alias(f"source_{half}")


def target(half: str) -> pl.Expr:
    """The address at the other end."""
    return pl.when("local_src").then(f"peer_{half}").otherwise(f"local_{half}").alias(f"target_{half}")


def server_spoke() -> pl.Expr:
    """Boolean: the packets that made the entry were the server's, not the client's."""
    return pl.col("local_src") == (pl.col("side") != "client")


def forwarded() -> pl.Expr:
    return pl.col("side") == "forwarded"


def packets(case: Case) -> float | None:
    """The middle number of packets in the original direction; None without accounting."""
    return case.once("packets", _packets)


def _packets(case: Case) -> float | None:
    middle = case.rows.column("orig_packets").median()
    return float(middle) if isinstance(middle, (int, float)) else None


def with_socket(case: Case) -> float:
    """The share of the entries that are known to have a socket; 0 also where none were read.

    An entry whose owner's sockets were read and lack it is ``orphaned``; so in any other case a
    covered one has its own.
    """
    if case.symptom == "orphaned":
        return 0.0
    return sockets.of_case(case) / max(case.rows.height, 1)


def sockets_read(case: Case) -> bool:
    return sockets.of_case(case) > 0


def fullest_moment(line: Timeline | None) -> float | None:
    """The largest share of the entries that a bucket of a timeline holds; None where it shows no pattern."""
    counts = () if line is None else line.entries
    return max(counts) / sum(counts) if len(counts) >= MANY and sum(counts) >= MANY else None
