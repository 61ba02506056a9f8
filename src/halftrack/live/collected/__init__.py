"""Evidence out of what the collecting script printed on a node.

files       files of the node, put into a private directory for as long as they are read
spaces      one network namespace: its table, settings, counters, sockets, queues, rules
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack import owners
from halftrack.errors import UnreadableInput
from halftrack.evidence.printable import escaped
from halftrack.evidence.values import HOST, Evidence, Gap, Input
from halftrack.formats.collection import Collection
from halftrack.kernel import firewall, namespaces, slab, sysctl_files, vz_rates
from halftrack.live import gaps
from halftrack.live.collected.files import Files
from halftrack.live.collected.spaces import Space, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TELLS: Final = {"ss": gaps.OF_TCP, "tc": gaps.OF_SHAPING}
"""What is missed most of what may be missing on a node."""
_SMALL: Final = 64 << 10
_OWNERS_S: Final = 2.0


def read(pieces: Iterator[bytes], name: str) -> Evidence:
    """``pieces``: the text, unpacked; ``name``: how the file is shown.

    What was cut off or could not be had on the node is a gap. Raises UnreadableInput where nothing was
    collected at all.
    """
    collection = Collection(pieces, name)
    about: Mapping[str, str] = {}
    missing: list[str] = []
    spaces: dict[str, Space] = {}
    with _private() as root:
        files = Files(root)
        for section in collection.sections():
            where, _, what = section.name.partition("/")
            if where == "ns":
                number, _, what = what.partition("/")
                spaces.setdefault(number, Space()).take(what, section)
            elif where == "file":
                files.take(f"/{what}", section)
            elif section.name == "about":
                about = told(section.text(_SMALL))
            elif section.name == "there":
                files.touch(section.text(_SMALL).split("\n"))
            elif section.name == "running":
                files.run(section.text(_SMALL).split("\n"))
            elif section.name == "missing":
                missing = section.text(_SMALL).split()
        if not spaces:
            raise UnreadableInput(f"{name} holds nothing of a node: the script did not get so far")
        return _evidence(root, name, about, spaces, _gaps(name, missing, whole=collection.complete))


@contextmanager
def _private() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="halftrack-") as place:
        yield Path(place)


def _evidence(
    root: Path, name: str, about: Mapping[str, str], spaces: Mapping[str, Space], lacking: list[Gap]
) -> Evidence:
    first = about.get("first", "")
    plain = [HOST if number == first or len(spaces) == 1 else each.name for number, each in spaces.items()]
    inodes = [int(number) if number.isdecimal() else None for number in spaces]
    names = namespaces.distinct(plain, inodes)
    tables = [
        each.table(called, inode) for each, called, inode in zip(spaces.values(), names, inodes, strict=True)
    ]
    found = [table.namespace for table in tables]
    named, _ = owners.find(found, root=root, timeout_s=_OWNERS_S)
    owned = [
        replace(table, namespace=namespace)
        for table, namespace in zip(tables, namespaces.with_owners(found, named), strict=True)
    ]
    owned.sort(key=lambda table: table.netns != HOST)
    lacking += (gap for each, called in zip(spaces.values(), names, strict=True) for gap in each.gaps(called))
    return Evidence(
        node=escaped(about.get("node", "")) or name,
        source="bundle",
        kernel=escaped(about.get("kernel", "")) or None,
        taken_at=_moment(about.get("taken_at", "")),
        tables=tuple(owned),
        owners=named,
        gaps=tuple(lacking),
        input=Input(files=(name,), formats=("collected by script",)),
        sysctl_lines=sysctl_files.read(root),
        firewall=firewall.detect(root),
        rate_settings=vz_rates.read(root),
        user=None if about.get("user", "0") == "0" else f"uid {escaped(about['user'])}",
        entry_bytes=slab.entry_bytes(root),
        machine=escaped(about.get("machine", "")) or None,
    )


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _gaps(name: str, missing: list[str], *, whole: bool) -> list[Gap]:
    found = []
    if not whole:
        what = f"the rest of {name}"
        found.append(
            Gap(what, "the script was stopped, or its output cut", ("the whole of it",), gaps.OF_ENTRIES)
        )
    for tool, tells in _TELLS.items():
        if tool in missing:
            found.append(Gap(f"what {tool} shows", f"{tool} is not installed there", (), tells))
    owners_unasked = "the script asks no container runtime"
    found.append(Gap("names of containers", owners_unasked, ("halftrack collect",), ()))
    return found
