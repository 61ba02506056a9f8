"""The page "How the kernel tracks TCP": every claim is proven by the model, and every proof is claimed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from halftrack.tcp import differences, profiles
from halftrack.tcp.profiles import PRESENT, Profile
from halftrack.tcp.segments import Segment
from halftrack.tcp.table import BEFORE_3_18, MODERN
from halftrack.tcp.tracker import Tracker
from kernel.campaigns import STEADY
from kernel.crafting import Crafter
from tracking.page import CLAIMS, MODEL_ONLY, named, unproven
from tracking.talk import Talk

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection
    from halftrack.tcp.table import Table
    from kernel.crafting import Made

_CLIENT, _SERVER = "client", "server"
_FIELDS = {field.name for field in dataclasses.fields(Profile) if field.type == "bool"}


def _of_kernels() -> set[str]:
    fields = {f"kernel-{field.replace('_', '-')}" for field in differences.WORDS}
    tables = {f"kernel-transitions-{having[0].name.replace('.', '-')}" for having, _ in differences.tables()}
    return fields | tables


def test_every_statement_names_its_proof() -> None:
    assert unproven() == []


def test_what_is_claimed_is_tested_and_what_is_tested_is_claimed() -> None:
    assert named() == CLAIMS.keys() | _of_kernels()
    assert CLAIMS.keys() > MODEL_ONLY


def test_every_difference_between_kernels_is_told() -> None:
    assert differences.WORDS.keys() == _FIELDS
    for field in differences.WORDS:
        having, lacking = differences.holders(field)
        assert having
        assert lacking
        assert len(having) + len(lacking) == len(profiles.ALL)


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_the_model_does_what_the_page_claims(name: str) -> None:
    CLAIMS[name](Talk())


@pytest.mark.parametrize("field", sorted(_FIELDS - {"udp_waits", "rst_unacknowledged"}))
def test_each_difference_shows_in_some_packets(field: str) -> None:
    other = dataclasses.replace(PRESENT, **{field: not getattr(PRESENT, field)})
    assert _told_apart(PRESENT, other)


@pytest.mark.parametrize("table", [each for _, each in differences.tables()])
def test_other_transitions_show_in_some_packets(table: Table) -> None:
    assert differences.transitions(table)
    assert _told_apart(PRESENT, dataclasses.replace(PRESENT, table=table))


def test_transitions_are_told_by_their_cells() -> None:
    assert differences.transitions(BEFORE_3_18) == ["SYN of the other end in TIME_WAIT: invalid"]
    assert differences.transitions(MODERN) == []


def test_a_rst_that_does_not_close_shows_in_some_packets() -> None:
    """Where a RST brings the timeout of CLOSE in any case, nothing is left for that rule."""
    without = dataclasses.replace(profiles.LATE_6_12, rst_unacknowledged=False)
    assert _told_apart(profiles.LATE_6_12, without)


def test_udp_that_waits_is_told_apart() -> None:
    given = []
    for profile in (PRESENT, dataclasses.replace(PRESENT, udp_waits=False)):
        talk = Talk(profile)
        talk.begin()
        talk.other("udp", "client")
        talk.other("udp", "server")
        given.append(talk.other("udp", "client").given)
    assert given == [30, 120]


def _told_apart(one: Profile, other: Profile, packets: int = 60_000) -> bool:
    """Whether two kernels differ about any of many random packets near what a connection remembers."""
    crafter = Crafter(7)
    while packets > 0:
        trackers = [Tracker(profile, STEADY) for profile in (one, other)]
        last, repeated = None, False
        for place in range(40):
            packets -= 1
            entry = trackers[0].connection(_CLIENT, _SERVER)
            made = crafter.next(entry, _CLIENT, last, repeated=repeated)
            repeated, last = made is last, made
            ends = (_CLIENT, _SERVER) if made.by_client else (_SERVER, _CLIENT)
            steps = [tracker.tcp(float(place), *ends, _segment(made)) for tracker in trackers]
            entries = [tracker.connection(_CLIENT, _SERVER) for tracker in trackers]
            if steps[0] != steps[1] or _shown(entries[0]) != _shown(entries[1]):
                return True
    return False


def _segment(made: Made) -> Segment:
    return Segment(made.flags, made.seq, made.ack, made.window, made.length, options=made.options)


def _shown(entry: Connection | None) -> tuple[object, ...]:
    if entry is None:
        return ()
    return entry.state, entry.status, entry.deadline, entry.original.flags, entry.reply.flags
