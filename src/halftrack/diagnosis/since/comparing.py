"""The moments of one node together: what is compared with what, and the document's part of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.since import changes
from halftrack.diagnosis.since import findings as both
from halftrack.diagnosis.since import moments as lying
from halftrack.diagnosis.since import tables as summed
from halftrack.diagnosis.since.document import Since, SinceMoment
from halftrack.diagnosis.since.measured import Measured, measured
from halftrack.diagnosis.since.moments import named
from halftrack.diagnosis.since.tables import Compared
from halftrack.diagnosis.verdict import main_table
from halftrack.diagnosis.view import gives_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.diagnosis.since.document import Order, SinceTable
    from halftrack.diagnosis.since.known import Known
    from halftrack.diagnosis.since.moments import Moment
    from halftrack.evidence.values import Evidence, Table

_STAND_INS: Final = "Addresses are stand-ins: entries are the same only if both were made with one map."
_FEWEST: Final = 20


@dataclass(frozen=True, slots=True)
class Earlier:
    """``moments``: oldest first, at least one. ``order``, ``seconds``: as in ``Since``."""

    moments: tuple[Moment, ...]
    order: Order
    seconds: int | None

    @property
    def first(self) -> Moment:
        return self.moments[0]


@dataclass(frozen=True, slots=True)
class Watched:
    """A table of now beside its oldest moment. ``measured`` None: no pace can be told."""

    netns: str
    known: Known
    compared: Compared | None
    measured: Measured | None = None


def watched(
    earlier: Earlier,
    evidence: Evidence,
    table: Table,
    cases: Sequence[Case],
    lifetimes: Mapping[str, int | None],
) -> Watched:
    """A table of now, the entries of which were read. ``lifetimes``: see ``measured.measured``."""
    known = lying.known(evidence, table, cases)
    was = _counterpart(earlier.first.evidence, evidence, table)
    then = earlier.first.tables.get(was) if was is not None else None
    if was is None or then is None:
        return Watched(table.netns, known, None)
    compared = Compared.of(table.netns, was, then, known, earlier.seconds)
    pace = None if earlier.seconds is None else measured(compared, earlier.seconds, lifetimes)
    return Watched(table.netns, known, compared, pace)


def gave_s(earlier: Earlier, evidence: Evidence, table: Table) -> int | None:
    """Seconds that a packet gave a one-sided entry of this table at the moment that gave most, where that is
    more than today; None: it is not, or is not known.
    """
    given = []
    for moment in earlier.moments:
        was = _counterpart(moment.evidence, evidence, table)
        given += [gives_s(each, moment.evidence) for each in moment.evidence.tables if each.netns == was]
    most, now = max((one for one in given if one is not None), default=None), gives_s(table, evidence)
    return most if most is not None and now is not None and most > now else None


def _counterpart(then: Evidence, now: Evidence, table: Table) -> str | None:
    """What the namespace of a table of now was called then; a text names none, so that its table is the
    node's.
    """
    names = {each.netns for each in then.tables}
    if table.netns in names:
        return table.netns
    if "dump" not in (then.source, now.source) and len(then.tables) + len(now.tables) > 2:
        return None
    ours, theirs = main_table(now), main_table(then)
    if ours is None or theirs is None or ours.netns != table.netns:
        return None
    return theirs.netns


def since(earlier: Earlier, evidence: Evidence, diagnosis: Diagnosis, tables: Sequence[Watched]) -> Since:
    """``diagnosis``: of now; ``tables``: those of now whose entries were read."""
    first = earlier.first
    matched = {each.netns: _counterpart(first.evidence, evidence, each) for each in evidence.tables}
    names = {was: netns for netns, was in matched.items() if was is not None}
    compared = {each.netns: each.compared for each in tables if each.compared is not None}
    paces = {each.netns: each.measured for each in tables if each.measured is not None}
    pairs = list(_pairs(first.evidence, evidence, matched))
    return Since(
        moments=tuple(_moments(earlier, evidence, diagnosis, tables)),
        order=earlier.order,
        seconds=earlier.seconds,
        tables=_tables(earlier, evidence, diagnosis, compared, matched),
        findings=both.findings(first.diagnosis, diagnosis.findings, names, compared, paces),
        settings=(
            *changes.of_node(first.evidence, evidence),
            *(each for then, now in pairs for each in changes.settings(then, now)),
        ),
        rules=tuple(each for then, now in pairs if (each := changes.rules(then, now)) is not None),
        notes=tuple(_notes(earlier, evidence, compared)),
    )


def _pairs(then: Evidence, now: Evidence, matched: Mapping[str, str | None]) -> Iterator[tuple[Table, Table]]:
    before = {each.netns: each for each in then.tables}
    for table in now.tables:
        was = matched[table.netns]
        if was is not None:
            yield before[was], table


def _tables(
    earlier: Earlier,
    evidence: Evidence,
    diagnosis: Diagnosis,
    compared: Mapping[str, Compared],
    matched: Mapping[str, str | None],
) -> tuple[SinceTable, ...]:
    """Those of now in their order, then those that are gone; those that hold nothing are left out."""
    then = {each.netns: each for each in earlier.first.diagnosis.tables}
    kept = {each.netns: each for each in earlier.first.evidence.tables}
    found = []
    for summary, table in zip(diagnosis.tables, evidence.tables, strict=True):
        was = matched[summary.netns]
        rose = summed.counters(kept.get(was or ""), evidence, table, earlier.seconds)
        before = then.pop(was, None) if was is not None else None
        found.append(summed.table(before, summary, compared.get(summary.netns), earlier.seconds, rose))
    found += [summed.table(each, None, None, earlier.seconds, None) for each in then.values()]
    return tuple(each for each in found if each.before or each.now)


@dataclass(frozen=True, slots=True)
class _Step:
    """The table that the verdict speaks of, at one moment."""

    name: str
    diagnosis: Diagnosis
    netns: str | None
    known: Known | None


def _moments(
    earlier: Earlier, evidence: Evidence, diagnosis: Diagnosis, tables: Sequence[Watched]
) -> Iterator[SinceMoment]:
    focus = next((each for each in evidence.tables if each.netns == diagnosis.focus), None)
    steps = []
    for each in earlier.moments:
        netns = None if focus is None else _counterpart(each.evidence, evidence, focus)
        steps.append(_Step(each.name, each.diagnosis, netns, each.tables.get(netns or "")))
    known = next((each.known for each in tables if each.netns == diagnosis.focus), None)
    steps.append(_Step(named(evidence), diagnosis, diagnosis.focus, known))
    yield _moment(steps[0], None)
    for before, after in pairwise(steps):
        yield _moment(after, _between(before, after, earlier.seconds if len(steps) == 2 else None))


def _between(before: _Step, after: _Step, seconds: int | None) -> Compared | None:
    if before.known is None or after.known is None:
        return None
    times = before.diagnosis.taken_at, after.diagnosis.taken_at
    if times[0] is not None and times[1] is not None:
        seconds = round((times[1] - times[0]).total_seconds())
    return Compared.of(after.netns or "", before.netns or "", before.known, after.known, seconds)


def _moment(step: _Step, compared: Compared | None) -> SinceMoment:
    summary = next((each for each in step.diagnosis.tables if each.netns == step.netns), None)
    return SinceMoment(
        name=step.name,
        source=step.diagnosis.source,
        taken_at=step.diagnosis.taken_at,
        severity=step.diagnosis.severity,
        complete=step.diagnosis.complete,
        entries=None if summary is None else summary.entries,
        stuck=None if summary is None else summary.stuck,
        new=None if compared is None else int(compared.new.sum()),
        stayed=None if compared is None else int(compared.same.stayed.sum()),
        left=None if compared is None else int(compared.left.sum()),
    )


def _notes(earlier: Earlier, evidence: Evidence, compared: Mapping[str, Compared]) -> Iterator[str]:
    names = earlier.first.name, named(evidence)
    if earlier.order == "given":
        yield (
            f"Nothing tells which of {names[0]} and {names[1]} was earlier: taken as named, {names[0]} as the"
            " earlier one. How far apart they are is not known, nor any pace."
        )
    both = earlier.first.evidence.input, evidence.input
    if any(each.masked == "substituted" and each.masked_by is None for each in both):
        yield _STAND_INS
    for each in compared.values():
        cut = [name for name, known in zip(names, (each.then, each.now), strict=True) if not known.whole]
        if cut:
            yield (
                f"{' and '.join(cut)} {'is' if len(cut) == 1 else 'are'} not whole: new, stayed and left are"
                " at least, and no pace can be told."
            )
            break
    alike = [each for each in compared.values() if min(each.then.height, each.now.height) >= _FEWEST]
    if alike and not any(each.same.stayed.any() for each in alike):
        yield "Not one entry of then is there now: a restart, a flush, or not the same node."
