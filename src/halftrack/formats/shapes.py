"""What a skeleton means: the kind of its lines and where which column's value stands in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from halftrack.evidence import uapi

LONGEST: Final = 4096
"""Longest skeleton that is looked at; entries have a few hundred characters."""


class Kind(IntEnum):
    """What the lines of a shape are."""

    ENTRY = 0
    UNREADABLE = 1
    AGAIN = 2
    """An entry with an address that is no dotted quad: to be read with every address captured."""
    SKIPPED = 3
    """Blank, a comment, the wrapping of an XML document."""
    SHOWN = 4
    """How many entries conntrack(8) says that it has shown; the count is the last number."""
    SETTING = 5
    RELEASE = 6
    MOMENT = 7
    """A line of date(1)."""


class Event(IntEnum):
    """What an event line says; a table's line is none."""

    NONE = 0
    NEW = 1
    UPDATE = 2
    DESTROY = 3


class Op(NamedTuple):
    """One value of a line: ``what`` is done with number ``slot`` for ``column``; see operations.py.

    ``extra`` is the operation's own; labels count theirs with it.
    """

    what: str
    column: str
    slot: int
    extra: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """``ops`` take what varies from line to line, the rest is the same for all lines."""

    kind: Kind
    reason: str = ""
    ops: tuple[Op, ...] = ()
    l4proto: int = -1
    state: int = -1
    status: int = uapi.IPS_CONFIRMED
    event: Event = Event.NONE
    format: str = ""
    ended: bool = True
    """Whether the line holds what such a line always ends with: if not it may have been cut."""


class Unreadable(ValueError):
    """A skeleton that is no entry, and why."""


class NeedsText(ValueError):
    """An entry whose addresses must be looked at as text."""


PROTOCOL_NUMBERS: Final = MappingProxyType(
    {name: number for number, name in uapi.PROTOCOL_NAMES.items()} | {"ipv6-icmp": uapi.IPPROTO_ICMPV6}
)
UNKNOWN_PROTOCOL: Final = -1
_DIRECTIONS: Final = ("orig", "reply")
SECONDS: Final = (1 << 63) - 1
"""Largest timeout; the column is signed."""
_WORD_MOST: Final = (1 << 64) - 1
_DIRECTION_NUMBERS: Final[dict[str, tuple[int, tuple[int, ...] | None]]] = {
    "sport": (0xFFFF, uapi.PORT_PROTOCOLS),
    "dport": (0xFFFF, uapi.PORT_PROTOCOLS),
    "type": (0xFF, uapi.ICMP_PROTOCOLS),
    "code": (0xFF, uapi.ICMP_PROTOCOLS),
    "srckey": (0xFFFF, (uapi.IPPROTO_GRE,)),
    "dstkey": (0xFFFF, (uapi.IPPROTO_GRE,)),
    "packets": (_WORD_MOST, None),
    "bytes": (_WORD_MOST, None),
}
"""Largest value, and the protocols whose tuples hold it (None: it is no part of the tuple)."""
_ENTRY_NUMBERS: Final = {
    "mark": ("mark", 0xFFFFFFFF),
    "id": ("id", 0xFFFFFFFF),
    "delta-time": ("delta_time", 0xFFFFFFFF),
}
_TEXTS: Final = ("helper", "secctx", "labels")
_ZONES: Final = {
    "zone": uapi.NF_CT_DEFAULT_ZONE_DIR,
    "zone-orig": uapi.NF_CT_ZONE_DIR_ORIG,
    "zone-reply": uapi.NF_CT_ZONE_DIR_REPL,
}
TCP_STATES_BY_NAME: Final = MappingProxyType(
    {name: number for number, name in enumerate(uapi.TCP_STATES)} | {"LISTEN": uapi.TCP_CONNTRACK_SYN_SENT2}
)


def state_number(l4proto: int, name: str) -> int:
    """Number of a state by name. Raises Unreadable where the protocol has no such state."""
    names = uapi.STATE_NAMES.get(l4proto, ())
    if l4proto == uapi.IPPROTO_TCP and name in TCP_STATES_BY_NAME:
        return TCP_STATES_BY_NAME[name]
    if name in names:
        return names.index(name)
    raise Unreadable("a state that the protocol does not have")


