"""Pods in filters, groups and on screens: by their own name and by what made them."""

from __future__ import annotations

import pytest

from halftrack.diagnosis.document import OwnerName
from halftrack.diagnosis.filters import parse
from halftrack.diagnosis.filters.chosen import Chosen
from halftrack.diagnosis.filters.expression import Surroundings, expression
from halftrack.diagnosis.filters.tally import count
from halftrack.diagnosis.grouping import owner_name
from halftrack.diagnosis.view import view
from halftrack.evidence.values import Owner
from halftrack.reporters import figures
from unit.flowrows import evidence, one_sided, row, table


def pod(name: str, workload: str, address: str) -> Owner:
    return Owner(
        name=f"shop/{name}",
        id=f"uid-{name}",
        runtime="kubernetes",
        addresses=(address,),
        namespace="shop",
        pod=name,
        workload=workload,
    )


OWNERS = (
    pod("web-6d4cf56db6-x2x4z", "web", "10.0.0.1"),
    pod("web-6d4cf56db6-bcdfg", "web", "10.0.0.2"),
    pod("db-0", "db", "10.0.0.3"),
    Owner(name="cache", id="cache", runtime="lxc", addresses=("10.0.0.4",)),
)
SEEN = evidence(
    table(
        one_sided("10.0.0.1", "198.51.100.1", sport=80, dport=50001),
        one_sided("10.0.0.2", "198.51.100.1", sport=80, dport=50002),
        row("198.51.100.1", "10.0.0.3", 50003, 5432),
        row("198.51.100.1", "10.0.0.4", 50004, 11211),
        row("198.51.100.1", "203.0.113.9", 50005, 22),
    ),
    owners=OWNERS,
)
LOOKED = view(SEEN.tables[0], SEEN)


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        ("workload=shop/web", {50001, 50002}),
        ("workload=web", {50001, 50002}),
        ("workload=shop/web,cache", {50001, 50002, 50004}),
        ("workload=nobody", set()),
        ("owner=shop/db-0", {50003}),
        ("owner=db-0", {50003}),
        ("owner=uid-db-0", {50003}),
        ("owner=web", set()),
    ],
)
def test_which_entries_a_filter_takes(words: str, ports: set[int]) -> None:
    mask = expression(parse(words.split()), Surroundings("host", LOOKED.opaque, OWNERS))
    taken = LOOKED.flows.filter(mask)
    assert set(taken["orig_sport"]) | set(taken["orig_dport"]) >= ports
    assert taken.height == len(ports)


def test_entries_are_counted_by_what_made_their_pods() -> None:
    chosen = Chosen("host", LOOKED.flows, LOOKED.opaque, OWNERS)
    assert count([chosen], ["workload"]).rows() == [
        ("shop/web", 2, 2),
        ("cache", 1, 0),
        ("shop/db", 1, 0),
        (None, 1, 0),
    ]
    assert count([chosen], ["owner"])["owner"].to_list()[:2] == ["cache", "shop/db-0"]


@pytest.mark.parametrize(
    ("owner", "shown"),
    [
        (OWNERS[0], "shop/web-6d4cf56db6-x2x4z (pod of web)"),
        (pod("debug", "debug", "10.0.0.9"), "shop/debug (pod)"),
        (OWNERS[3], "cache (lxc)"),
        (Owner(name="shop", id="ab" * 32, runtime="podman", pod="shop"), "shop (podman abababababab)"),
    ],
)
def test_a_pod_is_shown_with_what_made_it(owner: Owner, shown: str) -> None:
    name = owner_name(owner)
    assert isinstance(name, OwnerName)
    assert figures.owner(name) == shown
    assert (name.namespace, name.pod, name.workload) == (owner.namespace, owner.pod, owner.workload)
