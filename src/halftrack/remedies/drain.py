"""``drain``: the entries themselves, removed by hand with conntrack(8).

Settings free nothing that exists. What is removed here is what the finding holds: one filter for
a group where the filter selects nothing else, or, where live connections look the same, a loop
that looks at each entry again right before it goes. Connections that are merely silent are not
removed: where nobody can see their sockets they are given less time (``retiming``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.diagnosis.entries import answered
from halftrack.diagnosis.rows import MarkedRows
from halftrack.draining.fates import DEAD_S, MAY_LIVE_S
from halftrack.evidence.flows import select
from halftrack.plans.actions import Drain
from halftrack.remedies import drain_selections, drain_words, parts, place, removal, retiming, setting_actions
from halftrack.remedies.shell import Addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.plans.actions import Action
    from halftrack.remedies.parts import Part
    from halftrack.remedies.situation import Situation

REMEDY: Final = "drain"
GROUPS: Final = 5
"""Groups that get commands of their own."""
_SYMPTOMS: Final = (
    "one-sided",
    "orphaned",
    "half-closed",
    "half-open",
    "unreplied-udp",
    "stale-nat",
    retiming.SYMPTOM,
)
_CAN_BE_SHORT: Final = ("one-sided", "half-open")
_STUCK: Final = ("one-sided", "orphaned")
"""What a table's stuck entries are counted of, see ``document.TableSummary``."""
_NEVER: Final = ("half-open", "unreplied-udp")
_SHORT_S: Final = 300
"""Such entries with no more left are gone before anyone has typed."""


def helps(situation: Situation) -> bool:
    """Whether these entries are dead weight: never for a path that shows one direction only."""
    rows = situation.rows
    if situation.finding.symptom not in _SYMPTOMS or rows is None or not rows.height:
        return False
    if situation.finding.symptom in _CAN_BE_SHORT:
        longest = rows.column("timeout").max()
        if not isinstance(longest, int) or longest <= _SHORT_S:
            return False
    return not (situation.one_way or situation.likely("idle-pool"))


def advise(situation: Situation) -> Advice | None:
    if not helps(situation):
        return None
    if situation.finding.symptom == retiming.SYMPTOM:
        groups = situation.finding.groups[:GROUPS]
        return retiming.advise(situation, groups, remedy=REMEDY, chosen=_filter(situation))
    found = _parts(situation)
    exact = [part for part in found if not part.others and removal.safe_at_once(situation, part)]
    mixed = [part for part in found if part not in exact and removal.check(situation, part) is not None]
    if not exact and not mixed:
        return None
    spelled = Addresses()
    commands = [command for part in exact for command in removal.at_once(situation, part, spelled)]
    commands += [command for part in mixed for command in removal.one_by_one(situation, part, spelled)]
    freed = sum(part.entries for part in (*exact, *mixed))
    return Advice(
        remedy=REMEDY,
        kind="clear",
        title=_title(situation, freed),
        arguments={"filter": _filter(situation)},
        effect=Effect(entries_freed=freed),
        risk=Risk(
            level="medium" if mixed or situation.finding.symptom == "half-closed" else "low",
            why=tuple(_why(situation, mixed, freed)),
            live_flows_affected=None if situation.finding.symptom == "half-closed" else 0,
        ),
        commands=(*spelled.assignments, *commands),
    )


def _parts(situation: Situation) -> list[Part]:
    view, rows = situation.view, situation.rows
    if view is None or rows is None:
        return []
    if situation.finding.symptom == "half-open":  # an answered handshake may be going on
        waiting = pl.lit(rows.mask) & ~answered()
        rows = MarkedRows.of(rows.flows, select(rows.flows, waiting).to_series())
    return list(parts.parts(rows, situation.finding.groups[:GROUPS], view))


def _filter(situation: Situation) -> str:
    """The finding in words of the filter language."""
    chosen = f"symptom={situation.finding.symptom}"
    if place.is_host(situation.table.namespace, situation.evidence):
        return chosen
    return f"{chosen} netns={situation.table.netns}"


def _title(situation: Situation, freed: int) -> str:
    proof = {
        "orphaned": "their sockets are gone",
        "one-sided": "none of them was ever answered",
        "half-closed": "one end closed long ago",
        "half-open": "none of them was ever answered",
        "unreplied-udp": "none of them was ever answered",
        "stale-nat": "they lead to an address that nobody has",
    }[situation.finding.symptom]
    return f"would remove {freed:,} of {situation.finding.entries:,} {_called(situation)}: {proof}"


def _called(situation: Situation) -> str:
    """Stuck where the finding holds what the screen counts as such; by its own name where it holds a part
    of that, or more.
    """
    finding, summary = situation.finding, situation.summary
    if finding.symptom not in _STUCK:
        return "entries"
    counted = None if summary is None else summary.stuck
    return "stuck entries" if counted in (None, finding.entries) else f"{finding.symptom} entries"


def _why(situation: Situation, mixed: list[Part], freed: int) -> Iterator[str]:
    yield "removed entries do not come back; check the count right before"
    if situation.finding.symptom == "half-closed":
        yield "a connection whose other end still sends is cut where it is translated or rules want it known"
    if situation.finding.symptom == "stale-nat":
        yield "look first whether the address is still nobody's"
    if situation.evidence.input.truncated:
        yield "the table was not read whole: other entries may match the same filters"
    if situation.setting_or_default("tcp_loose"):
        yield "before strict pick-up: with it, an entry removed by mistake cannot come back"
    for part in (each for each in mixed if each.others):
        yield (
            f"no filter tells the {part.entries:,} of {part.group.service or 'this group'} from"
            f" {part.others:,} others: removed one by one, in about {removal.pace(situation, part.entries)}"
        )
    if freed < situation.finding.entries:
        others = (
            "answered or in smaller groups"
            if situation.finding.symptom == "half-open"
            else "in smaller groups"
        )
        yield f"{situation.finding.entries - freed} more, {others}, are left to time"


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:  # noqa: ARG001  # the finding says all
    """Of every entry of the finding: each is judged again when its turn comes.

    None for what is never given less time: connections being opened, and UDP, which lasts minutes.
    """
    rows, symptom = situation.rows, situation.finding.symptom
    if rows is None or symptom in _NEVER:
        return ()
    retimed = symptom == retiming.SYMPTOM
    return (
        Drain(
            where=setting_actions.where(situation.table, situation.evidence),
            filter=drain_words.words(situation),
            seconds=MAY_LIVE_S if retimed else DEAD_S,
            expected=rows.count(pl.col("timeout") > MAY_LIVE_S) if retimed else rows.height,
            selections=drain_selections.selections(situation),
        ),
    )
