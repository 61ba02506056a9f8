"""A node seen through a directory: another root's /proc, /sys, /run, /etc, as files alone.

That is either a copy, or the node's own file systems mounted into a container. In the latter
``/proc/PID/net`` leads into every namespace, while ``/proc/sys/net`` shows the settings of
whoever reads it, so those are taken for our own namespace only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack import owners
from halftrack.evidence import tells
from halftrack.evidence.printable import escaped
from halftrack.evidence.provenance import KERNEL, Origin
from halftrack.evidence.values import HOST, Evidence, Gap
from halftrack.kernel import (
    counters,
    files,
    firewall,
    namespaces,
    privileges,
    sightings,
    slab,
    stack,
    survey,
    sysctl,
    sysctl_files,
    table_text,
    vz_rates,
)
from halftrack.live import depth, gaps
from halftrack.live.entries import Entries
from halftrack.live.moment import Start
from halftrack.live.place import Details, Place

if TYPE_CHECKING:
    from halftrack.evidence.values import Namespace

_PROC_ROOT_INODE: Final = 1
"""PROC_ROOT_INO, fs/proc/root.c: what the top of a real /proc has and no copy of it."""


def examine(root: Path, *, budget_s: float | None) -> Evidence:
    """What the tree tells; what it cannot is a gap."""
    start = Start.now(budget_s)
    mounted = _is_mounted(root)
    spaces, found_gaps = namespaces.find(root)
    places = [_place(root, namespace, ours=at == 0, mounted=mounted) for at, namespace in enumerate(spaces)]
    stated: list[Gap] = []
    for place in places:
        place.wanted = place.namespace.name == HOST or place.look is None or place.look.worth_reading
        if place.wanted:
            stated += _read(root, place, start.deadline, mounted=mounted)
    unread = Gap("sockets", "another root is read as files alone", would_tell=tells.OF_SOCKETS)
    named, owner_gaps = owners.find(spaces, root=root)
    for place, namespace in zip(places, namespaces.with_owners(spaces, named), strict=True):
        place.namespace = namespace
    places.sort(key=lambda place: place.namespace.name != HOST)
    kernel = root / "proc/sys/kernel/osrelease"
    return Evidence(
        node=_line(root / "etc/hostname") or _line(root / "proc/sys/kernel/hostname") or str(root),
        source="live",
        kernel=_line(kernel),
        taken_at=start.taken_at if mounted else None,
        tables=tuple(place.table() for place in places),
        owners=named,
        gaps=(*stated, unread, *found_gaps, *owner_gaps),
        sysctl_lines=sysctl_files.read(root),
        firewall=firewall.detect(root),
        rate_settings=vz_rates.read(root),
        in_container=all(place.namespace.name != HOST for place in places),
        user=privileges.user_name(),
        entry_bytes=slab.entry_bytes(root),
        seconds=start.seconds,
        read_from={KERNEL: (Origin(str(kernel), 1, 1),)},
    )


def _is_mounted(root: Path) -> bool:
    """Whether the tree's /proc is a kernel's own, not a copy."""
    try:
        return (root / "proc").stat().st_ino == _PROC_ROOT_INODE
    except OSError:
        return False


def _place(root: Path, namespace: Namespace, *, ours: bool, mounted: bool) -> Place:
    """What is known before the entries are read."""
    found = sysctl.limits(root / "proc")
    visible = ours or not mounted
    net = _net(root, namespace)
    reading = counters.read(net)
    limits = sysctl.Limits(
        reading.entries if reading and (mounted or found.count is None) else found.count if visible else None,
        found.limit if visible or not files.exists(root / "proc/vz") else None,
        found.buckets,
    )
    place = Place(namespace, proc=str(root / "proc"))
    place.look = survey.Look(limits, reading, sightings.statistics_inode(net), inside=False)
    place.depth = depth.Depth(stack=depth.counted(stack.read(net)))
    place.details = Details(sysctl.settings(root / "proc") if visible else {}, None, None)
    return place


def _net(root: Path, namespace: Namespace) -> Path:
    """Where the namespace's files are; a copy mostly has one directory for them."""
    for process in (namespace.pid, "self", 1):
        directory = root / f"proc/{process}/net"
        if process is not None and files.is_directory(directory):
            return directory
    return root / "proc/net"


def _read(root: Path, place: Place, deadline: float | None, *, mounted: bool) -> list[Gap]:
    """Read the entries as text into ``place``; what stood in the way."""
    from halftrack.formats import table  # noqa: PLC0415  # heavy, and not every tree holds a table

    name = place.namespace.name
    count = place.look.limits.count if place.look else None
    what = f"entries of {name}"
    if mounted and count is not None and count > table_text.MOST_ENTRIES:
        why = f"{count:,} are too many to read through /proc; run on the node itself"
        return [Gap(what, why, (), tells.OF_ENTRIES, name)]
    try:
        with table_text.open_in(_net(root, place.namespace)) as file:
            chunks = table_text.Chunks(file, deadline)
            parsed = table.parse(chunks)
    except PermissionError:
        return [Gap(what, "reading them is not permitted", ("root",), tells.OF_ENTRIES, name)]
    except OSError as error:
        return [Gap(what, error.strerror or str(error), (), tells.OF_ENTRIES, name)]
    place.entries = Entries(parsed.flows, parsed.unreadable)
    return [Gap(f"the rest of the {what}", gaps.LATE, (), tells.OF_ENTRIES, name)] if chunks.cut else []


def _line(path: Path) -> str | None:
    """A file's first line, made printable; None where there is none."""
    line = (files.text(path, 256) or "").partition("\n")[0].strip()
    return escaped(line) or None
