"""How far a table as text goes, and the one line that settles the rest."""

from __future__ import annotations

import pytest

from halftrack.diagnosis.causes import weigh_all
from unit.caserows import case, one_sided, rows, spread_evenly
from unit.causecases import DAY, SLOW, sockets, trouble

IDLE = spread_evenly(300, DAY, 7_500)


def test_a_dump_says_how_far_it_goes_and_what_settles_the_rest() -> None:
    found = weigh_all(case("one-sided", one_sided(300, idle_s=IDLE), source="dump"))[0]
    assert found.cause == "unknown"
    assert found.settled_by == "ss -tin 'sport = :80'; tc -s qdisc; nstat -az"
    assert any("not why" in reason.what for reason in found.for_)


@pytest.mark.parametrize(
    ("symptom", "side", "line"),
    [
        ("idle-established", "server", "ss -tano 'sport = :443'"),
        ("idle-established", "client", "ss -tano 'dport = :443'"),
        ("half-open", "server", "ss -ltn 'sport = :443'; nstat -az"),
        ("half-closed", "server", "ss -tan state close-wait 'sport = :443'"),
    ],
)
def test_it_names_the_service_as_the_end_that_is_ours_knows_it(symptom: str, side: str, line: str) -> None:
    found = weigh_all(case(symptom, rows(3, side=side, idle_s=[9_000] * 3), source="dump"))
    assert found[0].settled_by == line


def test_without_a_port_it_asks_for_all() -> None:
    frame = one_sided(300, idle_s=IDLE, service=None)
    assert weigh_all(case("one-sided", frame, source="dump"))[0].settled_by == (
        "ss -tin; tc -s qdisc; nstat -az"
    )


def test_where_the_node_itself_was_looked_at_nothing_more_is_to_be_typed() -> None:
    assert weigh_all(trouble())[0].settled_by is None
    assert all(cause.settled_by is None for cause in weigh_all(trouble(tcp=sockets(**SLOW))))
