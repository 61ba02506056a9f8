"""What a runtime is to us: something that may be here, and that knows containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from halftrack.evidence.values import PublishedPort
    from halftrack.owners.node import Node

MOST_CONTAINERS: Final = 20_000
"""More than any node runs; a listing that claims more is cut, and that is said."""


@dataclass(frozen=True, slots=True)
class Pod:
    """Containers that share a network namespace, names made printable.

    ``namespace``: Kubernetes' own, empty for a pod of Podman's. ``workload``: what made it, as far
    as its labels or its name tell.
    """

    name: str
    id: str
    namespace: str = ""
    workload: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Container:
    """What a runtime says of one container, names made printable.

    ``pod``: the group that it belongs to. ``infra``: it only holds the network namespace open.
    Addresses and ports are those that the runtime itself gave it. One that has none and whose
    namespace is not known lends its name to what a trace shows under the same id.
    """

    name: str
    id: str
    runtime: str
    pid: int | None = None
    netns_inode: int | None = None
    addresses: tuple[str, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    pod: Pod | None = None
    infra: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Containers, and why some may be missing: half a sentence, None where none are."""

    containers: tuple[Container, ...] = ()
    lacks: str | None = None
    needs: tuple[str, ...] = ()


class Runtime(Protocol):
    """One runtime; stateless, asked from a thread of its own."""

    @property
    def name(self) -> str:
        """``Owner.runtime`` of what it tells, unless that is a pod of Kubernetes'."""
        ...

    def is_present(self, node: Node) -> bool:
        """Whether it is used here. Starts no process and reads no file's content."""
        ...

    def ask(self, node: Node) -> Answer:
        """Its containers that run, or have an address. Raises NoAnswer."""
        ...
