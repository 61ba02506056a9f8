"""Whose an address or a namespace is: asked of every runtime that is here, all at once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import HOST, Gap, Namespace, Owner
from halftrack.owners import merging, traces
from halftrack.owners.docker import Docker
from halftrack.owners.named import Named
from halftrack.owners.node import Node
from halftrack.owners.nspawn import Nspawn
from halftrack.owners.openvz import OpenVZ
from halftrack.owners.podman import Podman
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import Answer, Runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNTIMES: Final[tuple[Runtime, ...]] = (OpenVZ(), Podman(), Docker(), Nspawn(), Named())
_GRACE_S: Final = 0.5
"""For killing what was late and for reading what is there without it."""
_WOULD_TELL: Final = ("which container an address belongs to", "which ports of the node lead to it")


def find(
    namespaces: Sequence[Namespace],
    *,
    root: Path = Path("/"),
    timeout_s: float = 2.0,
    runtimes: Sequence[Runtime] = RUNTIMES,
) -> tuple[tuple[Owner, ...], tuple[Gap, ...]]:
    """Owners of addresses and of namespaces, sorted by name, and what kept some from being known.

    Each runtime has ``timeout_s`` seconds; one that is late is killed and becomes a gap. Where
    ``root`` is another one than ``/``, files below it are read and no command is run.
    """
    node = Node(
        root,
        time.monotonic() + timeout_s,
        tuple(namespaces),
        _host_inode(namespaces, root),
        runs_commands=root == Path("/"),
    )
    asked = [_Asked(runtime, node) for runtime in runtimes if runtime.is_present(node)]
    traced = list(traces.containers(node))
    answers = [(one.runtime, one.answer()) for one in asked]
    told = [c for runtime, answer in answers if runtime.name != Named.name for c in answer.containers]
    named = [c for runtime, answer in answers if runtime.name == Named.name for c in answer.containers]
    gaps = tuple(_gap(runtime, answer) for runtime, answer in answers if answer.lacks)
    return merging.owners(told, traced, named, node), gaps


@dataclass(slots=True)
class _Asked:
    """A runtime being asked, in a thread that nothing waits for longer than it may take."""

    runtime: Runtime
    node: Node
    _answers: list[Answer] = field(default_factory=list)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._ask, name=f"ask {self.runtime.name}", daemon=True)
        self._thread.start()

    def answer(self) -> Answer:
        self._thread.join(max(self.node.deadline - time.monotonic(), 0) + _GRACE_S)
        return self._answers[0] if self._answers else Answer(lacks=f"{self.runtime.name} is still being read")

    def _ask(self) -> None:
        try:
            self._answers.append(self.runtime.ask(self.node))
        except NoAnswer as error:
            self._answers.append(Answer(lacks=str(error), needs=error.needs))
        except OSError as error:
            self._answers.append(Answer(lacks=f"{self.runtime.name} cannot be read: {error.strerror}"))
        except Exception as error:  # noqa: BLE001  # what a runtime says and stores may be anything
            self._answers.append(Answer(lacks=f"{self.runtime.name} makes no sense: {type(error).__name__}"))


def _host_inode(namespaces: Sequence[Namespace], root: Path) -> int | None:
    """The node's own namespace; None inside a container, where every namespace is somebody's."""
    if namespaces:
        return next((space.inode for space in namespaces if space.name == HOST), None)
    return Node(root, 0.0).netns(1)


def _gap(runtime: Runtime, answer: Answer) -> Gap:
    return Gap(f"owners that {runtime.name} knows", answer.lacks or "", answer.needs, _WOULD_TELL)
