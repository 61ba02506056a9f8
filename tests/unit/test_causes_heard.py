"""What was heard while somebody listened, weighed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halftrack.diagnosis.document import LIKELY
from halftrack.evidence import flows
from halftrack.evidence.events import Events
from halftrack.evidence.flows import FlowTable
from unit.caserows import V4, case, one_sided
from unit.causecases import (
    against,
    first,
    told,
    trouble,
    weighed,
)

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case


class TestHeard:
    """What was heard while somebody listened."""

    def listened(self, count: int, **rows_of: Any) -> Events:
        kept = one_sided(count, origin="pick-up", **rows_of).select(flows.SCHEMA.keys())
        return Events(30.0, new=count, picked_up=count, destroyed=0, peak_per_s=1.0, pick_ups=FlowTable(kept))

    def at_once(self, **table: Any) -> Case:
        return case("one-sided", one_sided(500, idle_s=[7_000] * 500, origin="pick-up"), **table)

    def test_pick_ups_that_go_on_are_no_flush(self) -> None:
        assert first(self.at_once()) == "table-flush"
        found = weighed(self.at_once(events=self.listened(40)), "table-flush")
        assert "in mid-stream within 30 s" in against(found)
        assert found.confidence < LIKELY

    def test_they_fit_a_slow_way_and_a_shaper_alike(self) -> None:
        one = trouble(events=self.listened(40))
        for cause in ("slow-path", "shaping"):
            assert 40 in [reason.value for reason in weighed(one, cause).for_]
            assert weighed(one, cause).confidence < LIKELY

    def test_those_of_others_do_not_count(self) -> None:
        others = (self.listened(40, orig_sport=443), self.listened(40, local_lo=V4 + 5), self.listened(2))
        for events in others:
            assert "in mid-stream within" not in told(weighed(trouble(events=events), "slow-path"))
