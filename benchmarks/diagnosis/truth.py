"""What counts as right and what as wrong, and the four figures made of it.

- A diagnosis *names first* the first cause of its first finding that has causes, as the screen has it.
  Findings whose likeliest cause is ``idle-pool`` are set aside where a pool was there: they are right, and
  benign. ``nothing`` where no finding is left.
- A run of one trouble is *right* where its cause is named first. Of two troubles at once each has to be
  among the first three of all causes of the diagnosis, each with its highest confidence, likeliest first;
  ``unknown`` takes a place there.
- *Wrong* is every cause other than ``unknown`` that any finding gives more than 0.5 and that is neither a
  truth of the run nor true along with it (``ALSO``). A run counts once, however often it is wrong.
- A scenario whose truth is ``unknown`` is one whose making no cause of the doctor's describes: there any
  cause above 0.5 is wrong, and ``unknown`` is right.
- A node that is well is *left in peace* where the diagnosis says ok: no finding is more than information.
  Whatever it names above 0.5 there, ``idle-pool`` apart, is wrong as well.

Runs whose scenario did not come about count nowhere and are told by themselves. Where the doctor says that it
has not seen all because the time was up, it looks again, as its reader would, up to three times. Where it
still says so the run counts, and how many these are is told; a measurement that goes on plays them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.diagnosis import healthy

if TYPE_CHECKING:
    from benchmarks.diagnosis.record import Record

NOTHING: Final = "nothing"
UNKNOWN: Final = "unknown"
_BENIGN: Final = "idle-pool"
_TOP: Final = 3
_LIKELY: Final = 0.5

ALSO: Final[dict[str, frozenset[str]]] = {
    # A server that answers past this node is one direction that takes another way.
    "direct-return": frozenset({"asymmetric-path"}),
}
"""What is true along with a cause, and no mistake."""


def first(record: Record) -> str:
    """What the diagnosis names first."""
    for finding in record.findings:
        if finding.causes and not (_pooled(record) and finding.causes[0][0] == _BENIGN):
            return finding.causes[0][0]
    return NOTHING


def right(record: Record) -> bool:
    """Its cause is named first, of two one of them; where there is none, nothing is."""
    return first(record) in (record.truths or (NOTHING,))


def ranking(record: Record) -> list[str]:
    """All causes of a diagnosis, likeliest first."""
    best: dict[str, float] = {}
    for finding in record.findings:
        for cause, confidence in finding.causes:
            best[cause] = max(best.get(cause, 0.0), confidence)
    return sorted(best, key=lambda cause: (-best[cause], cause))


def both(record: Record) -> bool:
    """Of a run of two troubles: each of them is among the first three."""
    return set(record.truths) <= set(ranking(record)[:_TOP])


def wrong(record: Record) -> set[str]:
    """What is thought likely and is not so."""
    true = set(record.truths) | {UNKNOWN}
    for cause in record.truths:
        true |= ALSO.get(cause, frozenset())
    if _pooled(record):
        true.add(_BENIGN)
    return {
        cause
        for finding in record.findings
        for cause, confidence in finding.causes
        if confidence > _LIKELY and cause not in true
    }


def in_peace(record: Record) -> bool:
    """Of a node that is well: no finding is more than information."""
    return record.severity == "ok"


def _pooled(record: Record) -> bool:
    return record.situation.scenarios[0] in healthy.POOLED
