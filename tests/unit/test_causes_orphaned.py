"""One-sided entries whose owner has no socket for them: orphaned, and of the same making."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halftrack.diagnosis.causes import weigh_all
from unit.caserows import case, one_sided, rows
from unit.causecases import (
    IDLE,
    SLOW,
    against,
    first,
    shaped,
    sockets,
    tbf,
    weighed,
)

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case


class TestNobodyLeftForThem:
    """One-sided entries whose owner has no socket for them: orphaned, and of the same making."""

    def orphaned(self, **table: Any) -> Case:
        return case("orphaned", one_sided(500, idle_s=IDLE), **table)

    def test_a_slow_way_leaves_them(self) -> None:
        one = self.orphaned(tcp=sockets(**SLOW))
        assert first(one) == "slow-path"

    def test_a_shaper_leaves_them(self) -> None:
        assert first(self.orphaned(shaping=shaped(tbf(backlog=60_000, drops=9)))) == "shaping"

    def test_their_peers_did_not_vanish(self) -> None:
        """Whoever never answered was not there to vanish."""
        assert first(self.orphaned()) == "unknown"
        found = weighed(self.orphaned(), "vanished-peer")
        assert "nobody was there to vanish" in against(found)
        assert any("tc -s qdisc" in what for what in weighed(self.orphaned(), "unknown").missing)

    def test_answered_ones_are_of_another_making(self) -> None:
        found = {cause.cause for cause in weigh_all(case("orphaned", rows(500, idle_s=IDLE)))}
        assert found.isdisjoint({"slow-path", "shaping"})
