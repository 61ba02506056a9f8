"""containerd: the bundles of its tasks, of Kubernetes' pods as well as of nerdctl and ctr.

A running task has a bundle below the state directory: ``io.containerd.runtime.v2.task/NAMESPACE/ID``
(core/runtime/v2/bundle.go of containerd 2, runtime/v2/bundle.go since 1.2), with shims of the first
kind ``io.containerd.runtime.v1.linux/…``; ``config.json`` and ``init.pid`` are there in both. Its CRI
plugin annotates what the kubelet asked for (internal/cri/annotations; the uid since 1.6), nerdctl
writes its labels as annotations too (pkg/labels). What is Docker's own is told by Docker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from halftrack.owners import cni, crictl, kubernetes, oci, ports
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container, Pod
from halftrack.owners.untrusted import parsed, printable, short_id, text, toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.owners.node import Node
    from halftrack.owners.oci import Bundle

_STATES: Final = (
    "/run/containerd",
    "/run/k3s/containerd",  # and RKE2
    "/run/k0s/containerd",
    "/var/snap/microk8s/common/run/containerd",
)
_SOCKETS: Final = tuple(f"{state}/containerd.sock" for state in _STATES)
_TASKS: Final = ("io.containerd.runtime.v2.task", "io.containerd.runtime.v1.linux")
_CONFIGURATION: Final = "etc/containerd/config.toml"
_DOCKERS: Final = frozenset({"moby", "plugins.moby"})
_USUAL: Final = ("k8s.io", "default")
"""Namespaces of the CRI plugin, and of nerdctl and ctr."""
_CRI: Final = "io.kubernetes.cri."


class Containerd:
    name = "containerd"

    def is_present(self, node: Node) -> bool:
        return any(node.has(f"{state}/{tasks}") for state in _STATES for tasks in _TASKS) or node.has(
            _CONFIGURATION
        )

    def ask(self, node: Node) -> Answer:
        places = [tasks for tasks in _places(node) if node.has(tasks)]
        if not places:
            return Answer(tuple(crictl.pods(node, _SOCKETS)))
        try:
            found = tuple(_containers(node, places))
        except PermissionError as error:
            raise NoAnswer("containerd's state may not be read", ("CAP_DAC_READ_SEARCH",)) from error
        return Answer(found, "containerd's state could not be read in time" if node.is_late() else None)


def _containers(node: Node, places: Sequence[str]) -> Iterator[Container]:
    """Raises PermissionError."""
    directories = [
        f"{tasks}/{namespace}"
        for tasks in places
        for namespace in _namespaces(node, tasks)
        if namespace not in _DOCKERS
    ]
    connected = cni.attachments(node) if directories else {}
    for directory in directories:
        for identifier in node.names(directory)[:MOST_CONTAINERS]:
            if node.is_late():
                return
            bundle = oci.read(node, f"{directory}/{identifier}", "init.pid")
            if bundle is not None:
                yield _container(identifier, bundle, connected.get(identifier, cni.NONE))


def _namespaces(node: Node, tasks: str) -> list[str]:
    """Raises PermissionError where others than Docker may have tasks in a directory that is closed."""
    try:
        return node.names(tasks)
    except PermissionError:
        if any(node.has(f"{tasks}/{namespace}") for namespace in _USUAL):
            raise
        return []


def _places(node: Node) -> Iterator[str]:
    """The directories of tasks, first that which the configuration names."""
    try:
        configured = toml(node.peek(_CONFIGURATION)).get("state")
    except (ValueError, RecursionError):
        configured = None
    chosen = [configured] if isinstance(configured, str) and configured.startswith("/") else []
    for state in dict.fromkeys([*chosen, *_STATES]):
        for tasks in _TASKS:
            yield f"{state}/{tasks}"


def _container(identifier: str, bundle: Bundle, connected: cni.Attachments) -> Container:
    said = bundle.annotations
    name = text(said.get("nerdctl/name")) or text(said.get(f"{_CRI}container-name"))
    published = ports.of_podman(parsed(said.get("nerdctl/ports")))
    return Container(
        name=name or short_id(printable(identifier)),
        id=printable(identifier),
        runtime=Containerd.name,
        pid=bundle.pid,
        netns_inode=bundle.netns_inode,
        addresses=connected.addresses,
        ports=published or connected.ports,
        pod=_pod(said),
        infra=text(said.get(f"{_CRI}container-type")) == "sandbox",
    )


def _pod(said: dict[str, Any]) -> Pod | None:
    """Before 1.6 without its uid; the sandbox's id then tells one pod from another."""
    keys = ("sandbox-name", "sandbox-namespace", "sandbox-uid", "sandbox-id")
    name, space, uid, sandbox = (text(said.get(f"{_CRI}{key}")) for key in keys)
    if not (name and space and (uid or sandbox)):
        return None
    return Pod(name, uid or sandbox, space, kubernetes.workload(name, {}))
