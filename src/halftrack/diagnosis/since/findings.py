"""What is wrong, then and now: findings new, gone, greater and smaller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis.since.document import SinceFinding
from halftrack.diagnosis.since.known import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from halftrack.diagnosis.document import Diagnosis, Finding
    from halftrack.diagnosis.since.document import Course
    from halftrack.diagnosis.since.measured import Measured
    from halftrack.diagnosis.since.tables import Compared

_MORE: Final = ("new", "greater", "same")
_LESS: Final = ("gone", "smaller", "same")


@dataclass(frozen=True, slots=True)
class Both:
    """A finding then and now; one of them may be None. ``netns``: as it is called now."""

    then: Finding | None
    now: Finding | None
    netns: str | None


def findings(
    then: Diagnosis,
    now: Sequence[Finding],
    names: Mapping[str, str],
    compared: Mapping[str, Compared],
    measured: Mapping[str, Measured],
) -> tuple[SinceFinding, ...]:
    """Those of now in their order, then those that are gone.

    ``names``: what a namespace of then is called now. ``compared`` and ``measured``: by namespace.
    """
    return tuple(_finding(each, compared, measured) for each in _both(then.findings, now, names))


def _both(then: Sequence[Finding], now: Sequence[Finding], names: Mapping[str, str]) -> Iterator[Both]:
    """A symptom has one finding in a table at most; what it is called goes by its largest group."""
    spaces = set(names.values())
    left = {_key(each, names, spaces): each for each in then}
    for finding in now:
        key = _key(finding, {}, spaces)
        yield Both(left.pop(key, None), finding, key[1])
    for key, finding in left.items():
        yield Both(finding, None, key[1])


def _key(finding: Finding, names: Mapping[str, str], spaces: set[str]) -> tuple[str, str | None]:
    netns = names.get(finding.netns, finding.netns)
    return finding.symptom, netns if finding.groups or netns in spaces else None


def _finding(both: Both, compared: Mapping[str, Compared], measured: Mapping[str, Measured]) -> SinceFinding:
    then, now = both.then, both.now
    shown = now or then
    assert shown is not None  # noqa: S101  # one of them is there
    before, after = (0 if each is None else each.entries for each in (then, now))
    of_entries = compared.get(both.netns or "") if shown.symptom in NUMBERS else None
    counts = _counts(of_entries, NUMBERS[shown.symptom]) if of_entries else {}
    pace = measured.get(both.netns or "")
    return SinceFinding(
        id=shown.id,
        symptom=shown.symptom,
        netns=both.netns,
        course=_course(then, now, of_entries),
        title=shown.title,
        severity_before=None if then is None else then.severity,
        severity_now=None if now is None else now.severity,
        before=before,
        now=after,
        per_minute=pace.per_minute(shown.symptom) if pace and of_entries else None,
        **counts,
    )


def _counts(of: Compared, number: int) -> dict[str, int]:
    """The entries of one symptom by what became of them; they add up to its entries of now, and of then."""
    now, then = of.now.case == number, of.then.case == number
    was, became = of.case_then(), of.case_now()
    stayed = _number(now & (was == number))
    new, joined = _number(now & of.new), _number(now & of.stayed_now & (was != number))
    left, released = _number(then & of.left), _number(then & of.stayed_then & (became != number))
    return {
        "new": new,
        "joined": joined,
        "stayed": stayed,
        "released": released,
        "left": left,
        "unseen_before": _number(now) - stayed - new - joined,
        "unseen_now": _number(then) - stayed - released - left,
    }


def _course(then: Finding | None, now: Finding | None, of: Compared | None) -> Course:
    """What one moment shows only in part may have been more of it."""
    before, after = (0 if each is None else each.entries for each in (then, now))
    if then is None or now is None or before == after:
        found: Course = "new" if then is None else "gone" if now is None else "same"
    else:
        found = "greater" if after > before else "smaller"
    if of is not None:
        doubtful = (not of.then.whole and found in _MORE) or (not of.now.whole and found in _LESS)
        return "unclear" if doubtful else found
    return found


def _number(rows: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(rows))
