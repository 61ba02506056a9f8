"""Diagnoses written by hand, one for each kind of screen, with numbers that add up."""

from __future__ import annotations

from typing import Final

from halftrack.diagnosis.document import (
    Cause,
    Finding,
    Forecast,
    Gap,
    Group,
    Input,
)
from unit.documents import EMPTY, FIVE_DAYS, HEALTHY, diagnosis, table
from unit.sick import CURE, ESTABLISHED, RELIEF, SICK_NEW, SICK_OLD

MASKED: Final = diagnosis(
    node="dump.txt",
    kernel=None,
    taken_at=None,
    source="dump",
    severity="warning",
    complete=False,
    verdict="3 entries, all 3 stuck: web traffic seen in one direction.",
    input=Input(
        files=("dump.txt",),
        lines=3,
        masked="visible",
        formats=("nf_conntrack",),
        assumed={ESTABLISHED: "432000 (default)"},
        notes=("46.202.252.61 is NOT masked: do not forward this file.",),
    ),
    focus="dump.txt",
    tables=(
        table(
            netns="dump.txt",
            entries=3,
            stuck=3,
            limit=None,
            dropped=None,
            dropped_early=None,
            dropped_total=None,
            counters_over_s=None,
            forecast=Forecast(told=False, basis="the stuck entries are too few to tell a pace"),
        ),
    ),
    findings=(
        Finding(
            id="one-sided/xx.xx.xx.73/tcp/80",
            symptom="one-sided",
            severity="warning",
            title="3 connections were seen in one direction only and stay up to 4 d 4 h.",
            entries=3,
            share=1.0,
            explanation="Only the server's packets were seen: the client had gone.",
            groups=(
                Group(
                    netns="dump.txt",
                    address="xx.xx.xx.73",
                    service="tcp/80",
                    side="server",
                    entries=3,
                    peers=3,
                    idle_min_s=68_688,
                    idle_max_s=69_092,
                ),
            ),
            causes=(Cause(cause="unknown", confidence=0.7), Cause(cause="slow-path", confidence=0.3)),
            remedies=(CURE,),
        ),
    ),
    gaps=(
        Gap(
            what="limit",
            why="not in the file",
            needs=("sysctl net.netfilter",),
            would_tell=("table-pressure",),
        ),
        Gap(what="kernel", why="not in the file", needs=("uname -r",), would_tell=("one-sided",)),
        Gap(what="time", why="not in the file", needs=("date",), would_tell=("since when",)),
    ),
    seconds=0.1,
)

_CAPABILITIES: Final = ("CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE")

UNPRIVILEGED: Final = diagnosis(
    node="pod-03",
    severity="warning",
    complete=False,
    verdict="238,907 of 262,144 entries (91 %), nothing dropped. Whose they are: not seen.",
    tables=(
        table(
            entries=238_907,
            read=False,
            dropped_early_total=1204,
            forecast=Forecast(told=False, basis="the entries were not read"),
        ),
    ),
    findings=(
        Finding(
            id="table-pressure/host",
            symptom="table-pressure",
            severity="warning",
            title="The table is nearly full: 238,907 of 262,144 entries (91 %).",
            entries=238_907,
            remedies=(RELIEF,),
        ),
        FIVE_DAYS,
    ),
    gaps=(
        Gap(
            what="entries",
            why="no permission",
            needs=("CAP_NET_ADMIN",),
            would_tell=("stuck", "whose", "since when"),
            netns="host",
        ),
        *(
            Gap(
                what="table",
                why="no permission",
                needs=_CAPABILITIES,
                would_tell=("the same",),
                netns=f"web-{n}",
            )
            for n in range(14)
        ),
    ),
    user="ops",
    seconds=1.2,
)

SCREENS: Final = {
    "healthy": HEALTHY,
    "empty": EMPTY,
    "sick-old": SICK_OLD,
    "sick-new": SICK_NEW,
    "masked": MASKED,
    "unprivileged": UNPRIVILEGED,
}
