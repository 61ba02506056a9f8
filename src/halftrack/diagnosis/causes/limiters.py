"""What holds back or drops packets on the way of a case's owner, at both ends of its link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.causes import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.evidence.shaping import Interface, Queue, Shaping
    from halftrack.evidence.values import Table

OFTEN: Final = 0.01
"""From this share of the packets on, a limit is met in earnest, not by a burst now and then."""


@dataclass(frozen=True, slots=True)
class Limiter:
    """All queues of one interface that has a rate limit.

    ``what``: in words. ``waiting``: bytes held back now, ``standing``: at both readings; ``lost``
    packets that were dropped and ``slowed`` ones that were too fast between them, ``seconds`` apart;
    ``lost_share`` and ``slowed_share``: of all since the limit was set.
    """

    where: str
    what: str
    waiting: int
    standing: int
    lost: int
    slowed: int
    seconds: float
    lost_share: float
    slowed_share: float

    @property
    def holds(self) -> bool:
        """Whether it holds packets back now, and not for a moment alone."""
        return self.standing > 0 or self.lost > 0

    @property
    def idle(self) -> bool:
        """Whether it never had anything to do."""
        return not (self.waiting or self.lost_share or self.slowed_share)


@dataclass(frozen=True, slots=True)
class Way:
    """``limiters``, those that hold most first. ``both_ends``: whether all of it was seen.

    ``filters``: what looks at packets and is no policer for certain: a BPF program may limit a rate and
    show nothing of it.
    """

    limiters: tuple[Limiter, ...]
    filters: tuple[str, ...]
    delayed_s: float | None
    both_ends: bool
    where: str


def of(case: Case) -> Way | None:
    """None where no queues were read on the way."""
    at = home.of(case)
    own = at.table if at else None
    stations = list(_stations(case.view.table, own))
    if not stations:
        return None
    limiters: list[Limiter] = []
    delays: list[float] = []
    filters: list[str] = []
    for table, interface in stations:
        queues = table.shaping[-1].on(interface.index)
        if any(queue.limits for queue in queues):
            limiters.append(_limiter(table, interface, queues))
        filters += [
            f"{each} on {interface.name} of {table.netns}"
            for queue in queues
            for each in queue.filters
            if _may_limit(each)
        ]
        filters += [f"{each} on {interface.name} of {table.netns}" for each in interface.programs]
        delays += [queue.delay_s for queue in queues if queue.delay_s]
    for table in {id(one): one for one in (case.view.table, own) if one is not None and one.shaping}.values():
        filters += [f"{each} of {table.netns}" for each in table.shaping[-1].programs]
    limiters.sort(key=lambda one: (not one.holds, -one.waiting, -one.lost_share, one.where))
    return Way(
        tuple(limiters),
        tuple(dict.fromkeys(filters)),
        max(delays, default=None),
        both_ends=own is not None and bool(own.shaping) and bool(case.view.table.shaping),
        where="queueing disciplines (rtnetlink) of "
        + " and ".join(dict.fromkeys(t.netns for t, _ in stations)),
    )


def _may_limit(name: str) -> bool:
    """Only those of which nobody can say what they do."""
    return name.startswith("bpf") and "police" not in name.split()


def _stations(near: Table, own: Table | None) -> Iterator[tuple[Table, Interface]]:
    """Interfaces on the way: the owner's own, their other ends, and those that lead out of the table's.

    Other owners' links are not on it.
    """
    if own is not None and own is not near and own.shaping:
        yield from ((own, each) for each in own.shaping[-1].interfaces)
    if not near.shaping:
        return
    for each in near.shaping[-1].interfaces:
        if own is None or not _is_veth(each) or own is near or _are_a_pair(own, near, each):
            yield near, each


def _is_veth(interface: Interface) -> bool:
    return interface.kind == "veth" and interface.link_elsewhere


def _are_a_pair(own: Table, near: Table, interface: Interface) -> bool:
    """Numbers of both ends name each other, in the two namespaces as far as these are known."""
    if not own.shaping or interface.link_netns not in (None, own.namespace.inode):
        return False
    return any(
        _is_veth(each)
        and each.link == interface.index
        and each.index == interface.link
        and each.link_netns in (None, near.namespace.inode)
        for each in own.shaping[-1].interfaces
    )


def _limiter(table: Table, interface: Interface, queues: Sequence[Queue]) -> Limiter:
    before = _before(table.shaping, interface)
    lost, slowed, waiting = (_most(queues, name) for name in ("drops", "overlimits", "backlog"))
    sent = _most(queues, "sent_packets")
    return Limiter(
        where=f"{interface.name} of {table.netns}",
        what=", ".join(dict.fromkeys(_words(queue) for queue in queues if queue.limits)),
        waiting=waiting,
        standing=min(waiting, _most(before, "backlog")),
        lost=max(lost - _most(before, "drops"), 0) if before else 0,
        slowed=max(slowed - _most(before, "overlimits"), 0) if before else 0,
        seconds=table.shaping[-1].at_s - table.shaping[0].at_s,
        lost_share=lost / max(sent + lost, 1),
        slowed_share=min(slowed / max(sent + lost, 1), 1.0),
    )


def _most(queues: Sequence[Queue], name: str) -> int:
    """A discipline counts what its classes and those below them count once more: no sums."""
    return max((getattr(queue, name) or 0 for queue in queues), default=0)


def _before(readings: tuple[Shaping, ...], interface: Interface) -> tuple[Queue, ...]:
    """The same queues at the first reading; none where they were not the same then."""
    if len(readings) < 2:
        return ()
    first, last = readings[0].on(interface.index), readings[-1].on(interface.index)
    same = [(one.kind, one.handle, one.is_class) for one in first] == [
        (one.kind, one.handle, one.is_class) for one in last
    ]
    return first if same else ()


def _words(queue: Queue) -> str:
    if queue.rate or queue.ceil:
        return f"{queue.kind} {bits(queue.ceil or queue.rate or 0)}"
    return f"{queue.kind} {'; '.join(queue.filters)}".strip()


def bits(bytes_a_second: int) -> str:
    """A rate as tc(8) takes it: ``400kbit``."""
    rate = bytes_a_second * 8
    for unit, size in (("gbit", 10**9), ("mbit", 10**6), ("kbit", 10**3)):
        if rate >= size:
            return f"{rate / size:g}{unit}"
    return f"{rate}bit"
