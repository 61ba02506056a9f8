"""Each scenario of the lab on the real kernel: the router's table shows what it is said to show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack import lab, live
from halftrack.diagnosis import COLUMNS, diagnose
from halftrack.evidence import uapi
from halftrack.evidence.selection import Selection
from halftrack.kernel import ctnetlink
from halftrack.lab.parameters import BESIDE, Parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.diagnosis.document import Cause
    from halftrack.lab.scene import Scene

LOOKED_AT = Selection(columns=COLUMNS)
"""As the doctor reads entries: what it does not look at is not decoded."""
FAMILIES = pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
_SECONDS = 240.0
"""Other tests run on this machine."""
_ESTABLISHED = uapi.TCP_CONNTRACK_ESTABLISHED


def played(
    name: str,
    *,
    ipv6: bool = False,
    founded: bool = False,
    background: int = 0,
    see: Callable[[Scene], None],
) -> list[str]:
    """Play it and look while it stands; what it told."""
    told: list[str] = []
    chosen = lab.find(name)
    parameters = Parameters(ipv6=ipv6, founded=founded, background=background, seconds=_SECONDS)
    with lab.staged(chosen, told.append, parameters) as scene:
        see(scene)
    return told


def diagnosed(scene: Scene) -> dict[str, tuple[Cause, ...]]:
    """Causes by symptom, likeliest first. Seen once more where the machine was too busy to see all."""
    found: dict[str, tuple[Cause, ...]] = {}
    for _ in range(3):
        diagnosis = diagnose(live.examine(scene.net.router.path, selection=LOOKED_AT, in_depth=True))
        found = {each.symptom: each.causes for each in diagnosis.findings}
        if diagnosis.complete:
            break
    return found


def from_server(rows: pl.DataFrame, port: int = 80) -> bool:
    """Whether the server's packets made all of them."""
    return rows.height > 0 and set(rows["orig_sport"]) == {port}


@FAMILIES
def test_the_last_ack_after_a_half_close_is_all_that_is_seen(*, ipv6: bool) -> None:
    def see(scene: Scene) -> None:
        rows = scene.one_sided()
        assert from_server(rows)
        assert rows.height == 16
        assert set(rows["orig_packets"]) == {1}
        header = 60 if ipv6 else 40
        assert set(rows["orig_bytes"]) <= {header, header + 12}  # with time stamps
        assert 0 < rows["timeout"].min() <= rows["timeout"].max() <= 300

    played("half-close", ipv6=ipv6, see=see)


@FAMILIES
def test_late_answers_stay_where_the_client_drops_them(*, ipv6: bool) -> None:
    def see(scene: Scene) -> None:
        rows = scene.one_sided()
        assert from_server(rows)
        assert rows.height == 16

    played("filtered-client", ipv6=ipv6, see=see)


@FAMILIES
def test_late_answers_leave_nothing_where_the_client_can_say_no(*, ipv6: bool) -> None:
    def see(scene: Scene) -> None:
        scene.until(lambda: not scene.one_sided().height, "the resets to arrive")
        assert not scene.entries().filter(pl.col("state") == _ESTABLISHED).height

    played("open-client", ipv6=ipv6, see=see)


@pytest.mark.parametrize(
    ("name", "ipv6", "cause"),
    [
        ("shaping", False, "shaping"),
        ("shaping", True, "shaping"),
        ("shaping-htb", False, "shaping"),
        ("slow-path", False, "slow-path"),
        ("slow-path", True, "slow-path"),
    ],
)
def test_pages_that_come_too_late_are_picked_up_and_the_doctor_knows_why(
    name: str, *, ipv6: bool, cause: str
) -> None:
    def see(scene: Scene) -> None:
        rows = scene.one_sided()
        assert from_server(rows)
        assert rows.height >= 4
        found = diagnosed(scene)
        assert found["one-sided"][0].cause == cause

    played(name, ipv6=ipv6, see=see)


def test_the_founding_case_has_five_days() -> None:
    def see(scene: Scene) -> None:
        rows = scene.one_sided()
        assert from_server(rows)
        assert rows["timeout"].min() > 431_000
        assert diagnosed(scene)["one-sided"][0].cause == "shaping"

    played("founding", see=see)


def test_as_founded_they_stay_for_five_days() -> None:
    def see(scene: Scene) -> None:
        rows = scene.one_sided()
        assert rows.height == 16
        assert rows["timeout"].min() > 431_000

    told = played("half-close", founded=True, see=see)
    assert any("as founded" in line for line in told)


def test_timeouts_that_were_shortened_to_save_time_are_put_back() -> None:
    name = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait")

    def see(scene: Scene) -> None:
        assert scene.net.router.call(name.read_text).strip() == "60"

    played("half-close", see=see)


@FAMILIES
def test_where_requests_take_another_way_the_server_alone_is_heard_and_talks_on(*, ipv6: bool) -> None:
    def see(scene: Scene) -> None:
        rows = scene.one_sided()
        assert from_server(rows)
        assert rows.height == 24
        assert rows["orig_packets"].min() >= 120

    played("asymmetric-path", ipv6=ipv6, see=see)


@FAMILIES
def test_where_answers_take_another_way_clients_wait_for_ever_as_far_as_the_tracker_knows(
    *, ipv6: bool
) -> None:
    def see(scene: Scene) -> None:
        rows = scene.entries()
        waiting = rows.filter(pl.col("state") == uapi.TCP_CONNTRACK_SYN_SENT)
        assert waiting.height == 80
        assert set(waiting["orig_packets"]) == {1}
        old = scene.one_sided()
        assert set(old["orig_dport"]) == {80}
        assert old.height == 16

    played("direct-return", ipv6=ipv6, see=see)


def test_healthy_traffic_beside_is_answered_and_ends_in_order() -> None:
    def see(scene: Scene) -> None:
        beside = ctnetlink.dump(netns_path=scene.net.router.path).flows.frame.filter(
            pl.col("orig_dport") == BESIDE
        )
        assert beside.height > 30  # those that go on, and some that have ended
        assert beside.select((pl.col("status") & uapi.IPS_SEEN_REPLY != 0).all()).item()

    played("half-close", background=30, see=see)
