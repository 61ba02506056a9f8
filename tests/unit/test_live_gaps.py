"""What the examination of a live node states as unseen."""

from __future__ import annotations

from halftrack.evidence.rulesets import Ruleset
from halftrack.evidence.values import Namespace
from halftrack.live import gaps
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
