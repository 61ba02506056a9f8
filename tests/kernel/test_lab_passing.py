"""Scenarios of the lab about what passes the router, or only half of it: the doctor names the cause first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack import lab, live
from halftrack.diagnosis import COLUMNS, diagnose
from halftrack.evidence import addresses, uapi
from halftrack.evidence.selection import Selection
from halftrack.lab.parameters import Parameters

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.lab.scene import Scene

LOOKED_AT = Selection(columns=COLUMNS)
"""As the doctor reads entries: what it does not look at is not decoded."""
FAMILIES = pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
_SECONDS = 240.0
"""Other tests run on this machine."""
_UNSEEN = pl.col("status") & uapi.IPS_SEEN_REPLY == 0


def _told(told: str) -> None:
    assert told


def _diagnosed(scene: Scene) -> Diagnosis:
    """Seen once more where the machine was too busy to see all."""
    for _ in range(3):
        found = diagnose(live.examine(scene.net.router.path, selection=LOOKED_AT, in_depth=True))
        if found.complete:
            break
    return found


def _named_first(found: Diagnosis, symptom: str, cause: str) -> None:
    causes = {each.symptom: each.causes for each in found.findings}
    assert causes[symptom][0].cause == cause
    assert causes[symptom][0].confidence >= 0.5


@FAMILIES
def test_a_flood_is_named_and_the_router_holds_what_was_answered_to_nobody(*, ipv6: bool) -> None:
    with lab.staged(lab.find("syn-flood"), _told, Parameters(ipv6=ipv6, seconds=_SECONDS)) as scene:
        found = _diagnosed(scene)
        rows = scene.entries().filter(pl.col("state") == uapi.TCP_CONNTRACK_SYN_RECV)
    assert rows.height >= 1_200
    assert rows.select("orig_src_hi", "orig_src_lo").n_unique() == rows.height
    assert set(rows["orig_dport"]) == {80}
    _named_first(found, "half-open", "syn-flood")


@pytest.mark.parametrize(("name", "symptom"), [("scan", "half-open"), ("scan-udp", "unreplied-udp")])
@FAMILIES
def test_a_scan_is_named_and_nothing_of_it_is_answered(name: str, symptom: str, *, ipv6: bool) -> None:
    with lab.staged(lab.find(name), _told, Parameters(ipv6=ipv6, seconds=_SECONDS)) as scene:
        found = _diagnosed(scene)
        rows = scene.entries()
        scanner = addresses.parse(scene.net.clients[0])
    assert rows.height >= 240
    assert set(rows.select("orig_src_hi", "orig_src_lo").unique().iter_rows()) == {scanner}
    assert rows["orig_dport"].n_unique() == rows.height
    assert rows.filter(_UNSEEN).height == rows.height
    _named_first(found, symptom, "scan")


@FAMILIES
def test_a_replaced_container_is_named_and_old_clients_are_still_sent_to_it(*, ipv6: bool) -> None:
    with lab.staged(lab.find("stale-nat"), _told, Parameters(ipv6=ipv6, seconds=_SECONDS)) as scene:
        found = _diagnosed(scene)
        rows = scene.entries().filter(pl.col("l4proto") == uapi.IPPROTO_UDP)
        held = {place.name for place in scene.net.places}
    by_target = rows.group_by("reply_src_hi", "reply_src_lo").len()["len"].sort()
    assert by_target.to_list() == [1, 16]  # the new client, and those who send on
    assert rows.filter(_UNSEEN).height == 4
    assert "lab-web-1" not in held
    assert "lab-web-2" in held
    _named_first(found, "stale-nat", "owner-removed")


@FAMILIES
def test_entries_that_a_program_wrote_are_told_from_those_of_packets(*, ipv6: bool) -> None:
    with lab.staged(lab.find("injected"), _told, Parameters(ipv6=ipv6, seconds=_SECONDS)) as scene:
        found = _diagnosed(scene)
        rows = scene.one_sided()
    assert rows.height == 40
    assert rows["timeout"].min() > 431_000
    assert set(rows["orig_packets"]) == {0}
    _named_first(found, "one-sided", "injected")


@FAMILIES
@pytest.mark.parametrize(
    ("name", "symptoms"), [("asymmetric-path", ("one-sided",)), ("direct-return", ("half-open", "one-sided"))]
)
def test_who_is_heard_half_is_told_which_half_takes_another_way(
    name: str, symptoms: tuple[str, ...], *, ipv6: bool
) -> None:
    with lab.staged(lab.find(name), _told, Parameters(ipv6=ipv6, seconds=_SECONDS)) as scene:
        found = _diagnosed(scene)
    for symptom in symptoms:
        _named_first(found, symptom, name)
