"""Whose an address or a namespace is: asked of every runtime that is here, all at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import HOST, Gap, Namespace, Owner
from halftrack.owners import merging, traces
from halftrack.owners.containerd import Containerd
from halftrack.owners.crio import Crio
from halftrack.owners.docker import Docker
from halftrack.owners.incus import INCUS, LXD
from halftrack.owners.kubernetes import Kubelet
from halftrack.owners.lxc import Lxc
from halftrack.owners.named import Named
from halftrack.owners.node import Node
from halftrack.owners.nspawn import Nspawn
from halftrack.owners.openvz import OpenVZ
from halftrack.owners.podman import Podman
from halftrack.owners.process import NoAnswer
from halftrack.owners.published import published
from halftrack.owners.runtime import Answer
from halftrack.owners.sent import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.owners.runtime import Container, Runtime

__all__ = ["RUNTIMES", "find", "published"]

RUNTIMES: Final[tuple[Runtime, ...]] = (
    Sent(),
    OpenVZ(),
    Crio(),
    Containerd(),
    Podman(),
    Docker(),
    INCUS,
    LXD,
    Lxc(),
    Nspawn(),
    Kubelet(),
    Named(),
)
"""Where two tell of the same thing the earlier one counts."""
_GRACE_S: Final = 0.5
"""For killing what was late and for reading what is there without it."""
_WOULD_TELL: Final = ("which container an address belongs to", "which ports of the node lead to it")


def find(
    namespaces: Sequence[Namespace],
    *,
    root: Path = Path("/"),
    timeout_s: float = 2.0,
    runtimes: Sequence[Runtime] = RUNTIMES,
    printed: Sequence[tuple[str, str]] = (),
) -> tuple[tuple[Owner, ...], tuple[Gap, ...]]:
    """Owners of addresses and of namespaces, sorted by name, and what kept some from being known.

    All runtimes together have ``timeout_s`` seconds; one that is late is killed and becomes a gap.
    Where ``root`` is another one than ``/``, files below it are read and no command is run; ``printed``
    is what commands said there.
    """
    node = Node(
        root,
        time.monotonic() + timeout_s,
        tuple(namespaces),
        _host_inode(namespaces, root),
        runs_commands=root == Path("/"),
        printed=tuple(printed),
    )
    traced: list[Container] = []
    tracing = _Asked(_TRACES, node, lambda: _trace(node, traced))
    asked = [(runtime, _Asked(runtime.name, node, partial(_ask, runtime, node))) for runtime in runtimes]
    answers = [(runtime.name, one.answer()) for runtime, one in asked]
    answers.append((_TRACES, tracing.answer()))
    told = [c for name, answer in answers if name != Named.name for c in answer.containers]
    named = [c for name, answer in answers if name == Named.name for c in answer.containers]
    gaps = tuple(_gap(name, answer) for name, answer in answers if answer.lacks)
    return merging.owners(told, tuple(traced), named, node), gaps


_TRACES: Final = "/proc"


def _trace(node: Node, found: list[Container]) -> Answer:
    """Into ``found``, so that what was found in time counts also where the rest is late."""
    for one in traces.containers(node):
        found.append(one)  # noqa: PERF402  # one by one, for whoever does not wait for the last
    return Answer()


def _ask(runtime: Runtime, node: Node) -> Answer:
    return runtime.ask(node) if runtime.is_present(node) else Answer()


@dataclass(slots=True)
class _Asked:
    """Somebody being asked in a thread that nothing waits for longer than it may take.

    Even to look whether a file is there may take for ever, on a mount that nobody serves any more.
    """

    name: str
    node: Node
    ask: Callable[[], Answer]
    _answers: list[Answer] = field(default_factory=list)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"ask {self.name}", daemon=True)
        self._thread.start()

    def answer(self) -> Answer:
        self._thread.join(max(self.node.deadline + _GRACE_S - time.monotonic(), 0))
        return self._answers[0] if self._answers else Answer(lacks=f"{self.name} is still being read")

    def _run(self) -> None:
        try:
            self._answers.append(self.ask())
        except NoAnswer as error:
            self._answers.append(Answer(lacks=str(error), needs=error.needs))
        except OSError as error:
            self._answers.append(Answer(lacks=f"{self.name} cannot be read: {error.strerror}"))
        except Exception as error:  # noqa: BLE001  # what a runtime says and stores may be anything
            self._answers.append(Answer(lacks=f"{self.name} makes no sense: {type(error).__name__}"))


def _host_inode(namespaces: Sequence[Namespace], root: Path) -> int | None:
    """The node's own namespace; None inside a container, where every namespace is somebody's."""
    if namespaces:
        return next((space.inode for space in namespaces if space.name == HOST), None)
    return Node(root, 0.0).netns(1)


def _gap(name: str, answer: Answer) -> Gap:
    return Gap(f"owners that {name} knows", answer.lacks or "", answer.needs, _WOULD_TELL)
