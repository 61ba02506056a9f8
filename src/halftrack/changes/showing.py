"""A change as its readers see it: what its journal says, and whether it still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.changes import undo
from halftrack.changes.writes import Seen
from halftrack.errors import HalftrackError
from halftrack.plans.change import Change, Part

if TYPE_CHECKING:
    from halftrack.changes.folding import Entry, Folded
    from halftrack.plans.change import Holds, PartState

_HOLDS: dict[Seen, Holds] = {
    Seen.AFTER: "yes",
    Seen.BEFORE: "no",
    Seen.OTHER: "drift",
    Seen.GONE: "gone",
}
_WORST: tuple[Holds, ...] = ("drift", "unknown", "no", "gone", "yes")


def show(folded: Folded) -> Change:
    """Looks at the system, and writes nothing."""
    latest = {entry.index for entry in undo.latest(folded)}
    parts = tuple(_part(entry, look=entry.index in latest) for entry in folded.entries)
    seen = {part.holds for entry, part in zip(folded.entries, parts, strict=True) if entry.index in latest}
    plan = folded.begun.plan
    return Change(
        number=folded.number,
        at=folded.begun.at,
        who=folded.begun.who,
        plan=plan.id,
        node=plan.node,
        title="; ".join(step.title for step in plan.steps),
        state=folded.state,
        holds=next((one for one in _WORST if one in seen), "gone" if folded.undone else "unknown"),
        lasting=folded.begun.lasting,
        persisted=folded.persisted,
        undone_at=folded.armed.undone_at if folded.armed is not None and folded.on_trial else None,
        why=folded.why,
        parts=parts,
        drained=folded.drained,
        drained_file=folded.drained_file,
    )


def _part(entry: Entry, *, look: bool) -> Part:
    holds: Holds = "unknown"
    now: str | None = None
    if look:
        try:
            seen = entry.write.look()
            holds, now = _HOLDS[seen.seen], seen.text
        except (HalftrackError, OSError) as error:
            now = str(error)
    return Part(title=entry.write.title, state=_state(entry), holds=holds, now=now)


def _state(entry: Entry) -> PartState:
    if entry.restored:
        return "restored"
    if entry.verified:
        return "verified"
    return "wrote" if entry.wrote else "writing"
