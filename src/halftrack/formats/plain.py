"""Entries as /proc/net/nf_conntrack, /proc/net/ip_conntrack, conntrack -L and -E print them.

Field order: ``net/netfilter/nf_conntrack_standalone.c:ct_seq_show`` and
``libnetfilter_conntrack/src/conntrack/snprintf_default.c``. Words that neither of them prints
are skipped where they look like ``key=value`` or ``[FLAG]``: vendors add their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.formats.moments import MONTHS
from halftrack.formats.shapes import (
    PROTOCOL_NUMBERS,
    UNKNOWN_PROTOCOL,
    Event,
    Kind,
    Reader,
    Shape,
    Unreadable,
    state_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_HEAD: Final = re.compile(
    r"(?<![A-Za-z0-9_.-])"
    r"(?:(?P<l3>ipv0)[ \t]+(?P<l3num>0)[ \t]+)?"
    r"(?P<l4>[a-z][a-z0_.-]*)[ \t]+(?P<l4num>0)[ \t]+"
    r"(?:(?P<minus>-?)(?P<timeout>0)[ \t]+)?"
    r"(?:(?P<state>[A-Z][A-Z0_]*)[ \t]+)?"
    r"(?:timeout=0,?[ \t]+stream_timeout=0[ \t]+)?"
    r"(?=src[=@])"
)
_EVENT: Final = re.compile(r"\[(NEW|UPDATE|DESTROY)\][ \t]*$")
_WORD: Final = re.compile(r"[^ \t\r]+")
_PAIR: Final = re.compile(r"([A-Za-z_][\w.-]*)([=@].*)")
_FLAG: Final = re.compile(r"\[[^\[\]]*\]")
_FLAGS: Final = {
    "[ASSURED]": uapi.IPS_ASSURED,
    "[OFFLOAD]": uapi.IPS_OFFLOAD,
    # Hardware offload is only ever begun for a flow that the flow table has taken over.
    "[HW_OFFLOAD]": uapi.IPS_OFFLOAD | uapi.IPS_HW_OFFLOAD,
}

_NAMELESS_LABELS: Final = "labels"
"""What ``-o labels`` leaves of ``labels=`` where connlabel.conf names none of an entry's labels."""
_MOMENT: Final = ("[start@0", "[stop@0")


def grammar(skeleton: str) -> Shape:
    """The shape of an entry's skeleton. Raises Unreadable where it is none."""
    head = _HEAD.search(skeleton)
    if head is None:
        raise Unreadable("no entry of a connection-tracking table")
    event = _EVENT.search(skeleton, 0, head.start())
    words = [(word.group(), word.start()) for word in _WORD.finditer(skeleton, head.end())]
    if any("\x01" in word for word, _ in words):
        raise Unreadable("bytes that are no text")

    def slot(position: int) -> int:
        return skeleton.count("0", 0, position)

    l4proto = PROTOCOL_NUMBERS.get(head["l4"].replace("0", "6"), UNKNOWN_PROTOCOL)
    reader = Reader(l4proto)
    _columns_before_tuples(reader, head, slot)
    state = -1
    if head["state"]:
        state = state_number(l4proto, head["state"].replace("0", "2"))
        if "0" in head["state"]:
            reader.add("is", "state's digit", slot(head.start("state")), 2)
    status, extended = _words(reader, words, slot)
    if head["l3"]:
        reader.add("is family", "family", slot(head.start("l3")), reader.quads)
    else:
        reader.add("family", "family", 0, reader.quads)
    ops = reader.finish()
    return Shape(
        Kind.ENTRY,
        ops=ops,
        l4proto=l4proto,
        state=state,
        status=status,
        event=Event[event[1]] if event else Event.NONE,
        format=_format(event=event is not None, layer3=head["l3"] is not None, extended=extended),
        ended=event is not None
        or any(word.startswith("use=") for word, _ in words)
        or any(op.column == "id" for op in ops),
    )


def _columns_before_tuples(reader: Reader, head: re.Match[str], slot: Callable[[int], int]) -> None:
    digit = "0" in head["l4"]
    if digit and reader.l4proto != UNKNOWN_PROTOCOL:
        reader.add("is", "protocol's digit", slot(head.start("l4")), 6)
    if reader.l4proto != UNKNOWN_PROTOCOL:
        reader.add("is", "l4proto", slot(head.start("l4num")), reader.l4proto)
    else:
        # "unknown" stands before any number; another name must not claim a number that has one.
        reader.add("l4proto", "l4proto", slot(head.start("l4num")), int(head["l4"] != "unknown"))
    if head["timeout"]:
        reader.add("minus" if head["minus"] else "number", "timeout", slot(head.start("timeout")))


def _words(reader: Reader, words: list[tuple[str, int]], slot: Callable[[int], int]) -> tuple[int, bool]:
    """Hand the words to the reader; the status bits, and whether only conntrack(8) prints such a line."""
    status = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY
    extended = False
    place = 0
    while place < len(words):
        word, position = words[place]
        place += 1
        if pair := _PAIR.fullmatch(word):
            key, value = pair[1], pair[2]
            extended |= key == "id" and reader.direction == 1 and place >= len(words) - 1
            reader.take(key, value, slot(position + len(key)))
        elif word in _MOMENT:
            if [text for text, _ in words[place + 1 : place + 4]] != ["0", "0:0:0", "0]"]:
                raise Unreadable("a time that cannot be read")
            month = words[place][0]
            if word == _MOMENT[0] and month in MONTHS:
                reader.add("moment", "start_ns", slot(words[place + 1][1]), MONTHS.index(month) + 1)
            place += 4
            extended = True
        elif word == "[UNREPLIED]":
            status &= ~uapi.IPS_SEEN_REPLY
        elif word in _FLAGS:
            status |= _FLAGS[word]
        elif not _FLAG.fullmatch(word) and word != _NAMELESS_LABELS:
            raise Unreadable("a word that belongs to no entry")
    return status, extended


def _format(*, event: bool, layer3: bool, extended: bool) -> str:
    if event:
        return "conntrack -E"
    if layer3:
        return "conntrack -L -o extended" if extended else "nf_conntrack"
    return "conntrack -L" if extended else "ip_conntrack or conntrack -L"
