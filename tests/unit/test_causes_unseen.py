"""Causes of ends that the tracker was there for and did not heed, or was not there for at all."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from halftrack.diagnosis.causes import frozen
from halftrack.diagnosis.document import LIKELY
from halftrack.evidence import uapi
from halftrack.evidence.events import Events
from halftrack.evidence.flows import empty
from halftrack.evidence.stack import StackCounters
from halftrack.evidence.tcp_sockets import SCHEMA, TcpSockets
from halftrack.evidence.tracking import Tracking
from halftrack.evidence.values import Counters
from halftrack.tcp import releases
from unit.caserows import V4, case, rows, spread_evenly
from unit.causecases import first, ranked

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case

OWNER = V4 + 0x0A58000E
HOUR, DAY = 3_600, 86_400
OFF = Tracking()
ASKED = Tracking("a rule of table filter, chain input")
ASKED6 = Tracking(None, "a rule of table filter, chain input")


def sockets(count: int, *, heard_s: int) -> TcpSockets:
    """Those of the first rows of ``rows``, which last heard something so many seconds ago."""
    given: dict[str, Any] = {
        "state": 1, "local_hi": 0, "local_lo": OWNER, "local_port": 443, "remote_hi": 0,
        "remote_lo": [V4 + 0xC6336400 + n for n in range(count)], "remote_port": 50_000,
        "last_data_recv_ms": heard_s * 1000, "last_ack_recv_ms": heard_s * 1000 + 500,
    }  # fmt: skip
    spread = {n: given.get(n) if isinstance(given.get(n), list) else [given.get(n)] * count for n in SCHEMA}
    return TcpSockets(pl.DataFrame(spread, schema=dict(SCHEMA)))


def node(
    symptom: str,
    *,
    release: str = "6.12.48",
    oldest_s: int = 3 * HOUR + 60,
    family: int = uapi.AF_INET,
    **table: Any,
) -> Case:
    """60 connections of tcp/443, all silent for three hours."""
    silent = spread_evenly(60, oldest_s, 3 * HOUR)
    frame = rows(60, idle_s=silent, reply_sport=443, origin="handshake", family=family)
    one = case(symptom, frame, kernel=release, **table)
    return dataclasses.replace(one, view=dataclasses.replace(one.view, features=releases.features(release)))


class TestHooksOff:
    @pytest.mark.parametrize("symptom", ["orphaned", "idle-established"])
    def test_a_table_that_no_rule_asks_for_is_frozen(self, symptom: str) -> None:
        one = node(symptom, tracking=OFF)
        found = ranked(one)
        assert first(one) == "hooks-off"
        assert any(reason.what.endswith("3 h") for reason in found["hooks-off"].for_)
        assert all(cause.confidence < LIKELY for name, cause in found.items() if name != "hooks-off")

    def test_sockets_that_hear_more_than_their_entries_make_it_surer(self) -> None:
        quiet = node("idle-established", tracking=OFF, tcp=sockets(60, heard_s=3 * HOUR + 100))
        talking = node("idle-established", tracking=OFF, tcp=sockets(60, heard_s=2))
        assert frozen.outspoken(quiet) == (60, 0)
        assert frozen.outspoken(talking) == (60, 60)
        assert ranked(talking)["hooks-off"].confidence > ranked(quiet)["hooks-off"].confidence + 0.1

    def test_sockets_alone_do_not_make_it_likely(self) -> None:
        """Packets that pass the tracker by look the same, and so does a tracker that rules leave out."""
        one = node("idle-established", tcp=sockets(60, heard_s=2))
        found = ranked(one)["hooks-off"]
        assert 0.2 < found.confidence < LIKELY
        assert "nft list ruleset" in found.missing[0]

    def test_a_rule_that_asks_rules_it_out(self) -> None:
        one = node("orphaned", tracking=ASKED, tcp=sockets(60, heard_s=2))
        assert "hooks-off" not in ranked(one)

    def test_each_family_is_asked_for_by_itself(self) -> None:
        """Who flushes iptables leaves the rules of ip6tables."""
        one = node("orphaned", tracking=ASKED6)
        assert first(one) == "hooks-off"
        assert "tracking IPv4" in ranked(one)["hooks-off"].for_[0].what
        others = node("orphaned", tracking=ASKED6, family=uapi.AF_INET6)
        assert "hooks-off" not in ranked(others)

    def test_rules_that_could_not_be_read_prove_nothing(self) -> None:
        one = node("orphaned", tracking=Tracking(unread=("the rules of iptables-legacy: not installed",)))
        assert "hooks-off" not in ranked(one)
        assert not frozen.unasked(one)

    @pytest.mark.parametrize("release", ["4.9.200", "3.10.0-1160.el7.x86_64", "2.6.32-042stab092.1"])
    def test_older_kernels_track_without_being_asked(self, release: str) -> None:
        assert "hooks-off" not in ranked(node("orphaned", tracking=OFF, release=release))

    def test_what_was_heard_a_moment_ago_is_not_frozen(self) -> None:
        frame = rows(60, idle_s=spread_evenly(60, 3 * HOUR), reply_sport=443)
        one = case("idle-established", frame, tracking=OFF)
        features = releases.features("6.12.48")
        awake = dataclasses.replace(one, view=dataclasses.replace(one.view, features=features))
        assert ranked(awake)["hooks-off"].confidence < LIKELY

    def test_entries_that_begin_speak_against_it(self) -> None:
        """Open vSwitch tracks without rules."""
        heard = Events(30.0, new=4, picked_up=0, destroyed=0, peak_per_s=1.0, pick_ups=empty())
        one = node("orphaned", tracking=OFF, events=heard)
        assert first(one) == "owner-removed"
        found = ranked(one).get("hooks-off")
        assert found is None or found.confidence < 0.2


def invalid(*counted: int) -> tuple[Counters, ...]:
    return tuple(Counters(float(at), {"invalid": each}) for at, each in enumerate(counted))


def resets(*counted: int, timed_out: int = 0) -> tuple[StackCounters, ...]:
    return tuple(
        StackCounters(float(at), {"Tcp.EstabResets": each, "TcpExt.TCPAbortOnTimeout": timed_out})
        for at, each in enumerate(counted)
    )


class TestRstIgnored:
    def left(self, **table: Any) -> Case:
        return node("orphaned", oldest_s=DAY, tracking=ASKED, **table)

    def test_invalid_packets_and_resets_at_the_owner_name_it(self) -> None:
        one = self.left(counters=invalid(900, 905), stack=resets(700, 705))
        found = ranked(one)["rst-ignored"]
        assert first(one) == "rst-ignored"
        assert found.confidence > 0.7
        assert any("log_invalid" in what for what in found.missing)
        assert ranked(one)["vanished-peer"].confidence < LIKELY

    def test_without_any_counter_it_is_a_guess(self) -> None:
        assert ranked(self.left())["rst-ignored"].confidence < LIKELY

    @pytest.mark.parametrize(
        "table",
        [
            {"counters": invalid(2, 2), "stack": resets(700, 705)},
            {"counters": invalid(900, 905), "stack": resets(3, 3)},
        ],
        ids=["invalid packets", "resets"],
    )
    def test_fewer_of_them_than_entries_speak_against_it(self, table: dict[str, Any]) -> None:
        found = ranked(self.left(**table)).get("rst-ignored")
        assert found is None or (found.confidence < LIKELY and found.against)

    def test_connections_that_timed_out_were_not_reset(self) -> None:
        one = self.left(counters=invalid(900, 900), stack=resets(700, 700, timed_out=690))
        assert any("fewer" in reason.what for reason in ranked(one)["rst-ignored"].against)

    def test_an_owner_that_timed_nothing_out_still_has_what_vanished_peers_left(self) -> None:
        kept = ranked(self.left(stack=resets(700, 700)))["vanished-peer"]
        ended = ranked(self.left(stack=resets(700, 700, timed_out=690)))["vanished-peer"]
        assert any("fewer than entries" in reason.what for reason in kept.against)
        assert kept.confidence < LIKELY < ended.confidence

    def test_all_at_once_is_not_how_connections_are_reset(self) -> None:
        one = node("orphaned", tracking=ASKED, counters=invalid(900, 905), stack=resets(700, 705))
        assert one.shape == "burst"
        assert first(one) == "owner-removed"
        assert ranked(one)["rst-ignored"].confidence < LIKELY

    def test_who_checks_no_windows_ignores_none(self) -> None:
        strict = self.left(counters=invalid(900, 905), stack=resets(700, 705))
        liberal = self.left(
            counters=invalid(900, 905),
            stack=resets(700, 705),
            settings={"net.netfilter.nf_conntrack_tcp_be_liberal": "1"},
        )
        both = [ranked(one)["rst-ignored"].confidence for one in (strict, liberal)]
        assert both[1] < both[0]
