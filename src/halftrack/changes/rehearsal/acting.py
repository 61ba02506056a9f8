"""The steps of a plan, carried out on copies by the code that ``fix`` uses, and what each did to them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.changes import applying, clearing, clock, records, undo, who
from halftrack.changes.journal import FILE, Journal
from halftrack.changes.rehearsal import copying, measuring, promises
from halftrack.errors import HalftrackError
from halftrack.kernel import identity
from halftrack.plans.actions import AddRules, ByHand, Drain, Persist, SetBuckets, SetSysctl
from halftrack.plans.rehearsal import Foretold, Happened, RehearsedStep, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import polars as pl

    from halftrack.changes.rehearsal.stage import Stage
    from halftrack.plans.document import Plan, Step

Placed = SetSysctl | AddRules | Drain
"""Actions that touch one namespace alone."""
_TO_THE_LAST: Final = "what makes it hold over a reboot"


class Unlisted(Journal):
    """A journal in a scratch directory: no change of this node."""

    def __init__(self, directory: Path) -> None:
        super().__init__(0)
        self.directory = directory
        self.path = directory / FILE
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


@dataclass(slots=True)
class _Took:
    """One step under way. ``meant``: by stage, tuples that drains were about."""

    did: list[str] = field(default_factory=list)
    meant: dict[int | None, list[pl.DataFrame]] = field(default_factory=dict)


class Acting:
    """On the copies of ``stages``; what it writes is noted in ``directory``."""

    def __init__(self, plan: Plan, stages: Iterable[Stage], directory: Path) -> None:
        self._stages = {stage.site.where.path: stage for stage in stages}
        self._journal = Unlisted(directory)
        self._journal.append(
            records.Begun(
                at=clock.now(), number=0, who=who.asks(), plan=plan, boot=identity.boot(), lasting=False
            )
        )

    def step(
        self, number: int, step: Step, actions: Sequence[tuple[int, Placed]], not_done: tuple[str, ...]
    ) -> RehearsedStep:
        """``actions``: with their places in the step, for copies already. Raises KeyboardInterrupt."""
        foretold = self._foretold(number, step, actions)
        told = RehearsedStep(
            remedy=step.remedy,
            title=step.title,
            state="not-rehearsable",
            not_done=not_done,
            foretold=foretold,
        )
        if not actions:
            return told
        took = _Took()
        used = {stage.inode: stage for stage in map(self._stage, actions)}
        begun = time.monotonic()
        why = None
        try:
            before = {inode: stage.entries().frame for inode, stage in used.items()}
            read_s = time.monotonic()
            why = self._act(number, actions, took)
            seconds = time.monotonic() - begun
            became = measuring.Became()
            for inode, stage in used.items():
                horizon = max((a.seconds for _, a in actions if isinstance(a, Drain)), default=0)
                became += measuring.compare(
                    before[inode],
                    stage.entries().frame,
                    time.monotonic() - read_s,
                    took.meant.get(inode, ()),
                    horizon,
                )
        except (HalftrackError, OSError) as error:
            return msgspec.structs.replace(told, state="failed", why=str(error), did=tuple(took.did))
        happened = Happened(
            entries_freed=became.freed,
            entries_later=became.later,
            others=became.others,
            seconds=round(seconds, 3),
        )
        drawn = any(not stage.all_drawn for stage in used.values())
        agrees = None
        if why is None and foretold.of_sample is not None:
            agrees = promises.agrees(foretold.of_sample, became.freed, drawn=drawn)
        state: State = "failed" if why is not None else "held" if took.did else "in-force"
        return msgspec.structs.replace(
            told, state=state, why=why, did=tuple(took.did), happened=happened, agrees=agrees
        )

    def back(self) -> str | None:
        """Take everything back. Why that was not exact; None: it was."""
        try:
            undo.Taking(self._journal).take_back(self._journal.folded().standing)
        except (HalftrackError, OSError) as error:
            return str(error)
        return None

    @property
    def wrote(self) -> bool:
        """Whether anything was written that has to go back."""
        return bool(self._journal.folded().entries)

    def _act(self, number: int, actions: Sequence[tuple[int, Placed]], took: _Took) -> str | None:
        """Why it failed; what had been written of the step is taken back then, as ``fix`` does."""

        def told(title: str, result: str) -> None:
            took.did.append(f"{title}: {result}")

        work = applying.Work(self._journal, told)
        try:
            for place, action in actions:
                work.act(number, place, action, self._drainer(took))
        except (HalftrackError, OSError) as error:
            mine = [entry for entry in self._journal.folded().standing if entry.step == number]
            undo.Taking(self._journal).take_back(mine)
            return str(error)
        return None

    def _drainer(self, took: _Took) -> applying.Draining:
        def drain(action: Drain, journal: Journal, noted: Callable[[int, str | None], None]) -> None:
            stage = self._stages[action.where.path]
            looked, wanted = stage.look(action)
            judgement = looked.judgement
            changed = {int(fate) for fate in judgement.counts() if fate.changed}
            rows = judgement.view.flows.filter(judgement.fates.is_in(list(changed)).fill_null(value=False))
            took.meant.setdefault(stage.inode, []).append(rows)
            clearing.act(looked, wanted, journal, noted, instead=stage.site.node.path)

        return drain

    def _stage(self, placed: tuple[int, Placed]) -> Stage:
        return self._stages[placed[1].where.path]

    def _foretold(self, number: int, step: Step, actions: Sequence[tuple[int, Placed]]) -> Foretold:
        """With what the prediction comes to for the sample."""
        there = drawn = 0
        for place, action in actions:
            if isinstance(action, Drain):
                stage = self._stage((place, action))
                rows = stage.about.drains[number, place]
                there += int(rows.sum()) if action.expected is None else action.expected
                drawn += int((rows & stage.drawn).sum())
        freed = step.effect.entries_freed
        if not any(isinstance(action, Drain) for _, action in actions):
            stages = {stage.inode: stage for stage in map(self._stage, actions)}
            there = sum(stage.sample.affected for stage in stages.values())
            drawn = sum(stage.sample.entries_affected for stage in stages.values())
        return Foretold(
            entries_freed=freed,
            of_sample=promises.of_sample(freed, there, drawn) if actions else None,
            settles_at=step.effect.settles_at,
            live_flows_affected=step.risk.live_flows_affected,
        )


def rehearsable(step: Step) -> tuple[list[tuple[int, Placed]], tuple[str, ...]]:
    """Actions, with their places in the step, that touch one namespace; and what the others are.

    What belongs to somebody else is rehearsed as if they had done it.
    """
    able: list[tuple[int, Placed]] = []
    unable: list[str] = []
    for place, action in enumerate(step.actions):
        match action:
            case SetBuckets():
                unable.append(f"hashsize {action.after}: the whole node has one, it is not touched")
            case Persist():
                unable.append(_TO_THE_LAST)
            case ByHand():
                theirs = [one for one in action.settings if copying.own(one.name)]
                able += [(place, one) for one in theirs]
                unable += [] if theirs else [f"what {action.manager} has to do"]
            case SetSysctl() if not copying.own(action.name):
                unable.append(f"{action.name} {action.after}: the whole node has one, it is not touched")
            case SetSysctl() | AddRules() | Drain():
                able.append((place, action))
    return able, tuple(unable)
