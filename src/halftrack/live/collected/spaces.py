"""One network namespace out of its sections."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import sysctls
from halftrack.evidence.flows import FlowTable
from halftrack.evidence.printable import escaped
from halftrack.evidence.provenance import (
    ADDRESSES,
    COUNTERS,
    ENTRIES,
    ROUTING,
    RULES,
    SHAPING,
    SOCKETS,
    STACK,
    TCP,
    Origin,
    Origins,
    of_text,
)
from halftrack.evidence.uapi import IPPROTO_TCP, IPPROTO_UDP
from halftrack.evidence.values import Counters, LocalAddress, Namespace, Sockets, Table
from halftrack.formats import ip_addresses, ip_links, netstat, routing, ss, table, tc, tc_filters
from halftrack.formats.collection import CUT
from halftrack.formats.settings import assignment, full_name
from halftrack.kernel import counters, namespaces, sightings, socket_text
from halftrack.live.collected import rules
from halftrack.live.collected.shut import ENDED

if TYPE_CHECKING:
    from halftrack.evidence.shaping import Interface
    from halftrack.evidence.stack import StackCounters
    from halftrack.formats.collection import Section
    from halftrack.formats.table import Parsed
    from halftrack.kernel.counters import Reading

_MOST_TEXT: Final = 64 << 20
_PROTOCOLS: Final = {"tcp": IPPROTO_TCP, "tcp6": IPPROTO_TCP, "udp": IPPROTO_UDP, "udp6": IPPROTO_UDP}
_BEARS: Final = re.compile(
    r"net\.(?:netfilter\.nf_conntrack_|ipv4\.(?:netfilter\.|ip_forward$|ip_local_port_range$|tcp_keepalive_"
    r"|tcp_max_syn_backlog$|tcp_syncookies$|conf\..*\.rp_filter$))"
)
"""Settings that tell something here: the same as the collecting script asks for."""
_FILTERS: Final = ("tc-filter/in/", "tc-filter/out/")
_AS_PAIRS: Final = {"nstat": netstat.from_nstat, "netstat-s": netstat.from_sentences}
"""Other ways to show the same counters."""


def told(text: str) -> Mapping[str, str]:
    """``name value`` lines, in their order."""
    pairs = (line.partition(" ") for line in text.splitlines())
    return {name: value.strip() for name, blank, value in pairs if blank}


@dataclass(slots=True)
class Space:
    """What has come of it so far."""

    about: Mapping[str, str] = field(default_factory=dict)
    parsed: list[Parsed] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    stack: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    queues: dict[str, tuple[float, str]] = field(default_factory=dict)
    classes: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    filters: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=lambda: defaultdict(dict))
    links: tuple[Interface, ...] = ()
    sockets: list[pl.DataFrame] = field(default_factory=list)
    addresses: tuple[LocalAddress, ...] | None = None
    texts: dict[str, str] = field(default_factory=dict)
    asked_of: str | None = None
    """Of what somebody sent: the namespace to ask for what is missing; empty: the node's own."""
    read_from: dict[str, tuple[Origin, ...]] = field(default_factory=dict)
    container: str | None = None
    """The number of the container of OpenVZ that it is, where nothing else tells it from others."""
    mount: str | None = None
    """Where it is mounted."""
    cut: str | None = None
    """Why not all of its entries are here."""
    late: bool = False
    """It was to be read, and nothing was."""
    shut: str | None = None
    """Why there was no way into it any more, as ``collected.shut`` knows reasons."""

    @property
    def where(self) -> str:
        """The process or the path by which it was come to; empty where that is not told."""
        return sightings.plain_path(self.about.get("where", ""))

    @property
    def name(self) -> str:
        """What it would be called if it is not the node's own."""
        if self.container is not None:
            return f"ct-{self.container}"
        mount = self.mount or (self.where if "/" in self.where else None)
        return namespaces.called(mount, None if "/" in self.where else self.about.get("comm", ""))

    @property
    def pid(self) -> int | None:
        """A process that lives in it."""
        return int(self.where) if re.fullmatch(r"[0-9]{1,10}", self.where) else None

    @property
    def seen(self) -> int:
        """Entries that are here."""
        return sum(len(each.flows) for each in self.parsed)

    @property
    def count(self) -> int:
        """Entries that there were; 0 where that is not told."""
        return _number(self.about.get("count")) or 0

    @property
    def saves(self) -> bool:
        """Whether any rules of iptables are here."""
        return any(rules.is_save(what) for what in self.texts)

    @property
    def worth(self) -> bool:
        return self.about.get("read") == "yes"

    def take(self, what: str, section: Section) -> None:
        """``what``: the section's name within the namespace."""
        kind, _, rest = what.partition("/")
        if kind == "entries":
            self._read(section)
        elif kind in {"1", "2"}:
            self._counted(kind, rest, section)
        elif kind == "net" and rest in _PROTOCOLS:
            shown = section.raw(_MOST_TEXT)
            self.sockets.append(socket_text.parse(shown, _PROTOCOLS[rest]))
            self._found(SOCKETS, Origin(section.file, 1, shown.count(b"\n")))
        elif kind in _SETTINGS:
            for number, line in enumerate(section.text(_MOST_TEXT).splitlines(), 1):
                pair = _SETTINGS[kind](line)
                if pair is not None:
                    name, value = pair
                    self.settings[name] = value
                    self.read_from[name] = (Origin(section.file, number, number),)
        elif kind == "addresses":
            text = section.text(_MOST_TEXT)
            self.addresses = tuple(ip_addresses.parse(text))
            self.links = ip_links.parse(text)
            self._found(ADDRESSES, of_text(section.file, text))
        elif kind == "about":
            self.about = told(section.text(_MOST_TEXT))
        else:
            text = self.texts[what] = section.text(_MOST_TEXT)
            routes = routing.is_text_of(what)
            if routes and text and section.code != 0 and self.asked_of is None:
                self.texts[what] += routing.CUT
            self._found(TCP if what == "ss" else ROUTING if routes else RULES, of_text(section.file, text))

    def add(self, parsed: Parsed, file: str) -> None:
        """A part of the table, or all of it."""
        self.parsed.append(parsed)
        self._found(ENTRIES, parsed.flows.stands_in(file))

    def _found(self, what: str, origin: Origin) -> None:
        self.read_from[what] = (*self.read_from.get(what, ()), origin)

    def _read(self, section: Section) -> None:
        parsed = table.parse(section.chunks(), most_entries=max(section.room.entries, 1))
        section.room.entries -= len(parsed.flows)
        self.add(parsed, section.file)
        if section.code is None:
            self.cut = self.cut or CUT
        elif section.code:
            self.cut = self.cut or ("the time was up" if len(parsed.flows) else "reading them failed")
        elif parsed.truncated:
            self.cut = self.cut or "there are more than are kept"

    def _counted(self, reading: str, what: str, section: Section) -> None:
        text = section.text(_MOST_TEXT)
        origin = of_text(section.file, text)
        if what.startswith("stat/"):
            found = counters.parse(text)
            if found is not None:
                self.readings.append(replace(found, at_s=section.at_s))
                self._found(COUNTERS, origin)
        elif what == "conntrack-S":
            shown = counters.parse_shown(text)
            if shown is not None:
                self.readings.append(replace(shown, at_s=section.at_s))
                self._found(COUNTERS, origin)
        elif what in {"snmp", "netstat", *_AS_PAIRS}:
            pairs = _AS_PAIRS.get(what, str)(text)
            self.stack[reading].append((section.at_s, pairs))
            self._found(STACK, origin)
        elif what == "tc" and not section.code:  # nothing is said of queues that could not be shown
            self.queues[reading] = (section.at_s, text)
            self._found(SHAPING, origin)
        elif what.startswith("tc-class/"):
            self.classes[reading][what.partition("/")[2]] = text
        elif what.startswith(_FILTERS):
            _, way, device = what.split("/", 2)
            of_reading = self.filters[reading]
            of_reading[device] = of_reading.get(device, ()) + tc_filters.parse(text, outwards=way == "out")

    def table(self, name: str, inode: int | None) -> Table:
        count = _number(self.about.get("count")) if self.readings or self.about.get("count") != "0" else None
        where, pid = self.where, self.pid
        flows = self._flows()
        return Table(
            namespace=Namespace(
                name,
                inode,
                self.mount or (f"/proc/{pid}/ns/net" if pid else where if "/" in where else None),
                pid,
            ),
            count=max(count or 0, len(flows)) if flows is not None else count,
            limit=_number(self.settings.get(f"{sysctls.PREFIX}max")),
            buckets=_number(self.settings.get(f"{sysctls.PREFIX}buckets")),
            settings=self.settings,
            counters=self._counters(),
            flows=flows,
            skipped=not self.worth or self.shut == ENDED,
            unreadable=sum(each.unreadable for each in self.parsed),
            sockets=self._sockets(),
            addresses=self.addresses,
            tcp=ss.parse(self.texts["ss"]) if "ss" in self.texts else None,
            stack=tuple(_stack(texts) for _, texts in sorted(self.stack.items())),
            shaping=tuple(
                tc.parse(text, self.classes[reading], at_s, filters=self.filters[reading], links=self.links)
                for reading, (at_s, text) in sorted(self.queues.items())
            ),
            rules=rules.ruleset(self.texts),
            tracking=rules.asking(self.texts),
            read_from=self._read_from(),
        )

    def _read_from(self) -> Origins:
        """``ss`` shows sockets where there is no other list of them."""
        if self.sockets or TCP not in self.read_from:
            return self.read_from
        return {**self.read_from, SOCKETS: self.read_from[TCP]}

    def _sockets(self) -> Sockets | None:
        if self.sockets:
            return Sockets(pl.concat(self.sockets))
        shown = ss.sockets(self.texts["ss"]) if "ss" in self.texts else None
        return Sockets(shown) if shown is not None else None

    def _flows(self) -> FlowTable | None:
        if not self.parsed:
            return None
        first, *others = every = [each.flows for each in self.parsed]
        if not others:
            return first
        lines = [each.lines for each in every if each.lines is not None]
        return FlowTable(
            pl.concat([each.frame for each in every]),
            first.opaque,
            pl.concat(lines) if len(lines) == len(every) else None,
            tuple(map(len, every)),
        )

    def _counters(self) -> tuple[Counters, ...]:
        if len(self.readings) < 2:
            return tuple(each.counters() for each in self.readings)
        first, second = self.readings[:2]
        return first.counters(), second.counters_after(first)


def _setting(line: str) -> tuple[str, str] | None:
    """``name:value``, as the collecting script prints it."""
    name, colon, value = line.partition(":")
    return (full_name(escaped(name)), escaped(" ".join(value.split()))) if colon else None


def _assigned(line: str) -> tuple[str, str] | None:
    """``name = value``, as sysctl(8) prints it, of what bears on anything here."""
    pair = assignment(line)
    return pair if pair is not None and _BEARS.match(pair[0]) else None


_SETTINGS: Final = {"settings": _setting, "sysctl": _assigned}


def _stack(texts: list[tuple[float, str]]) -> StackCounters:
    return netstat.parse((text for _, text in texts), texts[0][0])


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,12}", text) else None
