"""What a runtime leaves around a process: its cgroup, its monitor, its mounts.

The cgroup says enough nearly always. Not where a container runs without one of its own or we look
from inside; then the monitor that started it names it in its arguments, or the files that the
runtime mounts into each container (``/etc/hostname``, ``/etc/hosts``) come from a directory named
after it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.owners import cgroups, lxc
from halftrack.owners.cgroups import Identity
from halftrack.owners.runtime import Container
from halftrack.owners.untrusted import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.owners.node import Node

_ENVIRONMENT_ID: Final = re.compile(r"^envID:\s*([1-9][0-9]*)$", re.MULTILINE)
"""OpenVZ kernels show a process's container in ``/proc/PID/status``."""
_LXC: Final = "lxc"
_LXC_PATHS: Final = {
    "incus": re.compile(r"/incus/containers?(?: |$)"),
    "lxd": re.compile(r"/lxd/containers?(?: |$)"),
}
"""Where they keep what they let LXC run, as its monitor names it (``lxc.lxcpath``)."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_MOUNTED: Final = (
    ("kubernetes", re.compile(r"/pods/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/etc-hosts ")),
    ("podman", re.compile(r"/overlay-containers/([0-9a-f]{64})/userdata/(?:hostname|hosts|\.containerenv) ")),
    ("docker", re.compile(r"/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) ")),
)


def containers(node: Node) -> Iterator[Container]:
    """What runs in each namespace, as far as a process in it tells; none for the node's own."""
    for space in node.namespaces:
        if space.inode is None or space.inode == node.host_inode or space.pid is None:
            continue
        found = identify(node, space.pid)
        if found is None:
            continue
        yield Container(cgroups.label(found), found.id, found.runtime, space.pid, space.inode)


def identify(node: Node, pid: int) -> Identity | None:
    """Whose a process is, by the strongest trace that says so; None where none does."""
    openvz = node.has("proc/vz")
    environment = _ENVIRONMENT_ID.search(node.peek(f"proc/{pid}/status", 1 << 14)) if openvz else None
    if environment is not None:
        return Identity("openvz", environment[1])
    lines = node.peek(f"proc/{pid}/cgroup", 1 << 16)
    found = cgroups.container(lines, openvz=openvz)
    if found is None or found.name is None or found.runtime == _LXC:
        watched = _monitored(node, pid)
        if watched is not None and (found is None or watched.id == found.id or _is_numbered(found, watched)):
            found = watched
    return found or _mounted(node, pid) or cgroups.unit(lines)


def _is_numbered(found: Identity, watched: Identity) -> bool:
    """LXC numbers a cgroup whose name was taken, by a container that ended badly or by another user's."""
    name, dash, rest = found.id.rpartition("-")
    numbered = bool(dash) and rest.isdecimal() and name == watched.id
    return found.runtime == _LXC and watched.runtime in (_LXC, *_LXC_PATHS) and numbered


def _monitored(node: Node, pid: int) -> Identity | None:
    """By the arguments of conmon, containerd's shim, lxc-start or systemd-nspawn above the process."""
    for ancestor in node.ancestors(pid):
        words = node.peek(f"proc/{ancestor}/cmdline", 1 << 16).split("\0")
        found = _by_arguments(words)
        if found is not None:
            return found
    return None


def _by_arguments(words: Sequence[str]) -> Identity | None:
    called = words[0].rpartition("/")[2]
    if called == "conmon":
        identifier, name = _after(words, "-c", "--cid"), _after(words, "-n", "--name")
        if _HASH.fullmatch(identifier):
            made_by = "cri-o" if any("crio" in word for word in words) else "podman"
            return Identity(made_by, identifier, printable(name) or None)
    elif called.startswith("containerd-shim"):
        identifier, namespace = _after(words, "-id", "--id"), _after(words, "-namespace", "--namespace")
        if _HASH.fullmatch(identifier):
            return Identity("docker" if namespace == "moby" else "containerd", identifier)
    elif called == "systemd-nspawn":
        name = printable(_after(words, "-M", "--machine"))
        return Identity("nspawn", name, name) if name else None
    elif called == "lxc-start" or words[0].startswith("[lxc monitor] "):
        return _of_lxc(_after(words, "-n", "--name") or words[0].rpartition(" ")[2], words)
    return None


def _of_lxc(given: str, words: Sequence[str]) -> Identity | None:
    """``[lxc monitor] PATH NAME``: whose the container is shows by the directory that it is kept in."""
    name = printable(given)
    runtime = next((one for one, kept in _LXC_PATHS.items() if kept.search(words[0])), _LXC)
    return Identity(runtime, name, lxc.full_name(name) if runtime != _LXC else name) if name else None


def _after(words: Sequence[str], *options: str) -> str:
    """An option's value: the next word, or what follows ``=``."""
    for place, word in enumerate(words[1:], 1):
        if word in options and place + 1 < len(words):
            return words[place + 1]
        for option in options:
            if word.startswith(f"{option}="):
                return word.partition("=")[2]
    return ""


def _mounted(node: Node, pid: int) -> Identity | None:
    mounts = node.peek(f"proc/{pid}/mountinfo")
    for runtime, pattern in _MOUNTED:
        found = pattern.search(mounts)
        if found is not None:
            return Identity(runtime, found[1])
    return None
