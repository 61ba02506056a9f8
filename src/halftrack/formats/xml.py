"""Entries as ``conntrack -o xml`` prints them.

No XML parser is involved, so there are no entities that could expand: an element
``<flow>…</flow>`` is cut out by its tags and respelled as one line of words, in which
``<src>10.9.0.1</src>`` reads ``src=10.9.0.1 /src=``.
Element names: ``libnetfilter_conntrack/src/conntrack/snprintf_xml.c``.
"""

from __future__ import annotations

import re
from typing import Final

from halftrack.evidence import uapi
from halftrack.formats.shapes import (
    PROTOCOL_NUMBERS,
    SECONDS,
    UNKNOWN_PROTOCOL,
    Event,
    Kind,
    Reader,
    Shape,
    Unreadable,
)

OPEN: Final = b"<flow"
CLOSE: Final = b"</flow>"
_BLANK: Final = b" \t\r\n"
_RESPELL: Final = bytes.maketrans(b"<>\n\t", b" =  ")
_MARKS: Final = (" flow=", " flow type=")
_WORD: Final = re.compile(r"[^ \r]+")
_PAIR: Final = re.compile(r"([a-z][\w.-]*)(@0|=[^ =]+)")
_NAME: Final = "protoname="
_DIRECTIONS: Final = {"direction=original=": 0, "direction=reply=": 1, "direction=independent=": Reader.WHOLE}
_EVENTS: Final = {"type=new=": Event.NEW, "type=update=": Event.UPDATE, "type=destroy=": Event.DESTROY}
_KEYS: Final = {"deltatime": "delta-time", "label": "labels"}


def respell(block: bytes) -> tuple[bytes, list[int] | None]:
    """The block with each complete flow element as one line of its own; the rest as it was.

    With it, where there is any, the line of the block that each one begins in, counted from 0.
    """
    if CLOSE not in block:
        return block, None
    parts = block.split(CLOSE)
    lines: list[bytes] = []
    numbers: list[int] = []
    at = 0
    for part in parts[:-1]:
        start = part.rfind(OPEN)
        head = part + CLOSE if start < 0 else part[:start].strip(_BLANK)
        if head:
            lines.append(head)
            numbers += _numbers(part, head, at)
        if start >= 0:
            lines.append(b" " + part[start:].translate(_RESPELL, b'"\r').strip())
            numbers.append(at + part.count(b"\n", 0, start))
        at += part.count(b"\n")
    rest = parts[-1].lstrip(_BLANK)
    numbers += _numbers(parts[-1], rest, at)
    return b"\n".join(lines) + b"\n" + rest, numbers


def _numbers(part: bytes, text: bytes, at: int) -> range:
    """Of the lines of ``text``, which begins the part but for blanks; the part begins in line ``at``."""
    first = at + part.count(b"\n", 0, len(part) - len(part.lstrip(_BLANK)))
    return range(first, first + text.count(b"\n") + 1)


def is_flow(skeleton: str) -> bool:
    return skeleton.startswith(_MARKS)


def grammar(skeleton: str) -> Shape:
    """The shape of a respelled flow. Raises Unreadable where it is none."""
    if "\x01" in skeleton:
        raise Unreadable("bytes that are no text")
    words = [(word.group(), word.start()) for word in _WORD.finditer(skeleton)]
    names = {word[len(_NAME) : -1] for word, _ in words if word.startswith(_NAME)} - {"ipv0"}
    if len(names) != 1:
        raise Unreadable("a flow without one protocol")
    name = names.pop()
    reader = Reader(PROTOCOL_NUMBERS.get(name.replace("0", "6"), UNKNOWN_PROTOCOL))
    status = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY
    event = Event.NONE
    layers: list[int] = []
    for word, position in words:
        slot = skeleton.count("0", 0, position)
        if word in _DIRECTIONS:
            reader.turn(_DIRECTIONS[word])
        elif word == "unreplied/=":
            status &= ~uapi.IPS_SEEN_REPLY
        elif word == "assured/=":
            status |= uapi.IPS_ASSURED
        elif word in _EVENTS:
            event = _EVENTS[word]
        elif word == "protonum=0":
            layers.append(slot)
        elif pair := _PAIR.fullmatch(word):
            _element(reader, pair[1], pair[2], slot + pair[1].count("0"))
    _protocols(reader, layers, name)
    return Shape(
        Kind.ENTRY,
        ops=reader.finish(),
        l4proto=reader.l4proto,
        status=status,
        event=event,
        format="conntrack -o xml",
    )


def _element(reader: Reader, key: str, value: str, slot: int) -> None:
    if key == "timeout":
        reader.number("timeout", value, slot, SECONDS)
    elif key == "state":
        if value != "@0":
            raise Unreadable("a state that the protocol does not have")
        # The tool takes the name from TCP's list whatever the protocol: see operations.py.
        reader.add("state of xml", "state", slot, reader.l4proto)
    elif key == "start" and value == "=0":
        reader.add("number", "start_ns", slot)
    elif key == "zone" and reader.direction != Reader.WHOLE:
        reader.take("zone-reply" if reader.direction else "zone-orig", value, slot)
    else:
        reader.take(_KEYS.get(key, key), value, slot)


def _protocols(reader: Reader, layers: list[int], name: str) -> None:
    """Check the numbers of ``<layer3>`` and ``<layer4>``, which each direction has once."""
    if len(layers) != 4:
        raise Unreadable("a flow without its protocols' numbers")
    reader.add("family number", "family", layers[0], reader.quads)
    reader.add("same", "family of the reply", layers[2], layers[0] - layers[2])
    reader.add("same", "l4proto of the reply", layers[3], layers[1] - layers[3])
    if reader.l4proto == UNKNOWN_PROTOCOL:
        reader.add("l4proto", "l4proto", layers[1], int(name != "unknown"))
    else:
        reader.add("is", "l4proto", layers[1], reader.l4proto)
