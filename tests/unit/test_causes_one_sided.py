"""What a table of one-sided entries alone can say about why, and how sure it is of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack.diagnosis.causes import weigh_all
from halftrack.diagnosis.document import LIKELY
from halftrack.diagnosis.rows import MarkedRows
from unit.caserows import case, on_kernel, one_sided, rows, spread_evenly, view
from unit.causecases import first, ranked

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause


HOUR, DAY = 3600, 86_400


def weighed_flush(one: Case) -> float:
    return ranked(one)["table-flush"].confidence


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

        def asked(packets: int | None) -> Cause:
            frame = one_sided(40, timeout=400_000, origin="injected", orig_packets=packets)
            return ranked(on_kernel(case("one-sided", frame, settings=settings), "6.12.48", settings))[
                "injected"
            ]

        unmoved, moved, uncounted = asked(0), asked(1), asked(None)
        assert unmoved.confidence > 0.85
        assert moved.confidence == uncounted.confidence < unmoved.confidence
        assert any(reason.value == 1.0 and "not even a first" in reason.what for reason in unmoved.for_)

    def test_on_a_kernel_that_gives_days_only_missing_packets_tell(self) -> None:
        def asked(packets: int) -> dict[str, Cause]:
            frame = one_sided(40, timeout=400_000, orig_packets=packets)
            return ranked(on_kernel(case("one-sided", frame), "2.6.32-042stab092.1", {}))

        assert next(iter(asked(0))) == "injected"
        assert "injected" not in asked(1)

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
