"""Evidence out of what the collecting script printed on a node.

files       files of the node, put into a private directory for as long as they are read
spaces      one network namespace: its table, settings, counters, sockets, queues, rules
node        all of it as Evidence
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.errors import UnreadableInput
from halftrack.evidence.provenance import KERNEL, NODE, TAKEN_AT, Origin
from halftrack.evidence.values import Gap, Input
from halftrack.formats.collection import Collection
from halftrack.live import gaps
from halftrack.live.collected import node
from halftrack.live.collected.files import MOST_BYTES, Files
from halftrack.live.collected.spaces import Space, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from halftrack.evidence.values import Evidence

_TELLS: Final = {"ss": gaps.OF_TCP, "tc": gaps.OF_SHAPING}
"""What is missed most of what may be missing on a node."""
_SMALL: Final = 64 << 10


def read(pieces: Iterator[bytes], name: str) -> Evidence:
    """``pieces``: the text, unpacked; ``name``: how the file is shown.

    What was cut off or could not be had on the node is a gap. Raises UnreadableInput where nothing was
    collected at all.
    """
    collection = Collection(pieces, name)
    about: Mapping[str, str] = {}
    missing: list[str] = []
    spaces: dict[str, Space] = {}
    with node.private() as root:
        files = Files(root)
        for section in collection.sections():
            where, _, what = section.name.partition("/")
            if where == "ns":
                number, _, what = what.partition("/")
                spaces.setdefault(number, Space()).take(what, section)
            elif where == "file":
                files.take(f"/{what}", section.raw(MOST_BYTES))
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
        lacking = _gaps(name, missing, whole=collection.complete)
        found = node.evidence(root, name, about, spaces, lacking)
        read_from = {
            what: (Origin("about", line, line),)
            for line, what in enumerate(about, 1)
            if what in (NODE, KERNEL, TAKEN_AT)
        }
        return replace(
            found, read_from=read_from, input=Input(files=(name,), formats=("collected by script",))
        )


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
