"""Actions of a plan as single writes, with what is there right now as what was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.changes import rules, spaces
from halftrack.changes.writes import buckets, sysctl
from halftrack.errors import FeatureMissing, Incomplete, PermissionMissing
from halftrack.evidence.sysctls import HASHSIZE
from halftrack.kernel import files, privileges
from halftrack.kernel.namespaces import Vanished
from halftrack.plans.actions import AddRules, ByHand, Drain, Persist, SetBuckets, SetSysctl

if TYPE_CHECKING:
    from halftrack.changes.writes.kinds import AnyWrite
    from halftrack.plans.actions import Action


def writes(action: Action) -> list[AnyWrite]:
    """What has to be written for an action, in order; nothing where it holds already.

    Raises HalftrackError where the system is not as the action wants to find it.
    """
    match action:
        case SetSysctl():
            return _sysctl(action)
        case SetBuckets():
            return _buckets(action)
        case AddRules():
            return rules.writes(action)
        case Persist() | Drain() | ByHand():
            return []


def _sysctl(action: SetSysctl) -> list[AnyWrite]:
    space = spaces.find(action.where)
    now = value(space, action.name)
    after, before = _plain(action.after), action.before
    if now == after:
        return []
    if before is not None and now != _plain(before):
        raise Incomplete(f"{action.name}{space.inside} is {now} and not {before} as planned")
    return [sysctl.SysctlWrite(space=space, name=action.name, before=now, after=after)]


def value(space: spaces.Space, name: str) -> str:
    """A sysctl as it is in force. Raises FeatureMissing, PermissionMissing, Incomplete."""
    try:
        return sysctl.read(space, name)
    except FileNotFoundError as error:
        raise FeatureMissing(f"there is no {name}{space.inside}") from error
    except Vanished as error:
        raise Incomplete(f"namespace {space.name} is not there any more") from error
    except OSError as error:
        raise PermissionMissing(f"{name}{space.inside} cannot be read: {error.strerror}") from error


def _buckets(action: SetBuckets) -> list[AnyWrite]:
    now = files.number(HASHSIZE)
    if now is None:
        raise FeatureMissing(f"{HASHSIZE} cannot be read: it takes root on the node itself")
    if buckets.same(now, action.after) or (action.before is None and now > action.after):
        return []  # a plan that could not see how many there are never makes them fewer
    if action.before is not None and not buckets.same(now, action.before):
        raise Incomplete(f"hashsize is {now} and not {action.before} as planned")
    if privileges.in_initial_network() is False:
        raise PermissionMissing("hashsize is written from the node's own network namespace only")
    return [buckets.BucketsWrite(before=now, after=action.after)]


def _plain(text: str) -> str:
    return " ".join(text.split())
