"""One connection to each service: opened before the plan, used and opened again after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from halftrack.changes.rehearsal import promises
from halftrack.evidence import literals
from halftrack.plans.rehearsal import Connection, Kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.changes.rehearsal.services import Service
    from halftrack.changes.rehearsal.stage import Stage
    from halftrack.changes.rehearsal.talking import Conversation
    from halftrack.plans.actions import Action


@dataclass(slots=True)
class Begun:
    """With one service. ``talk`` None: it could not be opened, and ``why``.

    ``kept`` and ``late``: seconds that a packet gave the entry of a connection, and one without any.
    ``cut``: why it does not work any more; None: it does.
    """

    stage: Stage
    service: Service
    talk: Conversation | None
    why: str | None = None
    kept: int | None = None
    late: int | None = None
    cut: str | None = None

    def use(self) -> bool:
        """Whether it has been cut since it was used last."""
        if self.talk is None or self.cut is not None:
            return False
        try:
            self.talk.exchange()
        except OSError as error:
            self.cut = f"cut: {_said(error)}"
        return self.cut is not None


def begin(stage: Stage, service: Service) -> Begun:
    """Before the plan."""
    talks = stage.talks
    try:
        talk = talks.begin(service)
    except OSError as error:
        return Begun(stage, service, None, f"the copied rules do not let it be opened: {_said(error)}")
    late = talks.late(service)
    return Begun(
        stage,
        service,
        talk,
        kept=talks.left(talk.entry),
        late=None if late is None else talks.left(late, wanted=False),
    )


def end(begun: Begun, actions: Sequence[Action]) -> Connection:
    """After the plan. ``actions``: those that were done in this namespace, as the plan has them."""
    service, talks = begun.service, begun.stage.talks
    told = Connection(
        netns=begun.stage.sample.netns,
        service=service.name,
        front=literals.end(*service.front),
        back=literals.end(*service.back),
        client=service.client,
        entries=service.entries,
        opened=begun.talk is not None,
        why=begun.why,
    )
    if begun.talk is None:
        return told
    begun.use()
    still, why = begun.cut is None, begun.cut
    anew, kept = True, Kept(before=begun.kept)
    try:
        talk = talks.begin(service)
    except OSError as error:
        anew, why = False, why or f"no new one: {_said(error)}"
    else:
        usual = begun.stage.table.settings.get(promises.ESTABLISHED)
        untracked = promises.kept(actions, service, usual, begun.kept, None).untracked
        left = talks.left(talk.entry, wanted=not untracked)
        kept = promises.kept(actions, service, usual, begun.kept, left)
    return msgspec.structs.replace(
        told, still=still, anew=anew, kept=kept, late=_late(begun, actions), why=why
    )


def _late(begun: Begun, actions: Sequence[Action]) -> Kept | None:
    talks = begun.stage.talks
    entry = talks.late(begun.service)
    if entry is None:
        return None
    return promises.late(actions, begun.service, begun.late, talks.left(entry, wanted=False))


def _said(error: OSError) -> str:
    return "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error))
