"""Diagnosis: what is wrong, concluded from evidence alone.

Importing this package loads neither numpy nor polars: the filter language is needed before them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case, Examined
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.diagnosis.examination import Settle
    from halftrack.diagnosis.since.comparing import Earlier
    from halftrack.evidence.values import Evidence

_WAYS: Final = ("orig", "reply")
COLUMNS: Final = frozenset(
    {
        "family",
        "l4proto",
        "state",
        "status",
        "timeout",
        *(f"{way}_{end}_{half}" for way in _WAYS for end in ("src", "dst") for half in ("hi", "lo")),
        *(f"{way}_{end}" for way in _WAYS for end in ("sport", "dport")),
        "orig_packets",
        "start_ns",
        "delta_time",
        "helper",
        *(f"tcp_{what}_{way}" for what in ("flags", "wscale") for way in _WAYS),
    }
)
"""Columns of the flow table that anything here or in the remedies looks at."""


def diagnose(evidence: Evidence) -> Diagnosis:
    """The diagnosis of a node; its remedies are left empty."""
    return examine(evidence).diagnosis


def examine(evidence: Evidence, earlier: Earlier | None = None, settle: Settle | None = None) -> Examined:
    """The diagnosis and its cases, for who goes on with them: nothing is worked out twice.

    ``earlier``: moments of the same node before this one; growth is then measured. ``settle`` goes on with
    the findings of each table by itself: no cases are kept then, but for those of the one in hand.
    """
    from halftrack.diagnosis import examination  # noqa: PLC0415  # loads polars

    return examination.examine(evidence, earlier, settle)


def cases(evidence: Evidence) -> tuple[Case, ...]:
    """The symptoms that entries show, table by table, each with its rows.

    A row is in one case at most.
    """
    from halftrack.diagnosis import examination  # noqa: PLC0415  # loads polars

    return examination.cases(evidence)
