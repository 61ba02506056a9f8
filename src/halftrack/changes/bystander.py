"""What a plan does to the connection that whoever agrees to it works through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.changes import operator, spaces
from halftrack.diagnosis.words import duration
from halftrack.draining.fates import MAY_LIVE_S
from halftrack.errors import HalftrackError
from halftrack.kernel import connection, namespaces, privileges
from halftrack.plans.actions import AddRules, Drain, SetSysctl, TimeoutPolicy, Untracked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.kernel.connection import Seen
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
    try:
        seen = connection.find(own.client, own.client_port, own.server, own.server_port)
    except OSError as error:
        return [f"{named} could not be looked up: {error.strerror}."]
    if seen is None:
        return [f"{named} is not in this table: no step touches an entry of it."]
    fates = list(dict.fromkeys(_fates(plan, own, seen)))
    left = "" if seen.left_s is None else f", {duration(seen.left_s)} left"
    what = "; ".join(fates) if fates else "none of these steps touches it"
    return [f"{named} is in the table ({seen.state or 'no state'}{left}): {what}."]


def _fates(plan: Plan, own: operator.Connection, seen: Seen) -> Iterator[str]:
    for step in plan.steps:
        for action in step.actions:
            if _is_here(action):
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


def _is_here(action: Action) -> bool:
    """Whether it is about the namespace in which the connection is: this process's."""
    if not isinstance(action, (SetSysctl, AddRules, Drain)):
        return False
    try:
        inode = spaces.find(action.where).inode
    except HalftrackError:
        return False
    return inode == privileges.namespace_inode(Path(namespaces.OWN_WAY))
