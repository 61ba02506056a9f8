"""A first look at namespaces: how full, what counted, before anything costly is read.

Entering a namespace and reading its count takes some 0.03 ms; dumping even an empty one walks
the hash table that all of them share.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from halftrack.kernel import counters, namespaces, setns, sightings, stack, sysctl, traffic_control
from halftrack.kernel.namespaces import Vanished

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from halftrack.evidence.values import Namespace

T = TypeVar("T")

_WORTH_ENTRIES: Final = 1_000
_WORTH_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Look:
    """``net``: number of the namespace's statistics, the same seen from inside and outside.

    ``inside``: whether the namespace could be entered. ``stack``: counters of its TCP and IP;
    ``traffic``: its interfaces and queues, as the kernel told them.
    """

    limits: sysctl.Limits
    reading: counters.Reading | None
    net: int | None
    inside: bool = True
    stack: stack.Texts | None = None
    traffic: traffic_control.Answers | None = None

    @property
    def worth_reading(self) -> bool:
        """Whether the entries are worth a dump: at least 1,000, or 1 % of the limit."""
        count = self.limits.count
        if count is None:
            return False
        return count >= _WORTH_ENTRIES or count >= _WORTH_SHARE * (self.limits.limit or float("inf"))


def net_directory() -> Path:
    """``/proc/…/net`` of the calling thread; ``/proc/net`` is that of the process's first thread."""
    return Path(f"/proc/self/task/{threading.get_native_id()}/net")


def look(*, closer: bool = False) -> Look:
    """The namespace of the calling thread. ``closer``: with its traffic."""
    net = net_directory()
    return Look(
        sysctl.limits(),
        counters.read(net),
        sightings.statistics_inode(net),
        stack=stack.read(net),
        traffic=traffic_control.read() if closer else None,
    )


def look_from_outside(pid: int, shared: sysctl.Limits) -> Look | None:
    """A namespace that cannot be entered, through a process in it; None where that is gone.

    ``shared``: limit and buckets where they are the same in every namespace of the node.
    """
    net = Path(f"/proc/{pid}/net")
    reading = counters.read(net)
    if reading is None:
        return None
    found = sysctl.Limits(reading.entries, shared.limit, shared.buckets)
    return Look(found, reading, sightings.statistics_inode(net), inside=False, stack=stack.read(net))


def visit(spaces: Sequence[Namespace], work: Callable[[Namespace], T]) -> list[T | OSError | Vanished]:
    """What ``work`` returns inside each namespace, or why it could not: Vanished, or an OSError.

    All run in one thread, which ends with them. Raises only what ``work`` raises beyond OSError.
    """
    found: dict[int, T | OSError | Vanished] = {}
    bugs: list[BaseException] = []

    def run() -> None:
        # Once moved, the thread cannot count on coming home, so home comes first.
        order = sorted(range(len(spaces)), key=lambda place: not namespaces.is_own(spaces[place]))
        try:
            for place in order:
                found[place] = _inside(spaces[place], work)
        except BaseException as error:  # noqa: BLE001  # raised again below
            bugs.append(error)

    thread = threading.Thread(target=run, name="survey", daemon=True)
    thread.start()
    thread.join()
    if bugs:
        raise bugs[0]
    return [found[place] for place in range(len(spaces))]


def _inside(namespace: Namespace, work: Callable[[Namespace], T]) -> T | OSError | Vanished:
    try:
        if not namespaces.is_own(namespace):
            with namespaces.opened(namespace) as path:
                setns.enter(path)
        return work(namespace)
    except (OSError, Vanished) as error:
        return error
