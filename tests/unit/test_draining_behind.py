"""Work behind: one piece at a time, in order, and nothing that went wrong is lost."""

from __future__ import annotations

import threading

import pytest

from halftrack.changes.drain.behind import Behind
from halftrack.draining.outcome import Outcome


def test_pieces_are_done_one_by_one_and_what_they_came_to_is_handed_on_in_order() -> None:
    taken: list[int] = []
    at_work = threading.Lock()

    def work(number: int) -> int:
        assert at_work.acquire(blocking=False)
        at_work.release()
        return number

    with Behind(taken.append) as behind:
        for number in range(50):
            behind.do(lambda number=number: work(number))
            assert taken == list(range(number))
    assert taken == list(range(50))


def test_what_goes_wrong_is_raised_by_the_next_and_nothing_more_is_begun() -> None:
    begun: list[int] = []

    def fail() -> int:
        raise OSError(28, "no space")

    with Behind(begun.append) as behind:
        behind.do(fail)
        with pytest.raises(OSError, match="no space"):
            behind.do(lambda: 1)
        behind.wait()
    assert begun == []


def test_what_is_under_way_is_waited_for_when_something_else_goes_wrong() -> None:
    taken: list[int] = []
    gate = threading.Event()

    def late() -> int:
        gate.wait(10)
        return 7

    def stop() -> None:
        with Behind(taken.append) as behind:
            behind.do(late)
            threading.Timer(0.05, gate.set).start()
            raise KeyError

    with pytest.raises(KeyError):
        stop()
    assert taken == [7]


def test_counts_add_up() -> None:
    whole = Outcome(not_reached=10, retimed=1, reasons={"busy": 1})
    whole.add(Outcome(not_reached=-4, retimed=2, spoke=1, refused=1, reasons={"busy": 1, "no": 3}))
    assert (whole.not_reached, whole.retimed, whole.spoke, whole.refused) == (6, 3, 1, 1)
    assert whole.reasons == {"busy": 2, "no": 3}
    assert Outcome().reasons == {}
