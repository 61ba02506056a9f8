"""What the examination of a live node states as unseen."""

from __future__ import annotations

from halftrack.evidence.rulesets import Ruleset
from halftrack.evidence.values import Namespace
from halftrack.live import depth, gaps, hearing
from halftrack.live.place import Place


def test_rules_that_did_not_come_in_time_are_missed() -> None:
    """They were wanted since connected sockets lack their entries there."""
    late, read, gone = (Place(Namespace(name)) for name in ("late", "read", "gone"))
    read.rules = Ruleset()
    gone.vanished = True

    [gap] = gaps.of_rules([late, read, gone])

    assert gap.what == "what the rules of late do with packets of sockets that have no entry"
    assert (gap.why, gap.would_tell, gap.netns) == (
        "the time was up before they were listed",
        ("forgotten",),
        "late",
    )


def test_of_what_ended_midway_it_is_said_that_it_ended() -> None:
    gone = Place(Namespace("gone", inode=1, path="/nowhere/gone"), wanted=True)

    depth.read([gone], None)
    missed = [*gaps.of([gone], in_container=False), *hearing.hear([gone], 0.0, None)]

    told = {gap.what: gap.why for gap in missed if gap.what.endswith("of gone")}
    assert told == dict.fromkeys(
        ("round-trip times of the sockets of gone", "events of gone"), "it ended during the examination"
    )
