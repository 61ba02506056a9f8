"""The kernel's log as text: of dmesg, /dev/kmsg, syslog's files and the journal.

Lines are looked for as they come and counted by what they say; what they say about time is understood once
everything else was read, as it takes the moment of the boot, the year or the zone from elsewhere. Only what
the kernel says counts: in files of syslog, lines that name it as their source.

The messages: net/netfilter/nf_conntrack_core.c, nf_conntrack_helper.c, net/ipv4/tcp_input.c
(tcp_syn_flood_action), net/core/neighbour.c, lib/ratelimit.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from halftrack.evidence.kernel_log import KernelLog, Kind, Lines, Stamp
from halftrack.evidence.printable import escaped
from halftrack.formats.log_lines import HEAD, message_at, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from halftrack.formats.log_lines import Clock

_NEEDLES: Final = (
    b"table full",
    b"SYN flooding on port",
    b"our table overflow",
    b"or table overflow",
    b" suppressed",
    b": dropping packet",
)
_MESSAGES: Final[Mapping[Kind, re.Pattern[str]]] = {
    "table-full": re.compile(
        r"(?:VE(?P<ve>[\w.-]{1,64}): )?(?:(?:nf|ip)_conntrack:? ){1,2}(?:CT (?P<ct>[\w.-]{1,64}): )?"
        r"table full(?: in netns (?P<netns>\d{1,10}))?, dropping packet",
        re.ASCII,
    ),
    "helper-dropped": re.compile(r"nf_ct_\w{1,32}: dropping packet\b", re.ASCII),
    "syn-flood": re.compile(
        r"(?:TCP: )?(?:\w{1,32}: )?[Pp]ossible SYN flooding on port (?:\S{1,64}:)?(?P<port>\d{1,5})\.",
        re.ASCII,
    ),
    "neighbours-full": re.compile(
        r"(?:\w{1,16}: ){0,2}(?:neighbor table overflow!|Neighbour table overflow\.)", re.ASCII
    ),
    "suppressed": re.compile(
        r"(?:net_ratelimit: (?P<some>\d{1,12}) callbacks|printk: (?P<old>\d{1,12}) messages) suppressed",
        re.ASCII,
    ),
}
_LONGEST_LINE: Final = 2_048
_MOST_TEXT: Final = 160
_PACKET: Final = " IN="
"""From here on a message tells of the packet, and not of what was the matter."""
_MOST_KINDS: Final = 1_000
"""Of ports, containers and namespaces together: lines beyond are not told apart any more."""
_TITLES: Final = 20
"""Lines that tools may put above the first one of the log."""


@dataclass(frozen=True, slots=True)
class _Seen:
    count: int
    first: str
    last: str
    line: int
    """Number of the last line in its file."""


@dataclass(slots=True)
class Scanned:
    """One log. ``head``: its first line with a time. ``seen``: by kind, namespace, container and port."""

    source: str
    head: str = ""
    seen: dict[tuple[Kind, int | None, str | None, int | None], _Seen] = field(default_factory=dict)

    def take(self, line: str, number: int) -> None:
        for kind, form in _MESSAGES.items():
            found = form.match(line, message_at(line))
            if found is None:
                continue
            told = found.groupdict()
            netns, port = _number(told.get("netns")), _number(told.get("port"))
            key = kind, netns, told.get("ve") or told.get("ct"), port
            if key not in self.seen and len(self.seen) >= _MOST_KINDS:
                key = kind, None, None, None
            count = int(told.get("some") or told.get("old") or 1)
            before = self.seen.get(key)
            self.seen[key] = _Seen(
                count + (before.count if before else 0), before.first if before else line, line, number
            )
            return


def scan(pieces: Iterable[bytes], source: str) -> Scanned:
    """``source``: how it is shown. Costs little where nothing of use is said."""
    found = Scanned(source)
    rest = b""
    number = 0
    for piece in pieces:
        block, feed, tail = (rest + piece).rpartition(b"\n")
        rest = tail[-_LONGEST_LINE:]
        if feed:
            number = _scan_block(block + feed, number, found)
    _scan_block(rest, number, found)
    return found


def _scan_block(block: bytes, number: int, found: Scanned) -> int:
    """Returns the number of lines up to here."""
    if not found.head and number < _TITLES:
        lines = map(_text, block.split(b"\n", _TITLES)[:_TITLES])
        found.head = next(filter(HEAD.match, lines), "")
    counted = at = 0
    if any(needle in block for needle in _NEEDLES):
        for match in _WANTED.finditer(block):
            begin = block.rfind(b"\n", 0, match.start()) + 1
            end = block.find(b"\n", match.end())
            counted += block.count(b"\n", at, begin)
            at = begin
            found.take(_text(block[begin : end if end >= 0 else len(block)]), number + counted + 1)
    return number + counted + block.count(b"\n", at)


_WANTED: Final = re.compile(b"|".join(re.escape(needle) + b"[^\n]*" for needle in _NEEDLES))


def _text(line: bytes) -> str:
    return line[:_LONGEST_LINE].decode("utf-8", "replace").rstrip("\r")


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def understood(logs: Iterable[Scanned], clock: Clock) -> KernelLog:
    """All logs of one node together.

    Several of them tell of the same lines: of each kind the one that has most counts, and the earliest and
    the latest of all.
    """
    logs = list(logs)
    merged: dict[tuple[Kind, int | None, str | None, int | None], Lines] = {}
    for log in logs:
        for key, seen in log.seen.items():
            one = _lines(key, seen, log.source, clock)
            merged[key] = _together(merged[key], one) if key in merged else one
    begins = _known([stamp_of(log.head, clock) for log in logs])
    return KernelLog(
        tuple(dict.fromkeys(log.source for log in logs)),
        min(begins, key=_order),
        tuple(sorted(merged.values(), key=lambda each: (each.kind, -each.count, each.source))),
    )


def _lines(
    key: tuple[Kind, int | None, str | None, int | None], seen: _Seen, source: str, clock: Clock
) -> Lines:
    kind, netns, container, port = key
    return Lines(
        kind=kind,
        count=seen.count,
        first=stamp_of(seen.first, clock),
        last=stamp_of(seen.last, clock),
        source=f"{source}:{seen.line}",
        text=escaped(seen.last[message_at(seen.last) :].partition(_PACKET)[0], _MOST_TEXT),
        netns_inode=netns,
        container=container,
        port=port,
    )


def _together(one: Lines, other: Lines) -> Lines:
    most = other if other.count > one.count else one
    return replace(
        most,
        first=min(_known([one.first, other.first]), key=_order),
        last=max(_known([one.last, other.last]), key=_order),
    )


def _known(stamps: Sequence[Stamp]) -> Sequence[Stamp]:
    """Those that can be put in order; one that tells nothing where all tell nothing."""
    return (
        [stamp for stamp in stamps if stamp.at is not None]
        or [stamp for stamp in stamps if stamp.up_s is not None]
        or [Stamp()]
    )


def _order(stamp: Stamp) -> float:
    return stamp.at.timestamp() if stamp.at is not None else stamp.up_s or 0.0
