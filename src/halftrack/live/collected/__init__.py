"""Evidence out of what the collecting script printed on a node.

private     a directory for as long as something is read
files       files of the node, put into it
spaces      one network namespace: its table, settings, counters, sockets, queues
rules       its rules
routes      which way answers take from it
missing     what was to be read of it and is not there
shut        those that there was no way into
node        all of it as Evidence
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.errors import UnreadableInput
from halftrack.evidence import tells
from halftrack.evidence.printable import escaped
from halftrack.evidence.provenance import KERNEL, NODE, TAKEN_AT, Origin
from halftrack.evidence.values import Gap, Input, Masked, MaskedBy
from halftrack.formats import kernel_log, table
from halftrack.formats.collection import CUT, Collection
from halftrack.kernel import namespaces, sightings
from halftrack.live import gaps
from halftrack.live.collected import missing, node, shut
from halftrack.live.collected.files import MOST_BYTES, Files
from halftrack.live.collected.private import private
from halftrack.live.collected.spaces import Space, told
from halftrack.owners import sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from halftrack.evidence.values import Evidence
    from halftrack.formats.collection import Section
    from halftrack.formats.kernel_log import Scanned

_SMALL: Final = 64 << 10
_MOST_SPACES: Final = 20_000
_LISTING: Final = 16 << 20
_PROCESS: Final = re.compile(r"^([0-9]{1,10}) ([0-9]{1,10})$", re.MULTILINE | re.ASCII)
_LISTED: Final = re.compile(r"^\S+ [0-9a-f]{64} ([0-9]{1,10}) ", re.MULTILINE | re.ASCII)
_PRINTED: Final = {"vzlist": sent.VZLIST, "docker": sent.LISTING, "podman": sent.LISTING}
_KEPT: Final = ("about", "missing", "late", "unseen", "shut", "hidden")
_MOUNT: Final = re.compile(r"([0-9]{1,10})=(/\S{1,512})", re.ASCII)
_LOGS: Final = {"dmesg": "dmesg", "journal": "journalctl -k"}


def read(pieces: Iterator[bytes], name: str) -> Evidence:
    """``pieces``: the text, unpacked; ``name``: how the file is shown.

    What was cut off or could not be had on the node is a gap. Raises UnreadableInput where nothing was
    collected at all.
    """
    collection = Collection(pieces, name)
    with private() as root:
        found = _Sections(Files(root))
        for section in collection.sections():
            found.take(section)
        if not found.spaces:
            raise UnreadableInput(f"{name} holds nothing of a node: the script did not get so far")
        cut = None if collection.complete else collection.why_cut
        found.close(cut)
        lacking = list(_gaps(name, found, cut))
        if collection.room.short:
            lacking.append(
                Gap(f"the rest of {name}", "it holds more than any node has", (), tells.OF_ENTRIES)
            )
        evidence = node.evidence(
            root, name, found.about, found.spaces, lacking, logs=found.logs, printed=found.printed
        )
        read_from = {
            what: (Origin("about", line, line),)
            for line, what in enumerate(found.about, 1)
            if what in (NODE, KERNEL, TAKEN_AT)
        }
        masked: Masked = "substituted" if found.about.get("masked") == "substituted" else "none"
        given = replace(_input(name, found.spaces), masked=masked, masked_by=_masked_by(found.about))
        return replace(evidence, read_from=read_from, input=given)


@dataclass(slots=True)
class _Sections:
    """What has come of them so far."""

    files: Files
    texts: dict[str, str] = field(default_factory=dict)
    """By the name of the section."""
    spaces: dict[str, Space] = field(default_factory=dict)
    logs: list[Scanned] = field(default_factory=list)
    mounts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By the number of the namespace."""
    printed: list[tuple[str, str]] = field(default_factory=list)
    _elsewhere: dict[str, str] = field(default_factory=dict)
    """By process, the namespace that it lives in."""
    asked: bool = False
    """Whether anybody was asked whose the namespaces are."""
    silent: list[str] = field(default_factory=list)
    """Whoever was asked and did not answer, or not to the end."""
    shut: dict[str, str] = field(default_factory=dict)
    """Namespaces of which nothing else is known, as there was no way into them, and why."""

    @property
    def about(self) -> Mapping[str, str]:
        return told(self.texts.get("about", ""))

    @property
    def late(self) -> list[str]:
        """Namespaces that were to be read and were not, for want of time."""
        return [number for number, space in self.spaces.items() if space.late]

    def words(self, name: str) -> list[str]:
        return self.texts.get(name, "").split()

    def take(self, section: Section) -> None:
        where, _, what = section.name.partition("/")
        if where == "ns":
            number, _, what = what.partition("/")
            if number not in self.spaces and len(self.spaces) >= _MOST_SPACES:
                section.room.short = True
                return
            space = self.spaces.setdefault(number, _space(number))
            space.take(what, section)
            if what == "about" and (pid := space.pid) is not None and number.isdecimal():
                self.files.lives(pid, int(number))
        elif where == "file":
            self.files.take(f"/{what}", section.raw(MOST_BYTES))
        elif where == "owners":
            self._owners(what, section)
        elif where == "log":
            self.logs.append(kernel_log.scan(section.chunks(), escaped(_LOGS.get(what, f"/var/log/{what}"))))
        elif section.name in _KEPT:
            self.texts[section.name] = section.text(_SMALL)
        else:
            self._of_node(section.name, section.text(_LISTING).split("\n"))

    def close(self, cut: str | None) -> None:
        """What is told of a namespace elsewhere than among its own sections. ``cut``: why not all arrived."""
        late, ways = set(self.words("late")), shut.told(self.words("shut"))
        self.shut = {number: why for number, why in ways.items() if number not in self.spaces}
        for number, space in self.spaces.items():
            space.mount = namespaces.preferred(self.mounts.get(number, ()))
            space.late = number in late
            space.shut = ways.get(number)
            if cut is not None and space.worth and (not space.parsed or space.cut == CUT):
                space.cut = cut

    def _of_node(self, what: str, lines: list[str]) -> None:
        """What is known of files and processes of the node without their contents."""
        if what == "namespaces":
            self.files.number(lines)
        elif what == "mounts":
            for found in filter(None, map(_MOUNT.fullmatch, lines)):
                path = sightings.plain_path(found[2])
                self.mounts[found[1]].append(path)
                self.files.mounted(path, int(found[1]))
        elif what == "there":
            self.files.touch(lines)
        elif what == "running":
            self.files.run(lines)

    def _owners(self, what: str, section: Section) -> None:
        """``lines``: of files that tell whose a process is; ``processes``: where; else what tools say."""
        text = section.text(_LISTING)
        self.asked = True
        if what == "lines":
            self.files.take_lines(text)
        elif what == "processes":
            self._elsewhere.update(_PROCESS.findall(text))
        elif what in _PRINTED:
            if section.code != 0:
                self.silent.append(what)
            self.printed.append((_PRINTED[what], text))
            for pid in _LISTED.findall(text):
                if pid in self._elsewhere:
                    self.files.lives(int(pid), int(self._elsewhere[pid]))


