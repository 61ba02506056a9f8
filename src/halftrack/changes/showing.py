"""A change as its readers see it: what its journal says, and whether it still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.changes import persisting, putting_back, undo
from halftrack.changes.writes import Seen
from halftrack.errors import HalftrackError
from halftrack.plans.actions import Drain, Persist
from halftrack.plans.change import Change, DrainedFile, Part

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

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
    """Looks at the system, and writes nothing. Of what a later change of ours wrote over, that one tells."""
    over = undo.written_since(folded)
    latest = {entry.index for entry in undo.latest(folded) if entry.write.key not in over}
    parts = tuple(
        _part(entry, "replaced" if entry.write.key in over else "unknown", look=entry.index in latest)
        for entry in folded.entries
    )
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
        holds=next((one for one in _WORST if one in seen), _untold(folded, over)),
        lasting=folded.begun.lasting and persisting.merged(plan) != Persist(),
        persisted=folded.persisted,
        undone_at=folded.armed.undone_at if folded.armed is not None and folded.on_trial else None,
        was_undone_at=folded.undone_at,
        why=folded.why,
        parts=parts,
        drained=folded.drained,
        drained_file=folded.drained_file,
        drained_files=tuple(drained_files(folded)),
    )


def drained_files(folded: Folded) -> Iterator[DrainedFile]:
    """In the order of the drains."""
    begun = folded.begun
    actions = {
        (number, place): action
        for number, step in enumerate(begun.plan.steps)
        for place, action in enumerate(step.actions)
    }
    for drain, file in folded.drained_files.items():
        action = actions.get(drain)
        if isinstance(action, Drain):
            command = putting_back.command(action.where, file, begun.boot)
            yield DrainedFile(file=file, netns=action.where.netns, put_back=command)


def _untold(folded: Folded, over: Container[str]) -> Holds:
    """Where nothing of it is looked at."""
    if folded.undone:
        return "gone"
    return "replaced" if over else "unknown"


def _part(entry: Entry, holds: Holds, *, look: bool) -> Part:
    """``holds``: where it is not looked at."""
    now: str | None = None
    if look:
        try:
            seen = entry.write.look()
            holds, now = _HOLDS[seen.seen], seen.text
        except (HalftrackError, OSError) as error:
            now = undo.said(error)
    return Part(title=entry.write.title, state=_state(entry), holds=holds, now=now)


def _state(entry: Entry) -> PartState:
    if entry.restored:
        return "restored"
    if entry.verified:
        return "verified"
    return "wrote" if entry.wrote else "writing"
