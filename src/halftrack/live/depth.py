"""The closer look: how the connections of affected namespaces fare, and what holds their packets back.

Counters are read twice. The first time is cheap and long past when it is known which namespaces are
affected, so it comes for all; what it gave is kept as it came and worked out for these alone.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import HOST
from halftrack.formats import netstat
from halftrack.kernel import bpf, namespaces, netns_ids, queues, routes, survey, traffic_control
from halftrack.kernel import stack as kernel_stack
from halftrack.live import gaps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.evidence.routing import Routing
    from halftrack.evidence.shaping import Shaping
    from halftrack.evidence.stack import StackCounters
    from halftrack.evidence.tcp_sockets import TcpSockets
    from halftrack.kernel.traffic_control import Answers
    from halftrack.live.place import Place

_SOCKETS_S: Final = 3.0
"""How long reading the sockets of all of them together may take."""
_NO_SOCK_DIAG: Final = "the kernel has no sock_diag for TCP at hand"


@dataclass(slots=True)
class Depth:
    """Of one namespace. ``sockets`` None: not read, ``no_sockets`` says why."""

    sockets: TcpSockets | None = None
    no_sockets: str = ""
    stack: tuple[StackCounters, ...] = ()
    shaping: tuple[Shaping, ...] = ()
    routing: Routing | None = None


def read(places: Sequence[Place], deadline: float | None) -> None:
    """Sockets and routes into the depth of each place."""
    give_up = time.monotonic() + _SOCKETS_S
    give_up = give_up if deadline is None else min(give_up, deadline)
    by_namespace = {place.namespace: place for place in places}
    results = survey.visit(list(by_namespace), lambda one: _read(by_namespace[one].ends, give_up))
    for place, result in zip(places, results, strict=True):
        why = gaps.ENDED if isinstance(result, namespaces.Vanished) else str(result)
        place.depth = result if isinstance(result, Depth) else Depth(no_sockets=why)


def _read(ends: Sequence[tuple[str, str]], give_up: float) -> Depth:
    found = Depth(*_sockets(give_up))
    with contextlib.suppress(OSError):
        found.routing = routes.read(ends)
    return found


def _sockets(give_up: float) -> tuple[TcpSockets | None, str]:
    if time.monotonic() > give_up:
        return None, gaps.LATE
    from halftrack.kernel import sock_diag, tcp_sockets  # noqa: PLC0415  # heavy, and a dump is to start first

    try:
        found = tcp_sockets.read(deadline=give_up)
    except (sock_diag.Unfinished, OSError) as error:
        return None, gaps.LATE if time.monotonic() > give_up else str(error)
    return found, "" if found else _NO_SOCK_DIAG


def read_again(places: Sequence[Place]) -> None:
    """The second reading of the counters and queues, and both of them as values."""
    with contextlib.ExitStack() as stack:
        spaces = _opened(places, stack)
        results = survey.visit([place.namespace for place in places], lambda _: _read_again(spaces))
    for place, result in zip(places, results, strict=True):
        if isinstance(result, (OSError, namespaces.Vanished)):
            continue
        texts, answers, known = result
        place.depth = place.depth or Depth()
        place.depth.stack = counted(place.look.stack if place.look else None, texts)
        *before, last = _held_back(known, place.look.traffic if place.look else None, answers)
        place.depth.shaping = (*before, replace(last, programs=_of_control_group(place)))


def _read_again(spaces: Mapping[int, int]) -> tuple[kernel_stack.Texts | None, Answers, dict[int, int]]:
    traffic = traffic_control.with_programs(traffic_control.read())
    return kernel_stack.read(survey.net_directory()), traffic, netns_ids.inodes(spaces)


def _of_control_group(place: Place) -> tuple[str, ...]:
    """BPF programs of what lives there; the node's own are nobody's in particular."""
    pid = place.namespace.pid
    return () if pid is None or place.own or place.namespace.name == HOST else bpf.of_process(pid)


def _opened(places: Sequence[Place], stack: contextlib.ExitStack) -> dict[int, int]:
    """Descriptors of those that can be opened, by inode."""
    found: dict[int, int] = {}
    for place in places:
        with contextlib.suppress(OSError, namespaces.Vanished):
            fd = int(Path(stack.enter_context(namespaces.opened(place.namespace))).name)
            found[os.fstat(fd).st_ino] = fd
    return found


def counted(*readings: kernel_stack.Texts | None) -> tuple[StackCounters, ...]:
    """Those that there are, in order."""
    return tuple(netstat.parse(each.texts, each.at_s) for each in readings if each is not None)


def _held_back(spaces: Mapping[int, int], *readings: Answers | None) -> tuple[Shaping, ...]:
    """Likewise; ``spaces``: see ``queues.shaping``."""
    return tuple(queues.shaping(each, spaces) for each in readings if each is not None)
