"""The fallback that always works: a process's cgroup path names its container.

Runtimes name the cgroup after the container, with systemd as its manager (``docker-<id>.scope``)
or without (``/docker/<id>``). What only holds a container up (``libpod-conmon-…``,
``lxc.monitor.…``) is not the container.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.owners.untrusted import printable, short_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID: Final = r"(?P<id>[0-9a-f]{64})"
_POD: Final = re.compile(
    r"pod(?P<id>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$"
)
_ESCAPED: Final = re.compile(r"\\x([0-9a-f]{2})")
_NUMBERED: Final = re.compile(r"[1-9][0-9]{2,9}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEGMENTS: Final = tuple(
    (runtime, re.compile(pattern))
    for runtime, pattern in (
        ("docker", rf"docker-{_ID}\.scope"),
        ("podman", rf"libpod-(?:payload-)?{_ID}(?:\.scope)?"),
        ("cri-o", rf"crio-{_ID}(?:\.scope)?"),
        ("containerd", rf"(?:cri-containerd|nerdctl)-{_ID}\.scope"),
        ("containerd", rf"[^:]+:(?:cri-containerd|nerdctl):{_ID}"),
        ("cri-o", rf"[^:]+:crio:{_ID}"),
        ("lxc", r"lxc\.payload\.(?P<id>.+)"),
    )
)
_BELOW: Final = {"docker": "docker", "libpod_parent": "podman", "buildkit": "buildkit", "garden": "garden"}
"""Parents below which each directory with an id is a container."""
_LXC: Final = ("lxc", "lxc.payload")
_MACHINE: Final = re.compile(r"machine-(?:lxc-[0-9]+-)?(?P<id>.+)\.scope")
_UNIT: Final = re.compile(r"(?P<id>[^/]+\.service)")
_ANY_ID: Final = re.compile(_ID)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a trace of a process says: whose it is. ``name`` where the trace holds one."""

    runtime: str
    id: str
    name: str | None = None


def container(lines: str, *, openvz: bool = False) -> Identity | None:
    """The container or pod that ``/proc/PID/cgroup`` names; None where it names none.

    ``openvz``: whether a directory that is only a number or a uuid is one of OpenVZ's.
    """
    for path in _paths(lines):
        segments = [segment for segment in path.split("/") if segment]
        pod = next(filter(None, map(_POD.search, segments)), None)
        # The kubelet's root may lie deeper: /kubelet.slice/kubelet-kubepods.slice/… of a node in a container.
        if pod is not None and any("kubepods" in segment for segment in segments):
            return Identity("kubernetes", pod["id"].replace("_", "-"))
        for before, segment in reversed(list(zip([None, *segments], segments, strict=False))):
            found = _of_segment(before, segment, openvz=openvz)
            if found is not None:
                return found
    return None


def unit(lines: str) -> Identity | None:
    """The system service that a process belongs to, one with a network of its own perhaps."""
    for path in _paths(lines):
        before, _, rest = path.partition("/system.slice/")
        found = _UNIT.search(rest) if not before else None
        if found is not None:
            name = printable(_unescaped(found["id"]))
            return Identity("systemd", name, name)
    return None


def _paths(lines: str) -> Iterator[str]:
    """The unified hierarchy last: on a mixed node the others are more exact."""
    listed = [line.split(":", 2) for line in lines.splitlines()]
    paths = [fields[2] for fields in listed if len(fields) == 3 and fields[2] != "/"]
    yield from dict.fromkeys(paths)


def _of_segment(before: str | None, segment: str, *, openvz: bool) -> Identity | None:
    for runtime, pattern in _SEGMENTS:
        found = pattern.fullmatch(segment)
        if found is not None:
            identifier = printable(found["id"])
            return Identity(runtime, identifier, identifier if runtime == "lxc" else None)
    if before in _BELOW and _ANY_ID.fullmatch(segment):
        return Identity(_BELOW[before], segment)
    if before in _LXC:
        name = printable(segment)
        return Identity("lxc", name, name)
    machine = _MACHINE.fullmatch(_unescaped(segment))
    if machine is not None and not machine["id"].startswith("qemu-"):
        name = printable(machine["id"])
        return Identity("nspawn", name, name)
    if openvz and _NUMBERED.fullmatch(segment):
        return Identity("openvz", segment)
    return None


def _unescaped(name: str) -> str:
    """A unit's name as systemd.unit(5) escapes it, back in clear."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)


def label(identity: Identity) -> str:
    """How to call it: its name, else its id as short as the tools show it."""
    return identity.name or short_id(identity.id)
