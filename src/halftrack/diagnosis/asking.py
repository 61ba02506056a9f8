"""The one thing to ask for next: what would change most of what was said.

In this order: entries that were not seen, what a text lacks, why entries are stuck, whether packets are
dropped now, how fast it grows, whatever else is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import gaps as unseen
from halftrack.diagnosis import words
from halftrack.diagnosis.document import SCRIPT_FILE, Ask
from halftrack.evidence.values import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.document import Diagnosis, Finding, Gap, TableSummary

SCRIPT: Final = f"sh {SCRIPT_FILE} > node.collected"
"""With what ``collect --script`` prints beside it; it takes a shell alone."""
_TABLE: Final = "conntrack -L -o extended > table.txt 2>&1"
_COUNTERS: Final = "conntrack -S"
_AGAIN: Final = "sudo halftrack doctor"
_HEARING: Final = "sudo halftrack doctor --listen 30s"
_LATER: Final = {
    "live": "sleep 900; sudo halftrack doctor",
    "bundle": f"sleep 900; sh {SCRIPT_FILE} > later.collected",
    "sos": "sleep 900; conntrack -L -o extended > later.txt 2>&1",
    "dump": "sleep 900; conntrack -L -o extended > later.txt 2>&1",
}
"""A second moment, by what the first one came from."""
_NEARLY_FULL: Final = 0.5
_OF_A_TEXT: Final = frozenset({"limit", "settings", "kernel", "time"})
"""What a table as text may lack (``gaps.of``)."""


def ask(told: Diagnosis) -> Ask | None:
    """``told``: with everything but this. None where nothing is missing and nothing is the matter."""
    worst = next((each for each in told.findings if each.severity != "info" and each.causes), None)
    return next(_wanted(told, told.table, worst), None)


def _wanted(told: Diagnosis, table: TableSummary | None, worst: Finding | None) -> Iterator[Ask]:
    yield from _entries(told)
    if not told.of_node:
        yield from _of_text(told, worst)
    if worst is not None and not worst.causes[0].likely:
        yield from _why(told, worst)
    if table is not None:
        yield from _drops(told, table)
    if worst is not None and told.since is None:
        yield _growth(told, table)
    for gap in told.gaps:
        if gap.needs and not unseen.CAUSES.issuperset(gap.would_tell):
            yield Ask(command=_typed(gap), why=f"{gap.what}: {gap.why}", settles=gap.would_tell)


def _entries(told: Diagnosis) -> Iterator[Ask]:
    """Whatever was not seen of the table may be anything."""
    whole = _AGAIN if told.source == "live" else SCRIPT
    if not any(each.read for each in told.tables):
        yield Ask(
            command=_AGAIN if told.source == "live" else _TABLE,
            why="no entry of a table was read, so what is stuck cannot be told",
            settles=("entries",),
        )
    elif told.input.truncated or told.input.visible < 1:
        seen = f", {words.percent(told.input.visible)} of it is here" if told.input.visible < 1 else ""
        yield Ask(command=whole, why=f"the table was cut short{seen}", settles=("entries",))
    elif told.of_node:
        for gap in told.gaps:
            if gap.needs and "one-sided" in gap.would_tell:
                yield Ask(command=whole, why=f"not seen: {gap.what}", settles=gap.would_tell)


def _of_text(told: Diagnosis, worst: Finding | None) -> Iterator[Ask]:
    """Of a table alone: all at once where several things are missing, else the one that is."""
    lacking = [each for each in told.gaps if each.what in _OF_A_TEXT and each.needs]
    reasons = ("why",) if worst is not None and not worst.causes[0].likely else ()
    settles = (*reasons, *(each.what for each in lacking))
    if len(settles) > 1:
        why = "a table alone does not tell why entries are stuck, nor under which limit and settings"
        yield Ask(command=SCRIPT, why=why, settles=settles)
    elif lacking:
        yield Ask(
            command=lacking[0].needs[0], why=f"the {lacking[0].what} is {lacking[0].why}", settles=settles
        )


def _why(told: Diagnosis, worst: Finding) -> Iterator[Ask]:
    """What would settle the causes that stand first: the one thing that is missing, or all that may."""
    why = f"why the entries of {worst.symptom} are stuck is not known yet"
    first = [each.cause for each in worst.causes if each.cause != "unknown"][:3]
    telling = [each for each in told.gaps if each.needs and not set(first).isdisjoint(each.would_tell)]
    settled = next((each.settled_by for each in worst.causes if each.settled_by), None)
    if settled is not None:
        yield Ask(command=settled, why=why, settles=tuple(first))
    elif len(telling) == 1:
        yield Ask(command=_typed(telling[0]), why=why, settles=tuple(first))
    elif told.source == "live":
        yield Ask(command=_AGAIN if telling else _HEARING, why=why, settles=tuple(first))
    elif told.source == "sos" or any(each.needs and each.netns == told.focus for each in told.gaps):
        yield Ask(command=SCRIPT, why=why, settles=tuple(first))


def _drops(told: Diagnosis, table: TableSummary) -> Iterator[Ask]:
    if table.dropped is None and table.limit and (table.entries or 0) >= _NEARLY_FULL * table.limit:
        why = f"whether packets are dropped now is not known, with {words.entries(table.entries or 0)} in it"
        once = next((each.needs[0] for each in told.gaps if each.needs and _counts(each, table)), _COUNTERS)
        twice = f"{once}; sleep 10; {once}" if once != _COUNTERS or table.netns in OWN else SCRIPT
        yield Ask(command=_AGAIN if told.source == "live" else twice, why=why, settles=("dropped now",))


def _counts(gap: Gap, table: TableSummary) -> bool:
    """Whether it is the counters of this namespace that are missing."""
    return gap.netns == table.netns and "table-pressure" in gap.would_tell


def _growth(told: Diagnosis, table: TableSummary | None) -> Ask:
    """One moment tells a pace only where entries keep long and came evenly."""
    known = table is not None and table.forecast is not None and table.forecast.net_per_minute is not None
    why = (
        "a second moment shows whether it goes on as is said here, or whether a change has helped"
        if known
        else "one moment does not tell how fast it grows; a second one does"
    )
    return Ask(command=_LATER[told.source], why=why, settles=("growth",))


def _typed(gap: Gap) -> str:
    """What to type for it: privileges are had by asking for them."""
    return _AGAIN if gap.needs[0].startswith("CAP_") else gap.needs[0]
