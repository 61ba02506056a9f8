"""A rehearsal from its beginning to its end: copy, talk, carry out, talk again, take back, let go."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.changes import clock, spaces
from halftrack.changes.rehearsal import acting, choosing, connecting, promises, stage
from halftrack.changes.rehearsal.against import of_connection, of_step
from halftrack.changes.rehearsal.cost import Meter
from halftrack.errors import FeatureMissing, Incomplete, PermissionMissing
from halftrack.kernel import privileges, scratch
from halftrack.plans.rehearsal import Rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from halftrack.changes.rehearsal.acting import Placed
    from halftrack.changes.rehearsal.stage import Stage
    from halftrack.plans.actions import Where
    from halftrack.plans.document import Plan
    from halftrack.plans.rehearsal import Connection, RehearsedStep

_NEEDED: Final = ("CAP_NET_ADMIN", "CAP_SYS_ADMIN")
_MOST_PLACES: Final = 8
"""Namespaces of one plan that are copied."""
_DONE: Final = ("held", "in-force")


def rehearse(
    plan: Plan, *, refused: Sequence[str] = (), told: Callable[[str], None] = lambda _: None
) -> Rehearsal:
    """``refused``: why ``fix`` would not begin here. ``told``: what is being done.

    Raises PermissionMissing, FeatureMissing, Busy where it is not to be had here, Incomplete where what
    the plan is about is not there, or there is nothing in it to rehearse.
    """
    try:
        return _rehearse(plan, refused, told)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
        kind = PermissionMissing if isinstance(error, PermissionError) else Incomplete
        raise kind(f"the rehearsal could not be done ({what}); nothing on this node was changed") from error


def _rehearse(plan: Plan, refused: Sequence[str], told: Callable[[str], None]) -> Rehearsal:
    """Raises OSError, too."""
    meter = Meter()
    missing = privileges.missing(_NEEDED)
    if missing:
        raise PermissionMissing(f"a rehearsal makes namespaces of its own: needs {', '.join(missing)}")
    parts = [acting.rehearsable(step) for step in plan.steps]
    places = _places(action for able, _ in parts for _, action in able)
    with contextlib.ExitStack() as still:
        directory = _directory(still)
        stages: dict[int, Stage] = {}
        for inode, where in places.items():
            told(f"copying {where.netns}")
            mine = [
                (number, [(place, action) for place, action in able if _inode(action) == inode])
                for number, (able, _) in enumerate(parts)
            ]
            stages[inode] = stage.build(where, mine, still, choosing.MOST // len(places))
        begun = [connecting.begin(each, one) for each in stages.values() for one in each.services]
        meter.look()
        work = acting.Acting(plan, stages.values(), directory)
        steps: list[RehearsedStep] = []
        done: dict[int, list[Placed]] = {inode: [] for inode in stages}
        for number, (step, (able, unable)) in enumerate(zip(plan.steps, parts, strict=True)):
            told(f"step {number + 1} of {len(plan.steps)}: {step.title}")
            reached = not any(one.state == "failed" for one in steps)
            copied = [(place, _on_copy(action, stages)) for place, action in able] if reached else []
            one = work.step(number, step, copied, unable)
            if able and not reached:
                one = msgspec.structs.replace(one, state="not-reached")
            if one.happened is not None:
                cut = sum(talk.use() for talk in begun)
                one = msgspec.structs.replace(one, happened=msgspec.structs.replace(one.happened, cut=cut))
            steps.append(one)
            for _, action in able if one.state in _DONE else ():
                done[_inode(action)].append(action)
        meter.look()
        told("talking to the services again")
        connections = [connecting.end(one, done[_key(one.stage)]) for one in begun]
        wrote, failed = work.wrote, work.back()
        made = sum(each.sample.entries for each in stages.values())
        cost = meter.cost(made)
    steps = [_settled(one, connections) for one in steps]
    against = [*refused, *itertools.chain(*map(of_step, steps), *map(of_connection, connections))]
    if failed is not None:
        against.append(f"it does not go back exactly: {failed}")
    return Rehearsal(
        node=os.uname().nodename,
        plan=plan.id,
        plan_node=plan.node,
        at=clock.now(),
        holds=not against,
        against=tuple(against),
        refused=tuple(refused),
        samples=tuple(each.sample for each in stages.values()),
        copied=tuple(each.copied for each in stages.values()),
        steps=tuple(steps),
        connections=tuple(connections),
        undone=failed is None if wrote else None,
        notes=tuple(_notes(stages.values())),
        cost=cost,
    )


def _directory(still: contextlib.ExitStack) -> Path:
    try:
        return Path(still.enter_context(scratch.Directory()).path)
    except OSError as error:
        raise FeatureMissing(f"no scratch directory can be made: {error.strerror}") from error


def _places(actions: Iterable[Placed]) -> dict[int, Where]:
    """The namespaces that are changed, by number. Raises Incomplete."""
    found: dict[int, Where] = {}
    for action in actions:
        found.setdefault(_inode(action), action.where)
    if not found:
        raise Incomplete("nothing of this plan can be rehearsed: it changes what the whole node has")
    if len(found) > _MOST_PLACES:
        raise Incomplete(f"a rehearsal copies {_MOST_PLACES} namespaces at most, the plan has {len(found)}")
    return found


def _inode(action: Placed) -> int:
    """Of the namespace that an action means, whatever the plan calls it. Raises Incomplete."""
    return spaces.find(action.where).inode


def _key(each: Stage) -> int:
    if each.inode is None:
        raise Incomplete(f"namespace {each.sample.netns} is not there any more")
    return each.inode


def _on_copy(action: Placed, stages: Mapping[int, Stage]) -> Placed:
    """The same in the copy. Only what comes out of here is ever carried out."""
    return msgspec.structs.replace(action, where=stages[_inode(action)].site.where)


def _settled(step: RehearsedStep, connections: Sequence[Connection]) -> RehearsedStep:
    """With the size at which its entries settle, by the time that packets were seen to give one."""
    if step.happened is None or step.foretold.settles_at is None or step.state not in _DONE:
        return step
    kept = [one for each in connections for one in (each.late, each.kept)]
    settles = promises.settles(step.foretold.settles_at, kept)
    return msgspec.structs.replace(step, happened=msgspec.structs.replace(step.happened, settles_at=settles))


def _notes(stages: Iterable[Stage]) -> Iterator[str]:
    for each in stages:
        name = each.sample.netns
        if each.unserved:
            yield f"{each.unserved:,} more services of {name} are in the sample; nobody talked to them"
        if not each.services:
            yield f"no service of {name} could be talked to: the plan's entries show none by TCP"
    yield (
        "not copied: counters, helpers and labels of entries, and what passes packets on without rules:"
        " routes, tc, eBPF, IPVS"
    )
