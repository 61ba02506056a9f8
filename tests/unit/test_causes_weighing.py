"""How clues become a confidence."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis.causes.weighing import Clue, conclude
from halftrack.diagnosis.document import LIKELY


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
