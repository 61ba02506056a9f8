"""Connections that fell silent: whose end is gone, and which of them merely rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import cases
from halftrack.diagnosis.causes import weigh_all
from halftrack.diagnosis.document import LIKELY
from halftrack.evidence import uapi
from halftrack.evidence.values import LocalAddress, Namespace, Table
from unit import flowrows
from unit.caserows import FIVE_DAYS, V4, case, rows, spread_evenly
from unit.causecases import first, ranked

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Cause


HOUR, DAY = 3600, 86_400


FEW_PEERS = [V4 + 0x0A000001 + n % 3 for n in range(300)]


def at_restarts(count: int) -> list[int]:
    """Ages in six moments, twelve hours apart."""
    return [HOUR + 12 * HOUR * (n % 6) + n // 6 % 30 for n in range(count)]


class TestSilentConnections:
    def test_orphans_in_steps_lost_their_owner(self) -> None:
        one = case("orphaned", rows(6000, idle_s=at_restarts(6000)))
        found = ranked(one)
        assert first(one) == "owner-removed"
        assert found["owner-removed"].confidence > 0.9
        assert any("6 moments" in reason.what for reason in found["owner-removed"].for_)

    def test_orphans_one_by_one_lost_their_peers(self) -> None:
        one = case("orphaned", rows(6000, idle_s=spread_evenly(6000, 4 * DAY)))
        found = ranked(one)
        assert first(one) == "vanished-peer"
        assert found["owner-removed"].confidence < LIKELY

    def test_a_handful_of_orphans_shows_no_pattern(self) -> None:
        assert first(case("orphaned", rows(3, idle_s=[100, 5000, 90_000]))) == "unknown"

    def test_idle_peers_by_the_thousand_have_vanished_as_far_as_a_table_can_tell(self) -> None:
        """People who left their sessions open look the same: their sockets have to be read."""
        one = case("idle-established", rows(5000, idle_s=spread_evenly(5000, 4 * DAY, 2 * HOUR)))
        unknown, vanished = weigh_all(one)[:2]
        assert (unknown.cause, vanished.cause) == ("unknown", "vanished-peer")
        assert 0.4 < vanished.confidence < LIKELY
        assert "ss -tan" in unknown.missing[0]

    def test_living_sockets_of_few_peers_are_a_pool(self) -> None:
        """Seen through a whole diagnosis: a database's own sockets, three clients."""
        entries = [
            flowrows.row(
                f"10.0.0.{n % 3 + 2}", "10.0.0.1", 40_000 + n, 5432, left=FIVE_DAYS - 10_000 - 900 * n
            )
            for n in range(60)
        ]
        alive = [("10.0.0.1", 5432, f"10.0.0.{n % 3 + 2}", 40_000 + n) for n in range(60)]
        table = flowrows.table(
            *entries, sockets=flowrows.sockets(*alive), addresses=(LocalAddress("10.0.0.1", 24, "eth0"),)
        )
        (one,) = cases(flowrows.evidence(table))
        assert one.symptom == "idle-established"
        found = ranked(one)
        assert first(one) == "idle-pool"
        assert found["idle-pool"].confidence > 0.7
        assert "vanished-peer" not in found or found["vanished-peer"].confidence < LIKELY

    def test_living_sockets_of_many_peers_are_a_pool_only_where_connections_are_kept_open(self) -> None:
        """Nobody asked after them: an end that holds its socket does not tell the one from the other."""

        def asked(port: int) -> dict[str, Cause]:
            entries = [
                flowrows.row(
                    f"198.51.100.{n + 1}", "10.0.0.1", 40_000 + n, port, left=FIVE_DAYS - 10_000 - 900 * n
                )
                for n in range(60)
            ]
            alive = [("10.0.0.1", port, f"198.51.100.{n + 1}", 40_000 + n) for n in range(60)]
            table = flowrows.table(
                *entries, sockets=flowrows.sockets(*alive), addresses=(LocalAddress("10.0.0.1", 24, "eth0"),)
            )
            (one,) = cases(flowrows.evidence(table))
            return ranked(one)

        assert next(iter(asked(443))) == "vanished-peer"
        assert next(iter(asked(5432))) == "idle-pool"
        assert asked(5432)["vanished-peer"].confidence < LIKELY

    def test_an_owner_with_connections_that_outlived_the_moment_was_not_removed(self) -> None:
        """60 of 100 connections to one listener went at once; the sockets of the other 40 live."""
        entries = [
            flowrows.row(
                f"198.51.100.{n + 1}",
                "10.0.0.1",
                40_000 + n,
                443,
                left=FIVE_DAYS - (20_000 if n < 60 else 30_000),
            )
            for n in range(100)
        ]
        entries.append(flowrows.row("198.51.100.1", "10.0.0.1", 39_000, 443, left=FIVE_DAYS - 60_000))
        alive = [("10.0.0.1", 443, f"198.51.100.{n + 1}", 40_000 + n) for n in range(60, 100)]
        table = flowrows.table(
            *entries, sockets=flowrows.sockets(*alive), addresses=(LocalAddress("10.0.0.1", 24, "eth0"),)
        )
        (one,) = [each for each in cases(flowrows.evidence(table)) if each.symptom == "orphaned"]
        assert one.shape == "burst"
        found = ranked(one)
        assert found["owner-removed"].confidence < LIKELY
        assert any("outlived" in reason.what for reason in found["owner-removed"].against)

    def test_another_namespace_with_the_same_service_did_not_outlive_the_moment(self) -> None:
        """Neither has an owner that is known: their addresses tell them apart."""
        gone = [
            flowrows.row(f"198.51.100.{n + 1}", "10.66.1.2", 40_000 + n, 443, left=FIVE_DAYS - 20_000 - n % 9)
            for n in range(60)
        ]
        old = [
            flowrows.row(f"198.51.100.{n + 1}", "10.66.1.3", 50_000 + n, 443, left=FIVE_DAYS - 70_000)
            for n in range(20)
        ]
        living = [("10.66.1.3", 443, f"198.51.100.{n + 1}", 50_000 + n) for n in range(20)]
        near = [
            Table(
                Namespace(name, number),
                addresses=(LocalAddress(address, 24, "eth0"),),
                sockets=flowrows.sockets(*open_ones),
                count=0,
                skipped=True,
            )
            for name, number, address, open_ones in (
                ("one", 101, "10.66.1.2", ()),
                ("other", 102, "10.66.1.3", living),
            )
        ]
        router = flowrows.table(*gone, *old, addresses=(LocalAddress("192.0.2.1", 24, "eth0"),))
        (one,) = [each for each in cases(flowrows.evidence(router, *near)) if each.symptom == "orphaned"]
        assert one.rows.height == 60
        assert first(one) == "owner-removed"
        assert not ranked(one)["owner-removed"].against

    def test_stamps_tell_when_connections_were_made_not_when_they_ended(self) -> None:
        made = spread_evenly(600, 4 * DAY, 3 * HOUR)
        one = case("orphaned", rows(600, idle_s=[2 * HOUR + n % 9 for n in range(600)], age_s=made))
        assert one.timeline is not None
        assert one.timeline.clock == "timestamp"
        assert first(one) == "owner-removed"
        assert ranked(one)["owner-removed"].confidence > 0.7
        assert ranked(one)["vanished-peer"].confidence < LIKELY

    def test_a_pool_is_only_a_guess_where_no_socket_was_read(self) -> None:
        frame = rows(300, idle_s=spread_evenly(300, DAY, 2 * HOUR), peer_lo=FEW_PEERS, orig_dport=5432)
        one = case("idle-established", frame)
        found = ranked(one)
        assert first(one) == "unknown"
        assert 0.3 < found["idle-pool"].confidence < LIKELY
        assert any("ss -tan" in what for what in found["idle-pool"].missing)

    def test_stale_translation_lost_its_owner(self) -> None:
        frame = rows(5, l4proto=uapi.IPPROTO_UDP, state=None, idle_s=[1, 5, 8, 12, 20])
        assert first(case("stale-nat", frame)) == "owner-removed"
