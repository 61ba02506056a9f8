"""Causes on more than the table, whatever of it is there."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from halftrack.diagnosis import gaps
from halftrack.diagnosis.causes import weigh_all
from halftrack.evidence.shaping import Interface, Queue, Shaping
from halftrack.evidence.tcp_sockets import SCHEMA, TcpSockets
from halftrack.evidence.values import Gap
from unit.caserows import case, one_sided, rows
from unit.causecases import (
    stack,
    trouble,
)


@pytest.mark.parametrize("symptom", ["one-sided", "half-open", "orphaned", "unreplied-udp"])
def test_nothing_in_what_was_read_is_weighed_all_the_same(symptom: str) -> None:
    """Empty sockets, queues without counters, counters without names."""
    empty = TcpSockets(pl.DataFrame(schema=dict(SCHEMA)), whole=False)
    bare = Shaping(
        0.0, (Interface(1, "lo"),), (Queue(1, "", "0:", "root", rate=1), Queue(5, "x", "1:", "2:"))
    )
    for frame in (rows(30), one_sided(30), rows(30, side=None, service=None, orig_sport=None)):
        for readings in ((), stack({}), stack({}, {})):
            one = case(symptom, frame, tcp=empty, shaping=(bare, bare), stack=readings)
            assert all(0 <= cause.confidence <= 1 for cause in weigh_all(one))


def test_what_would_only_have_told_why_hides_nothing() -> None:
    """A gap of that kind keeps nobody from saying that all was seen; any other does."""
    seen = trouble(sockets=None).view.evidence
    why = Gap("queues of host", "not told", would_tell=("shaping", "slow-path"))
    whether = Gap("entries of host", "not permitted", would_tell=("one-sided", "slow-path"))
    assert gaps.complete(dataclasses.replace(seen, gaps=(why,)), (why,))
    assert not gaps.complete(dataclasses.replace(seen, gaps=(whether,)), (whether,))
