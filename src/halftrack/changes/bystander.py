"""What a plan does to the connection that whoever agrees to it works through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.changes import operator, spaces
from halftrack.diagnosis.words import duration
from halftrack.draining.fates import MAY_LIVE_S
from halftrack.errors import HalftrackError
from halftrack.kernel import namespaces, privileges
from halftrack.kernel.ctnetlink import connection
from halftrack.plans.actions import AddRules, Drain, SetSysctl, TimeoutPolicy, Untracked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.changes.spaces import Space
    from halftrack.kernel.ctnetlink.connection import Seen
    from halftrack.plans.actions import Action
    from halftrack.plans.document import Plan

_ESTABLISHED: Final = "nf_conntrack_tcp_timeout_established"
_LOOSE: Final = "nf_conntrack_tcp_loose"


def lines(plan: Plan) -> list[str]:
    """What to say before asking; nothing where nobody is connected by ssh."""
    own = operator.connection()
    if own is None:
        return []
    named = f"Your ssh connection ({own.client} port {own.client_port})"
    here = privileges.namespace_inode(Path(namespaces.OWN_WAY))
    said = []
    for space in (None, *_others(plan, here)):
        table = "the table" if space is None else f"the table of {space.name}"
        try:
            seen = _find(own) if space is None else spaces.call(space, lambda: _find(own))
        except namespaces.Vanished:
            continue
        except OSError as error:
            said.append(f"{named} could not be looked up in {table}: {error.strerror}.")
            continue
        if seen is not None:
            inode = here if space is None else space.inode
            said.append(f"{named} is in {table} {_what(plan, own, seen, inode)}")
    return said or [f"{named} is in no table of this plan: no step touches an entry of it."]


def _find(own: operator.Connection) -> Seen | None:
    return connection.find(own.client, own.client_port, own.server, own.server_port)


def _others(plan: Plan, here: int | None) -> list[Space]:
    """The other namespaces that something is done in: it may pass through one of them."""
    found = (_space(action) for step in plan.steps for action in step.actions)
    return list({each.inode: each for each in found if each is not None and each.inode != here}.values())


def _what(plan: Plan, own: operator.Connection, seen: Seen, inode: int | None) -> str:
    fates = list(dict.fromkeys(_fates(plan, own, seen, inode)))
    left = "" if seen.left_s is None else f", {duration(seen.left_s)} left"
    what = "; ".join(fates) if fates else "none of these steps touches it"
    return f"({seen.state or 'no state'}{left}): {what}."


def _fates(plan: Plan, own: operator.Connection, seen: Seen, inode: int | None) -> Iterator[str]:
    """What becomes of it in the namespace of this inode."""
    for step in plan.steps:
        for action in step.actions:
            space = _space(action)
            if space is not None and space.inode == inode:
                yield from _fate(action, own, seen)


def _fate(action: Action, own: operator.Connection, seen: Seen) -> Iterator[str]:
    match action:
        case SetSysctl(name=name, after=after) if name.endswith(_ESTABLISHED) and after.isdecimal():
            yield f"forgotten once it is silent for {duration(int(after))}"
        case SetSysctl(name=name, after="0") if name.endswith(_LOOSE):
            yield "its entry stays, but once lost it is not taken up again"
        case AddRules(rule=Untracked(protocol="tcp", port=port)) if port == own.server_port:
            translated = ", and its translation ends" if seen.translated else ""
            yield f"TRACKING OF ITS PORT STOPS{translated}: rules that look at its state lose it"
        case AddRules(rule=TimeoutPolicy(port=port)) if port == own.server_port:
            yield "only new connections of its port get the other timeouts"
        case Drain():
            yield f"a drain leaves it {duration(MAY_LIVE_S)} at least"
        case _:
            pass


def _space(action: Action) -> Space | None:
    """Where it is done; None for what is no matter of one namespace, or of one that is not there."""
    if not isinstance(action, (SetSysctl, AddRules, Drain)):
        return None
    try:
        return spaces.find(action.where)
    except HalftrackError:
        return None