def _masked_by(about: Mapping[str, str]) -> MaskedBy | None:
    """The script makes a new map each time."""
    number = about.get("masked_by", "")
    return MaskedBy(number, 1) if number else None


def _space(number: str) -> Space:
    container = re.fullmatch(r"ve([0-9]{1,10})", number)
    return Space(container=container[1] if container else None)


def _input(name: str, spaces: Mapping[str, Space]) -> Input:
    parsed = [each for space in spaces.values() for each in space.parsed]
    cut = [space for space in spaces.values() if space.late or space.cut is not None]
    seen = sum(len(each.flows) for each in parsed)
    counted = seen + sum(max(space.count - space.seen, 0) for space in cut)
    faults = (fault for each in parsed for fault in each.first_unreadable)
    return Input(
        files=(name,),
        lines=sum(each.lines for each in parsed),
        unreadable=sum(each.unreadable for each in parsed),
        first_unreadable=tuple(itertools.islice(faults, table.FAULTS)),
        truncated=bool(cut),
        visible=seen / counted if counted else 1.0,
        formats=("collected by script",),
    )


def _gaps(name: str, found: _Sections, cut: str | None) -> Iterator[Gap]:
    if cut is not None:
        yield Gap(f"the rest of {name}", cut, ("the whole of it",), tells.OF_ENTRIES)
    yield from missing.tools(found.words("missing"), found.spaces.values(), found.about.get("kernel", ""))
    if late := found.late:
        yield Gap(f"entries of {len(late):,} namespaces", gaps.LATE, (), tells.OF_ENTRIES)
    if unseen := [number for number in found.words("unseen") if number in found.spaces]:
        what = f"sockets, queues and second counters of {words.count(len(unseen), 'namespace')}"
        yield Gap(
            what, gaps.LATE, (), tuple(dict.fromkeys((*tells.OF_SOCKETS, *tells.OF_TCP, *tells.OF_SHAPING)))
        )
    yield from shut.of(found.shut, found.mounts)
    yield from shut.of_processes("".join(found.words("hidden")))
    for runtime in found.silent:
        yield Gap(f"names of containers of {runtime}", "it did not answer in time, or not at all", (), ())
    if found.about.get("first") == "0" and not any(each.container for each in found.spaces.values()):
        why = "this kernel does not tell which there are"
        yield Gap("other network namespaces", why, (), ("other tables",))
    if not any(log.head for log in found.logs):
        yield Gap("kernel log", "it could not be read there", ("dmesg",))
    if not found.asked:
        yield Gap("names of containers", "the script asked for none", ("halftrack collect",), ())
