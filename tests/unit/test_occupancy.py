"""A table in numbers: what fills it and what would give way."""

from __future__ import annotations

import pytest

from halftrack.diagnosis.occupancy import fullness, summary
from halftrack.diagnosis.view import view
from halftrack.evidence.values import Counters, Evidence, Namespace, Owner, Table
from unit.flowrows import evidence, one_sided, row, table, udp


def summarise(*rows: object, kernel: str | None = "6.12.48", **fields: object):  # noqa: ANN201  # a struct
    one = table(*rows, **fields)
    return summary(view(one, evidence(one, kernel=kernel)))


def test_entries_by_protocol_and_state() -> None:
    counted = summarise(
        row(), row(state="TIME_WAIT"), row(state="TIME_WAIT"), one_sided(), udp(), row(proto=99)
    )
    assert counted.by_protocol == {"tcp": 4, "udp": 1, "99": 1}
    assert list(counted.by_protocol) == ["tcp", "udp", "99"]
    assert counted.by_state == {"ESTABLISHED": 2, "TIME_WAIT": 2}
    assert counted.one_sided == 1
    assert counted.read


def test_what_is_not_assured_gives_way() -> None:
    counted = summarise(row(), udp(), one_sided(), row(status=["seen-reply", "confirmed"]), limit=10)
    assert counted.reclaimable == 3
    assert counted.effective_entries == 1
    assert fullness(counted).raw == 0.4
    assert fullness(counted).effective == 0.1


@pytest.mark.parametrize(
    ("kernel", "reclaimable"), [("6.12.48", 5), ("4.18.0-394.el8", 5), ("3.10.0-1160.el7", 0), (None, 0)]
)
def test_closing_entries_give_way_since_4_12(kernel: str | None, reclaimable: int) -> None:
    """FIN_WAIT to CLOSE; an unknown kernel is not taken for one that does so."""
    states = ("ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE")
    assert summarise(*(row(state=state) for state in states), kernel=kernel).reclaimable == reclaimable


def test_offloaded_entries_never_give_way() -> None:
    assert summarise(row(status=["confirmed", "seen-reply", "offload"], left=None)).reclaimable == 0


def test_expired_entries_are_not_effective() -> None:
    counted = summarise(row(), row(), count=10, expired=8, limit=10)
    assert counted.entries == 10
    assert counted.expired == 8
    assert counted.effective_entries == 2


def test_counters_wrap() -> None:
    """32-bit counters that ran over between two readings."""
    before = Counters(10.0, {"drop": 2**32 - 3, "early_drop": 5, "insert_failed": 1, "invalid": 7})
    after = Counters(20.4, {"drop": 4, "early_drop": 51, "insert_failed": 1, "invalid": 9})
    counted = summarise(row(), counters=(before, after))
    assert (counted.dropped, counted.dropped_early, counted.insert_failed, counted.invalid) == (7, 46, 0, 2)
    assert counted.counters_over_s == 10
    assert (counted.dropped_total, counted.dropped_early_total, counted.insert_failed_total) == (4, 51, 1)


def test_one_reading_tells_totals_only() -> None:
    counted = summarise(row(), counters=(Counters(10.0, {"drop": 3}),))
    assert counted.dropped is None
    assert counted.counters_over_s is None
    assert counted.dropped_total == 3
    assert counted.insert_failed_total is None


def test_a_table_that_was_not_read_has_its_count() -> None:
    one = Table(Namespace("web-1", owner=Owner("web-1", "101", "openvz")), count=12, limit=0)
    counted = summary(view(one, Evidence("node17", "live", tables=(one,))))
    assert (counted.entries, counted.unlimited, counted.read) == (12, True, False)
    assert counted.reclaimable is None
    assert counted.effective_entries is None
    assert counted.one_sided is None
    assert counted.owner is not None
    assert counted.owner.name == "web-1"
    assert fullness(counted).raw is None


def test_an_empty_table_is_known_to_be_empty() -> None:
    counted = summarise(limit=100)
    assert (counted.entries, counted.reclaimable, counted.one_sided) == (0, 0, 0)
    assert fullness(counted).raw == 0