@dataclass(slots=True)
class Reader:
    """Collects an entry's values from its ``key=value`` words, whichever format they come from.

    ``l4proto`` is the number that the protocol's name stands for, ``UNKNOWN_PROTOCOL`` where
    it stands for none: then only addresses and counters are taken from the tuples.
    """

    WHOLE: ClassVar[int] = 2
    """The direction of what belongs to the entry and to neither direction of it."""

    l4proto: int
    ops: list[Op] = field(default_factory=list)
    direction: int = -1
    addresses_needed: bool = False
    quads: int = 0
    _seen: set[str] = field(default_factory=set)

    def take(self, key: str, value: str, slot: int) -> None:
        """One word. ``value`` is its part of the skeleton, ``slot`` the index of its first number."""
        again = key == "src" and self.direction < self.WHOLE and f"{self._side}_src" in self._seen
        if self.direction < 0 or again:
            if self.direction > 0:
                raise Unreadable("more than two directions")
            self.turn(self.direction + 1)
        if key in ("src", "dst"):
            self._address(f"{self._side}_{key}", value, slot)
        elif key in _DIRECTION_NUMBERS:
            limit, protocols = _DIRECTION_NUMBERS[key]
            if protocols is None or self.l4proto in protocols:
                self.number(f"{self._side}_{key}", value, slot, limit)
        elif key == "id" and self._icmp_id_missing:
            self.number(f"{self._side}_icmp_id", value, slot, 0xFFFF)
        elif key in _ENTRY_NUMBERS:
            column, limit = _ENTRY_NUMBERS[key]
            self.number(column, value, slot, limit)
        elif key in _ZONES:
            self.number("zone", value, slot, 0xFFFF)
            self.ops.append(Op("constant", "zone_dir", slot, _ZONES[key]))
        elif key in _TEXTS:
            self._text(key, value, slot)

    def turn(self, direction: int) -> None:
        """What follows belongs to the original (0) or the reply (1) direction, or to the whole entry."""
        self.direction = direction

    def number(self, column: str, value: str, slot: int, limit: int) -> None:
        """A number in decimal or hexadecimal, up to ``limit``. Raises Unreadable for anything else."""
        self._once(column)
        if value == "=0":
            self.ops.append(Op("number", column, slot, limit))
        elif value == "@0":
            self.ops.append(Op("spelled", column, slot, limit))
        else:
            raise Unreadable(f"{column.replace('_', ' ')} is no number")

    def add(self, what: str, column: str, slot: int, extra: int = 0) -> None:
        """An operation of a format's own. Raises Unreadable where the column has a value already."""
        self._once(column)
        self.ops.append(Op(what, column, slot, extra))

    def finish(self) -> tuple[Op, ...]:
        """All operations. Raises Unreadable where an entry lacks something, NeedsText as it says."""
        needed = [f"{side}_{end}" for side in _DIRECTIONS for end in ("src", "dst")]
        if not self._seen.issuperset(needed):
            raise Unreadable("a direction without both addresses")
        if self.l4proto in uapi.PORT_PROTOCOLS:
            ports = [f"{side}_{end}port" for side in _DIRECTIONS for end in "sd"]
            if not self._seen.issuperset(ports):
                raise Unreadable("a direction without both ports")
        if self.addresses_needed:
            raise NeedsText
        return tuple(self.ops)

    @property
    def _side(self) -> str:
        if self.direction == self.WHOLE:
            raise Unreadable("a value that belongs to no direction")
        return _DIRECTIONS[self.direction]

    @property
    def _icmp_id_missing(self) -> bool:
        if self.l4proto not in uapi.ICMP_PROTOCOLS or self.direction == self.WHOLE:
            return False
        return f"{self._side}_icmp_id" not in self._seen

    def _once(self, column: str) -> None:
        if column in self._seen:
            raise Unreadable("the same value twice")
        self._seen.add(column)

    def _address(self, stem: str, value: str, slot: int) -> None:
        self._once(stem)
        if value == "=0.0.0.0":
            self.quads += 1
            self.ops.append(Op("quad", stem, slot))
        elif value == "@0":
            self.ops.append(Op("captured", stem, slot))
        elif value == "=":
            raise Unreadable("an address is missing")
        else:
            self.addresses_needed = True

    def _text(self, column: str, value: str, slot: int) -> None:
        if column != "labels":
            self._once(column)
        what = {"@0": "text", "=0": "digits"}.get(value)
        if what:
            # Labels are several elements in XML and one list elsewhere.
            self.ops.append(Op(what, column, slot, sum(op.column == column for op in self.ops)))
