"""Entries as ``conntrack -o save`` prints them: options that ``conntrack --load-file`` takes.

Options: conntrack(8).
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from halftrack.evidence import uapi
from halftrack.formats.shapes import (
    LONGEST,
    PROTOCOL_NUMBERS,
    SECONDS,
    UNKNOWN_PROTOCOL,
    Event,
    Kind,
    Reader,
    Shape,
    Unreadable,
    state_number,
)

_ADDRESS: Final = re.compile(rb" -([sdrq]) (?=[^ \n])(?!src=|dst=)")  # a line may be respelled twice
_NAMES: Final = {b"s": b"-s src=", b"d": b"-d dst=", b"r": b"-r src=", b"q": b"-q dst="}
_LINE: Final = re.compile(rb"(?:^|[ :\t])-[ADIU] -")
_START: Final = re.compile(r"(?:^|[ :\t])-([ADIU]) (?=-)")
_WORD: Final = re.compile(r"[^ \t\r]+")
_ADDRESSES: Final = {"-s": (0, "src"), "-d": (0, "dst"), "-r": (1, "src"), "-q": (1, "dst")}
_VALUES: Final = {
    "--sport": (0, "sport"),
    "--dport": (0, "dport"),
    "--reply-port-src": (1, "sport"),
    "--reply-port-dst": (1, "dport"),
    "--icmp-type": (0, "type"),
    "--icmp-code": (0, "code"),
    "--icmp-id": (0, "id"),
    "--icmpv0-type": (0, "type"),
    "--icmpv0-code": (0, "code"),
    "--icmpv0-id": (0, "id"),
    "--srckey": (0, "srckey"),
    "--dstkey": (0, "dstkey"),
    "--reply-key-src": (1, "srckey"),
    "--reply-key-dst": (1, "dstkey"),
    "-m": (Reader.WHOLE, "mark"),
    "-w": (Reader.WHOLE, "zone"),
    "--orig-zone": (Reader.WHOLE, "zone-orig"),
    "--reply-zone": (Reader.WHOLE, "zone-reply"),
}
_ANSWERED: Final = {
    "type": ("answer", "reply_type", 0),
    "code": ("number", "reply_code", 0xFF),
    "id": ("number", "reply_icmp_id", 0xFFFF),
}
"""What the reply's tuple of an ICMP entry holds, which save lines leave out."""
_EVENTS: Final = {"D": Event.DESTROY, "U": Event.UPDATE}
_STATUS: Final = {
    "SEEN_REPLY": uapi.IPS_SEEN_REPLY,
    "ASSURED": uapi.IPS_ASSURED,
    "FIXED_TIMEOUT": uapi.IPS_FIXED_TIMEOUT,
    "EXPECTED": uapi.IPS_EXPECTED,
    "OFFLOAD": uapi.IPS_OFFLOAD,
    "HW_OFFLOAD": uapi.IPS_HW_OFFLOAD,
    "UNSET": 0,
}


def respell(block: bytes) -> bytes:
    """The block with the addresses of save lines as ``src=`` and ``dst=``, so that they can be captured."""
    if b" -s " not in block:
        return block
    return b"\n".join(
        _ADDRESS.sub(lambda option: b" " + _NAMES[option[1]], line)
        if b" -s " in line[:LONGEST] and _LINE.search(line[:LONGEST])
        else line
        for line in block.split(b"\n")
    )


def is_save(skeleton: str) -> bool:
    return " -s " in skeleton and _START.search(skeleton) is not None


def grammar(skeleton: str) -> Shape:
    """The shape of a save line. Raises Unreadable where it is none."""
    start = _START.search(skeleton)
    if start is None:
        raise Unreadable("no entry of a connection-tracking table")
    words = [(word.group(), word.start()) for word in _WORD.finditer(skeleton, start.end())]
    if any("\x01" in word for word, _ in words):
        raise Unreadable("bytes that are no text")
    options: dict[str, tuple[str, int]] = {}
    for (option, _), (value, position) in itertools.pairwise([*words, ("", 0)]):
        if option.startswith("-") and not value.startswith("-"):
            if option in options:
                raise Unreadable("the same value twice")
            options[option] = value, skeleton.count("0", 0, position)
    name = options.get("-p", ("", 0))[0]
    number = name == "0"
    l4proto = PROTOCOL_NUMBERS.get(name.replace("0", "6"), UNKNOWN_PROTOCOL)
    if l4proto == UNKNOWN_PROTOCOL and not number:
        raise Unreadable("no protocol that is known")
    reader = Reader(l4proto)
    state = _fixed(reader, options, l4proto)
    if number:
        reader.add("l4proto", "l4proto", options["-p"][1])
    elif "0" in name:
        reader.add("is", "protocol's digit", options["-p"][1], 6)
    reader.add("family", "family", 0, reader.quads)
    status = uapi.IPS_CONFIRMED
    for flag in options.get("-u", ("", 0))[0].split(","):
        status |= _STATUS.get(flag, 0)
    return Shape(
        Kind.ENTRY,
        ops=reader.finish(),
        l4proto=l4proto,
        state=state,
        status=status,
        event=_EVENTS.get(start[1], Event.NONE),
        format="conntrack -o save",
    )


def _fixed(reader: Reader, options: dict[str, tuple[str, int]], l4proto: int) -> int:
    """Hand the options to the reader; the number of the state, -1 without one."""
    for option, (side, key) in _ADDRESSES.items():
        word, slot = options.get(option, ("", 0))
        if word:
            reader.turn(side)
            # Respelled where the address had to be captured.
            reader.take(key, word[3:] if word.startswith((f"{key}=", f"{key}@")) else f"={word}", slot)
    for option, (side, key) in _VALUES.items():
        value, slot = options.get(option, ("", 0))
        if value:
            reader.turn(side)
            reader.take(key, f"={value}", slot)
            if key in _ANSWERED:
                reader.add(*_ANSWERED[key][:2], slot, _ANSWERED[key][2])
    if "-t" in options:
        value, slot = options["-t"]
        reader.number("timeout", f"={value}", slot, SECONDS)
    if "--state" not in options:
        return -1
    name, slot = options["--state"]
    if "0" in name:
        reader.add("is", "state's digit", slot, 2)
    return state_number(l4proto, name.replace("0", "2"))
