"""CRI-O: the bundles of its containers in the run directory of containers/storage.

Each is ``/run/containers/storage/overlay-containers/ID/userdata`` with ``config.json`` and, as conmon
is told, ``pidfile`` (internal/oci/runtime_oci.go); the annotations hold the pod's name, its
addresses, its port mappings and the labels that its author gave (internal/annotations). A pod
mostly has no process of its own (``drop_infra_ctr``, on by default: crio.conf(5)): its containers then
lead to its namespace. Podman keeps its bundles in the same place; those without CRI-O's
annotations are not ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from halftrack.owners import cni, crictl, kubernetes, oci, ports
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container, Pod
from halftrack.owners.untrusted import addresses, mapping, parsed, short_id, text, toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.owners.node import Node
    from halftrack.owners.oci import Bundle

_SOCKET: Final = "/run/crio/crio.sock"
_CONFIGURATIONS: Final = ("etc/containers/storage.conf", "usr/share/containers/storage.conf")
_RUN_ROOT: Final = "/run/containers/storage"
_KEPT: Final = ("overlay-containers", "vfs-containers", "btrfs-containers")
"""Named after the storage driver."""
_CRIO: Final = "io.kubernetes.cri-o."
_MOST_ADDRESSES: Final = 16


class Crio:
    name = "cri-o"

    def is_present(self, node: Node) -> bool:
        return node.has("run/crio") or node.has("etc/crio")

    def ask(self, node: Node) -> Answer:
        run_root = _run_root(node)
        places = [place for place in (f"{run_root}/{kept}" for kept in _KEPT) if node.has(place)]
        if not places:
            return Answer(tuple(crictl.pods(node, (_SOCKET,))))
        try:
            found = tuple(_containers(node, places))
        except PermissionError as error:
            raise NoAnswer("CRI-O's state may not be read", ("CAP_DAC_READ_SEARCH",)) from error
        return Answer(found, "CRI-O's state could not be read in time" if node.is_late() else None)


def _containers(node: Node, places: Sequence[str]) -> Iterator[Container]:
    """Raises PermissionError."""
    connected = cni.attachments(node)
    for directory in places:
        for identifier in node.names(directory)[:MOST_CONTAINERS]:
            if node.is_late():
                return
            bundle = oci.read(node, f"{directory}/{identifier}/userdata", "pidfile")
            found = None if bundle is None else _container(bundle, connected)
            if found is not None:
                yield found


def _run_root(node: Node) -> str:
    for file in _CONFIGURATIONS:
        try:
            said = mapping(toml(node.peek(file)).get("storage")).get("runroot")
        except (ValueError, RecursionError):
            continue
        if isinstance(said, str) and said.startswith("/"):
            return said
    return _RUN_ROOT


def _container(bundle: Bundle, connected: dict[str, cni.Attachments]) -> Container | None:
    said = bundle.annotations
    sandbox = text(said.get(f"{_CRIO}SandboxID"))
    if not sandbox:
        return None
    infra = text(said.get(f"{_CRIO}ContainerType")) == "sandbox"
    identifier = sandbox if infra else text(said.get(f"{_CRIO}ContainerID")) or sandbox
    # What shares the node's namespace has the node's addresses, which are not its own.
    own = infra and text(said.get(f"{_CRIO}HostNetwork")) != "true"
    attached = connected.get(sandbox, cni.NONE) if own else cni.NONE
    told = tuple(addresses(_addresses(said))) if own else ()
    return Container(
        name=text(said.get(f"{_CRIO}KubeName"))
        or text(said.get("io.kubernetes.container.name"))
        or short_id(identifier),
        id=identifier,
        runtime=Crio.name,
        pid=bundle.pid,
        netns_inode=bundle.netns_inode,
        addresses=tuple(dict.fromkeys((*told, *attached.addresses))),
        ports=(ports.of_podman(parsed(said.get(f"{_CRIO}PortMappings"))) or attached.ports) if own else (),
        pod=_pod(said, sandbox),
        infra=infra,
    )


def _pod(said: dict[str, Any], sandbox: str) -> Pod | None:
    """As the kubelet labels it; a sandbox that crictl made has its metadata alone."""
    more = mapping(parsed(said.get(f"{_CRIO}Labels")))
    known = kubernetes.pod(said, more) or kubernetes.pod(more)
    if known is not None:
        return known
    name, space = text(said.get(f"{_CRIO}KubeName")), text(said.get(f"{_CRIO}Namespace"))
    uid = text(mapping(parsed(said.get(f"{_CRIO}Metadata"))).get("UID"))
    return Pod(name, uid or sandbox, space, kubernetes.workload(name, more)) if name and space else None


def _addresses(said: dict[str, Any]) -> Iterator[str]:
    """``IP.0``, ``IP.1``, …, of old versions one ``IP``."""
    yield text(said.get(f"{_CRIO}IP"))
    for place in range(_MOST_ADDRESSES):
        yield text(said.get(f"{_CRIO}IP.{place}"))
