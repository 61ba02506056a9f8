"""Two services with one symptom for two reasons: each part is weighed by itself."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import polars as pl

from halftrack.diagnosis.causes import each, home, parts, weigh_all
from halftrack.diagnosis.document import LIKELY
from halftrack.evidence.routing import LOOPBACK, Routing, WayBack
from halftrack.evidence.values import LocalAddress, Namespace, Table
from unit.caserows import V4, case, one_sided, rows
from unit.causecases import IDLE, SERVER, SLOW, against, shaped, sockets, tbf, told, trouble, weighed

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case

OTHER = SERVER + 1


def of_two(share: int = 200) -> Case:
    """500 entries of a slow server, and some of one behind a limit that holds packets back."""
    slow = one_sided(500, idle_s=IDLE, here=False)
    limited = one_sided(share, idle_s=IDLE[:share], here=False, local_lo=OTHER, service="tcp/8080")
    one = case("one-sided", pl.concat((slow, limited)))
    own = (
        Table(
            Namespace("slow", 4711),
            tcp=sockets(**SLOW),
            shaping=shaped(),
            addresses=(LocalAddress("10.88.0.14", 16, "eth0"),),
        ),
        Table(
            Namespace("limited", 4712),
            tcp=sockets(local_lo=OTHER),
            shaping=shaped(tbf(backlog=60_000, drops=9)),
            addresses=(LocalAddress("10.88.0.15", 16, "eth0"),),
        ),
    )
    evidence = dataclasses.replace(one.view.evidence, tables=(one.view.table, *own))
    return dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence))


def test_both_causes_are_likely_and_say_of_which_part() -> None:
    one = of_two()
    found = {cause.cause: cause for cause in weigh_all(one) if cause.confidence >= LIKELY}
    assert set(found) == {"slow-path", "shaping"}
    assert told(found["slow-path"]).startswith("of 10.88.0.14 alone")
    assert told(found["shaping"]).startswith("of 10.88.0.15 alone")
    assert [reason.value for cause in found.values() for reason in cause.for_[:1]] == [0.29, 0.71]


def test_no_end_speaks_for_the_other() -> None:
    assert home.of(of_two()) is None
    assert [part.share for part in parts.of(of_two())] == [500 / 700, 200 / 700]


def test_a_small_rest_is_no_part() -> None:
    one = of_two(share=20)
    assert not list(parts.of(one))
    at = home.of(one)
    assert at is not None
    assert at.name == "slow"


def test_of_one_end_its_services_are_parts() -> None:
    frame = pl.concat(
        (
            one_sided(60, idle_s=IDLE[:60]),
            one_sided(40, idle_s=IDLE[:40], service="tcp/8080", orig_sport=8080),
        )
    )
    assert [part.where for part in parts.of(case("one-sided", frame))] == [
        "10.88.0.14 tcp/80",
        "10.88.0.14 tcp/8080",
    ]


def test_an_address_of_the_loopback_interface_has_no_way_of_its_own() -> None:
    """Questions to it come in by any interface."""
    for expected, likely in ((LOOPBACK, False), ("eth1", True)):
        way = WayBack("10.88.0.14", "198.51.100.7", "eth0", expected)
        frame = one_sided(100, idle_s=[5] * 100)
        one = case("one-sided", frame, routing=Routing(ways=(way,)), addresses=())
        assert way.astray is likely
        assert (weigh_all(one)[0].cause == "asymmetric-path") is likely
    assert weighed(trouble(), "unknown").confidence > LIKELY


def test_patterns_over_each_other_are_no_other_one() -> None:
    """Four containers, each restarted six times: all together their connections fell silent evenly."""
    restarts = [
        rows(
            60,
            idle_s=[3_000 + 3_600 * (4 * (n % 6) + owner) + n for n in range(60)],
            local_lo=SERVER + owner,
            peer_lo=range(V4 + 100 * owner, V4 + 100 * owner + 60),
        )
        for owner in range(4)
    ]
    one = case("orphaned", pl.concat(restarts))
    assert one.shape == "steady"
    assert each(one)["vanished-peer"].confidence >= LIKELY
    found = {cause.cause: cause for cause in weigh_all(one)}
    assert next(iter(found)) == "owner-removed"
    assert found["vanished-peer"].confidence < LIKELY
    assert "parts that show it by themselves" in against(found["vanished-peer"])
