"""The one thing that is asked for next is what would change most of the verdict."""

from __future__ import annotations

import msgspec
import pytest

from halftrack.diagnosis.asking import SCRIPT, ask
from halftrack.diagnosis.document import Cause, Diagnosis, Finding, Forecast, Gap, Input
from halftrack.diagnosis.since.document import Since, SinceMoment
from unit.documents import HEALTHY, diagnosis, table
from unit.screens import MASKED
from unit.sick import SICK_NEW, SICK_OLD

LIMIT = Gap(what="limit", why="not in the file", needs=("sysctl net.netfilter.nf_conntrack_max",))
KERNEL = Gap(what="kernel", why="not in the file", needs=("uname -r",), would_tell=("one-sided",))
QUEUES = Gap(what="queues", why="not in the report", needs=("tc -s qdisc",), would_tell=("shaping",))
TCP = Gap(what="sockets", why="not in the report", needs=("ss -tin",), would_tell=("slow-path",))
UNKNOWN = (Cause(cause="unknown", confidence=0.6), Cause(cause="shaping", confidence=0.3))
LIKELY = (Cause(cause="slow-path", confidence=0.8),)


def sick(source: str, *causes: Cause, gaps: tuple[Gap, ...] = (), **fields: object) -> Diagnosis:
    finding = Finding(
        id="one-sided/x", symptom="one-sided", severity="warning", title="Stuck.", entries=9, causes=causes
    )
    given = {"severity": "warning", "complete": False, "findings": (finding,), "gaps": gaps, **fields}
    return diagnosis(source=source, **given)


def command(told: Diagnosis) -> str | None:
    found = ask(told)
    return None if found is None else found.command


def test_of_a_healthy_node_nothing_is_asked() -> None:
    assert ask(HEALTHY) is None


def test_entries_that_were_not_seen_come_first() -> None:
    unread = (table(read=False),)
    assert command(sick("sos", *UNKNOWN, gaps=(QUEUES,), tables=unread)) == (
        "conntrack -L -o extended > table.txt 2>&1"
    )
    assert command(sick("live", *UNKNOWN, gaps=(QUEUES,), tables=unread)) == "sudo halftrack doctor"


def test_the_rest_of_a_table_that_was_cut() -> None:
    found = ask(sick("sos", *LIKELY, input=Input(truncated=True, visible=0.54)))
    assert found is not None
    assert (found.command, found.why) == (SCRIPT, "the table was cut short, 54 % of it is here")


def test_of_a_table_alone_all_at_once_or_the_one_thing() -> None:
    assert command(MASKED) == SCRIPT
    assert command(sick("dump", *UNKNOWN, gaps=(KERNEL,))) == SCRIPT
    assert command(sick("dump", *LIKELY, gaps=(KERNEL,))) == "uname -r"
    assert command(sick("dump", *LIKELY, gaps=(LIMIT,))) == "sysctl net.netfilter.nf_conntrack_max"
    settled = msgspec.structs.replace(UNKNOWN[0], settled_by="ss -tin 'sport = :80'")
    assert command(sick("dump", settled, UNKNOWN[1])) == "ss -tin 'sport = :80'"


def test_what_settles_the_cause() -> None:
    causes = (*UNKNOWN, Cause(cause="slow-path", confidence=0.2))
    assert command(sick("sos", *causes, gaps=(QUEUES,))) == "tc -s qdisc"
    assert command(sick("sos", *causes, gaps=(QUEUES, TCP))) == SCRIPT
    assert command(sick("live", *causes)) == "sudo halftrack doctor --listen 30s"
    denied = Gap(what="sockets", why="no", needs=("CAP_SYS_ADMIN",), would_tell=("shaping",))
    assert command(sick("live", *causes, gaps=(denied,))) == "sudo halftrack doctor"


@pytest.mark.parametrize(
    ("netns", "again"), [("host", SCRIPT), ("web", "sleep 900; sh collect.sh > later.collected")]
)
def test_of_a_bundle_the_script_again_where_something_of_this_table_is_missing(
    netns: str, again: str
) -> None:
    cut = Gap(what="sockets", why="no way in", needs=("nsenter",), would_tell=("orphaned",), netns=netns)
    assert command(sick("bundle", *UNKNOWN, gaps=(cut,))) == again


def test_whether_it_drops_now() -> None:
    """Where the table is full enough for that."""
    silent = {"dropped": None, "limit": 1_000}
    full, half = (table(entries=entries, **silent) for entries in (900, 90))
    assert command(sick("sos", *LIKELY, tables=(full,))) == "conntrack -S; sleep 10; conntrack -S"
    assert command(sick("sos", *LIKELY, tables=(half,))) == (
        "sleep 900; conntrack -L -o extended > later.txt 2>&1"
    )


def test_counters_are_asked_for_where_the_table_is() -> None:
    inside = table(netns="shop", entries=900, limit=1_000, dropped=None)
    needed = Gap(
        what="counters of shop",
        why="not in the report",
        needs=("ip netns exec shop conntrack -S",),
        would_tell=("table-pressure",),
        netns="shop",
    )
    told = sick("sos", *LIKELY, tables=(inside,), focus="shop", gaps=(needed,))
    assert command(told) == "ip netns exec shop conntrack -S; sleep 10; ip netns exec shop conntrack -S"
    assert command(sick("bundle", *LIKELY, tables=(inside,), focus="shop")) == SCRIPT


@pytest.mark.parametrize("source", ["live", "bundle", "sos", "dump"])
def test_a_second_moment_where_all_else_is_known(source: str) -> None:
    for pace in (None, 3.0):
        paced = table(forecast=Forecast(basis="x", net_per_minute=pace))
        found = ask(sick(source, *LIKELY, tables=(paced,)))
        assert found is not None
        assert found.command.startswith("sleep 900; ")
        assert ("does not tell" in found.why) == (pace is None)


def test_whatever_else_is_missing_where_it_would_tell_more_than_causes() -> None:
    unread = Gap(what="settings", why="no way in", needs=("sysctl -a",), would_tell=("settings",))
    assert command(diagnosis(source="sos", complete=False, gaps=(QUEUES, unread))) == "sysctl -a"
    assert ask(diagnosis(source="sos", complete=False, gaps=(QUEUES,))) is None


def test_no_other_moment_where_one_was_given() -> None:
    moment = SinceMoment(name="a", source="sos", severity="ok", complete=True)
    assert ask(sick("sos", *LIKELY, since=Since(moments=(moment, moment), order="given"))) is None


@pytest.mark.parametrize("told", [SICK_OLD, SICK_NEW])
def test_it_can_be_pasted(told: Diagnosis) -> None:
    found = ask(told)
    assert found is not None
    assert "\n" not in found.command
