"""What the table alone can say about why, and how sure it is of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis import cases
from halftrack.diagnosis.causes import CAUSES, weigh_all
from halftrack.diagnosis.causes.weighing import LIKELY, Clue, conclude
from halftrack.diagnosis.rows import MarkedRows
from halftrack.evidence import uapi
from halftrack.evidence.values import Firewall, LocalAddress
from halftrack.tcp import releases, timeouts
from unit import flowrows
from unit.caserows import FIVE_DAYS, V4, case, one_sided, rows, spread_evenly, view

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

HOUR, DAY = 3600, 86_400
FEW_PEERS = [V4 + 0x0A000001 + n % 3 for n in range(300)]


def weighed_flush(one: Case) -> float:
    return ranked(one)["table-flush"].confidence


def ranked(one: Case) -> dict[str, Cause]:
    return {cause.cause: cause for cause in weigh_all(one)}


def first(one: Case) -> str:
    return weigh_all(one)[0].cause


def at_restarts(count: int) -> list[int]:
    """Ages in six moments, twelve hours apart."""
    return [HOUR + 12 * HOUR * (n % 6) + n // 6 % 30 for n in range(count)]


def on_kernel(one: Case, release: str, settings: dict[str, str]) -> Case:
    """The case as ``view.view`` would give it on this kernel."""
    features = releases.features(release)
    seen = dataclasses.replace(one.view, features=features, timeouts=timeouts.resolve(settings, features))
    return dataclasses.replace(one, view=seen)


class TestWeighing:
    def test_shared_clues_never_make_a_cause_likely(self) -> None:
        clues = [Clue("what anybody shows", 1, "table", 0.9) for _ in range(5)]
        cause = conclude("slow-path", 0.3, clues)
        assert cause is not None
        assert cause.confidence < LIKELY

    def test_an_own_clue_does(self) -> None:
        cause = conclude("scan", 0.1, [Clue("one sender", 1, "table", 0.6, own=True)])
        assert cause is not None
        assert cause.confidence == 0.64
        assert [reason.what for reason in cause.for_] == ["one sender"]

    def test_what_speaks_against_is_named_and_lowers(self) -> None:
        clues = [Clue("for", 1, "table", 0.8, own=True), Clue("against", 2, "sysctl", -0.5), None]
        cause = conclude("scan", 0.0, clues, ("captures", None))
        assert cause is not None
        assert cause.confidence == 0.4
        assert [reason.value for reason in cause.against] == [2]
        assert cause.missing == ("captures",)

    def test_next_to_nothing_is_no_cause(self) -> None:
        assert conclude("scan", 0.1, [Clue("against", 1, "table", -0.9)]) is None

    @settings(deadline=None)  # a shared machine
    @given(
        st.floats(0, 1),
        st.lists(st.builds(Clue, st.just("x"), st.none(), st.just("y"), st.floats(-1, 1), st.booleans())),
    )
    def test_confidence_is_a_share(self, start: float, clues: list[Clue]) -> None:
        cause = conclude("scan", start, clues)
        assert cause is None or 0 <= cause.confidence <= 1


class TestOneSided:
    def test_three_lines_tell_nothing_apart(self) -> None:
        """The founding lines: slow path, shaping and flood stay possible, none is likely."""
        one = case("one-sided", one_sided(3, idle_s=[68_688, 68_910, 69_092]), taken_at=None, kernel=None)
        found = weigh_all(one)
        assert [cause.cause for cause in found] == ["unknown", "slow-path", "shaping", "syn-flood"]
        assert found[0].confidence > LIKELY > found[1].confidence
        assert any("uname -r" in what for what in found[0].missing)
        assert any("tc -s qdisc" in what for what in found[0].missing)

    def test_a_table_alone_never_proves_a_slow_path(self) -> None:
        one = case("one-sided", one_sided(5000, idle_s=spread_evenly(5000, 4 * DAY)))
        found = ranked(one)
        assert first(one) == "unknown"
        assert 0.3 < found["slow-path"].confidence < LIKELY
        assert found["slow-path"].confidence > found["shaping"].confidence

    def test_no_flood_without_half_open_entries(self) -> None:
        one = case("one-sided", one_sided(5000, idle_s=spread_evenly(5000, 4 * DAY)))
        assert ranked(one)["syn-flood"].against

    def test_long_used_entries_are_living_traffic(self) -> None:
        frame = one_sided(500, idle_s=spread_evenly(500, 200), timeout=300, age_s=range(5000, 5500))
        assert first(case("one-sided", frame)) == "asymmetric-path"

    def test_conversations_are_living_traffic(self) -> None:
        frame = one_sided(500, idle_s=spread_evenly(500, 200), timeout=300, orig_packets=400)
        counted = case("one-sided", frame)
        assert first(counted) == "asymmetric-path"
        assert ranked(counted)["slow-path"].against

    def test_days_of_silence_are_not_living_traffic(self) -> None:
        one = case("one-sided", one_sided(500, idle_s=spread_evenly(500, 4 * DAY, 2 * HOUR)))
        assert "asymmetric-path" not in ranked(one)

    def test_the_client_alone_hints_at_direct_return(self) -> None:
        frame = one_sided(500, idle_s=spread_evenly(500, 200), local_src=False, timeout=300)
        found = ranked(case("one-sided", frame))
        assert list(found)[:2] == ["unknown", "direct-return"]
        assert found["direct-return"].confidence > 0.2
        assert found["slow-path"].against

    def test_more_left_than_the_kernel_gives_was_injected(self) -> None:
        settings = {
            "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "300",
            "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "300",
        }
        frame = one_sided(40, timeout=400_000, origin="injected")
        one = on_kernel(case("one-sided", frame, settings=settings), "6.12.48", settings)
        assert first(one) == "injected"

    def test_entries_that_nothing_ever_passed_for_were_not_made_by_packets(self) -> None:
        """Where the kernel counts; a null is an entry from before it did."""
        settings = {
            "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "300",
            "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "300",
        }

        def asked(orig: int | None, reply: int | None) -> Cause:
            frame = one_sided(40, timeout=400_000, origin="injected", orig_packets=orig, reply_packets=reply)
            return ranked(on_kernel(case("one-sided", frame, settings=settings), "6.12.48", settings))[
                "injected"
            ]

        unmoved, moved, uncounted = asked(0, 0), asked(1, 0), asked(None, None)
        assert unmoved.confidence > 0.85
        assert moved.confidence == uncounted.confidence < unmoved.confidence
        assert any(reason.value == 1.0 and "not even a first" in reason.what for reason in unmoved.for_)

    def test_unread_settings_may_have_been_raised(self) -> None:
        """Days left on a kernel that clamps: injected, or two timeouts that nobody has shown us."""
        one = on_kernel(case("one-sided", one_sided(40, timeout=400_000)), "6.12.48", {})
        found = ranked(one)
        assert first(one) == "unknown"
        assert 0 < found["injected"].confidence < LIKELY
        assert any("unacknowledged" in what for what in found["injected"].missing)

    def test_old_kernels_give_days_by_themselves(self) -> None:
        one = on_kernel(case("one-sided", one_sided(40, timeout=400_000)), "2.6.32-042stab092.1", {})
        assert "injected" not in ranked(one)

    def test_pick_ups_in_one_moment_are_a_flush(self) -> None:
        ages = [20 * HOUR + n % 50 for n in range(2000)]
        frame = one_sided(2000, idle_s=ages, origin="pick-up")
        assert first(case("one-sided", frame)) == "table-flush"

    @pytest.mark.parametrize(("others", "likelier"), [("pick-up", True), ("handshake", False)])
    def test_what_lives_on_beside_them_was_picked_up_by_a_flush_as_well(
        self, others: str, *, likelier: bool
    ) -> None:
        pick_ups = one_sided(40, idle_s=[100] * 40, origin="pick-up")
        frame = pl.concat([pick_ups, rows(60, idle_s=[1] * 60, origin=others)])
        alone = case("one-sided", pick_ups)
        whole = view(frame)
        part = MarkedRows.of(frame, frame["one_sided"])
        beside = dataclasses.replace(alone, view=whole, rows=part)
        before = weighed_flush(alone)
        assert (weighed_flush(beside) > before + 0.1) is likelier
        assert weighed_flush(beside) >= before

    def test_a_clock_that_runs_from_before_the_boot_tells_no_flush(self) -> None:
        one = case("one-sided", one_sided(2000, idle_s=[20 * HOUR] * 2000, origin="pick-up"))
        booted = dataclasses.replace(one.view.evidence, up_s=HOUR)
        raised = dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=booted))
        assert first(raised) != "table-flush"

    def test_pick_ups_all_the_time_are_not(self) -> None:
        frame = one_sided(2000, idle_s=spread_evenly(2000, 4 * DAY), origin="pick-up")
        found = ranked(case("one-sided", frame))
        assert "table-flush" not in found or found["table-flush"].confidence < 0.2


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

    def test_idle_peers_by_the_thousand_have_vanished(self) -> None:
        one = case("idle-established", rows(5000, idle_s=spread_evenly(5000, 4 * DAY, 2 * HOUR)))
        assert first(one) == "vanished-peer"

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


class TestUnfinished:
    def test_many_senders_at_one_service_are_a_flood(self) -> None:
        frame = rows(
            2000,
            state=uapi.TCP_CONNTRACK_SYN_RECV,
            status=uapi.IPS_SEEN_REPLY,
            idle_s=spread_evenly(2000, 60),
        )
        one = case("half-open", frame, settings={"net.ipv4.tcp_syncookies": "0"})
        assert first(one) == "syn-flood"
        assert any("SYN cookies are off" in reason.what for reason in ranked(one)["syn-flood"].for_)

    def test_an_unanswering_service_may_be_dead(self) -> None:
        """Many senders and no answer at all: a dead service shows that too."""
        answered = rows(
            2000, state=uapi.TCP_CONNTRACK_SYN_RECV, status=uapi.IPS_SEEN_REPLY, idle_s=[1] * 2000
        )
        silent = rows(2000, state=uapi.TCP_CONNTRACK_SYN_SENT, status=0, idle_s=[1] * 2000)
        flood, dead = (ranked(case("half-open", frame))["syn-flood"] for frame in (answered, silent))
        assert dead.confidence < LIKELY < flood.confidence

    @pytest.mark.parametrize("symptom", ["half-open", "unreplied-udp"])
    def test_one_sender_at_many_ports_is_a_scan(self, symptom: str) -> None:
        frame = rows(
            500,
            state=uapi.TCP_CONNTRACK_SYN_SENT,
            status=0,
            peer_lo=V4 + 0xC6336407,
            orig_dport=range(1, 501),
            idle_s=spread_evenly(500, 100),
        )
        assert first(case(symptom, frame)) == "scan"

    def test_one_client_of_one_dead_service_is_no_scan(self) -> None:
        frame = rows(500, state=1, status=0, peer_lo=V4 + 7, idle_s=spread_evenly(500, 100))
        found = ranked(case("half-open", frame))
        assert "scan" not in found or found["scan"].confidence < LIKELY


class TestHalfClosed:
    SETTING = "net.netfilter.nf_conntrack_tcp_timeout_close_wait"

    def waiting(self, left: int, **settings: str) -> Case:
        frame = rows(200, state=uapi.TCP_CONNTRACK_CLOSE_WAIT, idle_s=[3600 - left] * 200, timeout=left)
        return case("half-closed", frame, settings=settings)

    def test_a_raised_timeout_is_why(self) -> None:
        one = self.waiting(2938, **{self.SETTING: "3600"})
        cause = ranked(one)["long-close-wait"]
        assert first(one) == "long-close-wait"
        assert cause.confidence > 0.9
        assert any(reason.source == f"sysctl {self.SETTING}" for reason in cause.for_)

    def test_its_traces_are_enough(self) -> None:
        one = self.waiting(2938)
        assert first(one) == "long-close-wait"
        assert ranked(one)["long-close-wait"].missing == (f"sysctl {self.SETTING}",)

    def test_more_left_than_the_setting_gives_proves_that_it_was_higher(self) -> None:
        one = self.waiting(2938, **{self.SETTING: "60"})
        cause = ranked(one)["long-close-wait"]
        assert first(one) == "long-close-wait"
        assert any("not raised any more" in reason.what for reason in cause.for_)

    def test_kube_proxy_is_named(self) -> None:
        one = self.waiting(2938)
        evidence = dataclasses.replace(one.view.evidence, firewall=Firewall(managers=("kube-proxy",)))
        managed = dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence))
        values = [reason.value for reason in ranked(managed)["long-close-wait"].for_]
        assert "kube-proxy" in values

    def test_the_default_is_not(self) -> None:
        assert "long-close-wait" not in ranked(self.waiting(30, **{self.SETTING: "60"}))


def test_nothing_has_no_cause() -> None:
    assert weigh_all(case("one-sided", one_sided(0))) == ()


@pytest.mark.parametrize(
    "symptom",
    ["one-sided", "orphaned", "idle-established", "half-open", "half-closed", "unreplied-udp", "stale-nat"],
)
def test_rows_of_which_nothing_is_known_are_weighed_all_the_same(symptom: str) -> None:
    """A masked text without times, sides or flags."""
    nothing = dict.fromkeys(
        ("state", "timeout", "side", "service", "orig_sport", "orig_dport", "idle_s", "peer_hi", "peer_lo")
    )
    frame = rows(30, **nothing)
    for source in ("live", "dump"):
        found = weigh_all(case(symptom, frame, source=source, limit=None, kernel=None, taken_at=None))
        assert found
        assert all(0 <= cause.confidence <= 1 for cause in found)


def test_a_cause_is_named_once_and_from_the_published_list() -> None:
    published = {
        "slow-path", "syn-flood", "shaping", "asymmetric-path", "direct-return", "table-flush",
        "vanished-peer", "owner-removed", "injected", "idle-pool", "long-close-wait", "scan", "unknown",
    }  # fmt: skip
    modules = [weigh.__module__.rpartition(".")[2].replace("_", "-") for weigh in CAUSES]
    assert len(set(modules)) == len(modules)
    assert set(modules) | {"unknown"} == published


@pytest.mark.parametrize("seed", range(5))
def test_unknown_leads_exactly_where_nothing_is_likely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for symptom in ("one-sided", "orphaned", "idle-established", "half-open"):
        count = int(rng.integers(1, 400))
        frame = rows(count, idle_s=rng.integers(0, FIVE_DAYS, count).tolist())
        found = weigh_all(case(symptom, frame))
        likely = any(cause.confidence >= LIKELY for cause in found if cause.cause != "unknown")
        assert (found[0].cause == "unknown") is not likely
        others = [cause.confidence for cause in found if cause.cause != "unknown"]
        assert others == sorted(others, reverse=True)
