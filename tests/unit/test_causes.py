"""All causes together: what is weighed, named and put in order."""

from __future__ import annotations

import numpy as np
import pytest

from halftrack.diagnosis.causes import CAUSES, weigh_all
from halftrack.diagnosis.causes.weighing import LIKELY
from unit.caserows import FIVE_DAYS, case, one_sided, rows


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
