"""What holds packets back in a namespace: its interfaces, their queueing disciplines and classes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interface:
    """``link``: number of the interface behind it, for a veth that of its other end.

    ``link_elsewhere``: whether that one is in another namespace, ``link_netns`` which, by its inode;
    None where that is not known. ``programs``: of BPF, that are attached to it without a filter of tc.
    """

    index: int
    name: str
    kind: str | None = None
    link: int | None = None
    link_elsewhere: bool = False
    link_netns: int | None = None
    programs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """A queueing discipline, or a class of one, on the interface with the number ``interface``.

    ``handle`` and ``parent`` as tc(8) writes them (``1:``, ``1:10``, ``root``). ``rate`` and ``ceil``
    bytes a second: what it lets through and the most that it may borrow; None where it has no such
    limit. ``delay_s``: what it adds on purpose. Counters since it was made: ``drops`` packets lost
    here, ``overlimits`` packets that came faster than the rate (delayed, not lost), ``requeues`` sent
    back by the driver; ``backlog`` bytes and ``qlen`` packets wait now. None where not told.
    ``filters``: what classifies or polices packets that come in, e.g. ``bpf NAME``, ``u32 police``, or,
    as the last word says, go ``outwards``.
    """

    interface: int
    kind: str
    handle: str
    parent: str
    is_class: bool = False
    rate: int | None = None
    ceil: int | None = None
    delay_s: float | None = None
    sent_bytes: int | None = None
    sent_packets: int | None = None
    backlog: int | None = None
    qlen: int | None = None
    drops: int | None = None
    overlimits: int | None = None
    requeues: int | None = None
    filters: tuple[str, ...] = ()

    @property
    def limits(self) -> bool:
        """Whether it has a rate, or a policer that drops what exceeds one."""
        return bool(self.rate or self.ceil) or any("police" in each.split() for each in self.filters)


@dataclass(frozen=True, slots=True)
class Shaping:
    """One reading of a namespace. ``at_s``: monotonic; ``unread``: what could not be had, in words.

    ``programs``: of BPF, that packets of its first process pass by its control group.
    """

    at_s: float
    interfaces: tuple[Interface, ...] = ()
    queues: tuple[Queue, ...] = ()
    unread: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    def named(self, index: int) -> str:
        """The name of an interface."""
        return next((each.name for each in self.interfaces if each.index == index), str(index))

    def on(self, index: int) -> tuple[Queue, ...]:
        """The disciplines and classes of an interface."""
        return tuple(each for each in self.queues if each.interface == index)


@dataclass(frozen=True, slots=True)
class RateSetting:
    """A rate in the configuration of OpenVZ or Virtuozzo; ``container``: its id, None for the node's own."""

    file: str
    line: int
    name: str
    value: str
    container: str | None
