"""Captures made byte by byte: files of both formats, link layers, packets."""

from __future__ import annotations

import io
import ipaddress
import struct
from typing import TYPE_CHECKING

import polars as pl

from halftrack.evidence import packets
from halftrack.formats.pcap.reading import Capture
from halftrack.formats.sources import source

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENT, SERVER = "192.0.2.1", "198.51.100.2"
CLIENT_6, SERVER_6 = "2001:db8::1", "2001:db8:1::2"
NOON_NS = 1_700_000_000_123_456_789


def read(data: bytes, wanted: str | None = None) -> tuple[pl.DataFrame, packets.Tally]:
    """All rows of a capture, and what was told of it; every packet has to be in one of them."""
    capture = Capture(source("-", io.BytesIO(data)), wanted)
    frames = list(capture.frames())
    rows = pl.concat(frames) if frames else packets.frame({})
    assert dict(rows.schema) == dict(packets.SCHEMA)
    assert capture.tally.rows == len(rows)
    assert capture.tally.packets == len(rows) + sum(capture.tally.skipped.values())
    return rows, capture.tally


def pcap(
    frames: Sequence[bytes],
    link: int = 1,
    *,
    order: str = "<",
    nanoseconds: bool = False,
    at_ns: Sequence[int] | None = None,
    snap: int = 1 << 18,
) -> bytes:
    """A classic capture; ``snap``: bytes that are captured of each frame."""
    unit = 1 if nanoseconds else 1000
    parts = [
        struct.pack(order + "IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, snap, link)
    ]
    for frame, at in zip(frames, at_ns or [NOON_NS] * len(frames), strict=True):
        seconds, rest = divmod(at, 1_000_000_000)
        kept = frame[:snap]
        parts += [struct.pack(order + "IIII", seconds, rest // unit, len(kept), len(frame)), kept]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """One block of a pcapng file."""
    padded = body + bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(padded))
    return struct.pack(order + "I", kind) + length + padded + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, 0) + options, order)


def enhanced(
    frame: bytes, ticks: int = NOON_NS // 1000, at: int = 0, order: str = "<", options: bytes = b""
) -> bytes:
    """A packet of interface ``at``; ``ticks`` in its units."""
    head = struct.pack(order + "IIIII", at, ticks >> 32, ticks & 0xFFFF_FFFF, len(frame), len(frame))
    return block(6, head + frame + bytes(-len(frame) % 4) + options, order)


def pcapng(frames: Sequence[bytes], link: int = 1, order: str = "<") -> bytes:
    """One section with one interface."""
    return b"".join(
        [section(order), interface(link, order=order), *(enhanced(frame, order=order) for frame in frames)]
    )


def ethernet(payload: bytes, ethertype: int = 0x0800) -> bytes:
    return bytes(6) + b"\x02\0\0\0\0\x01" + struct.pack("!H", ethertype) + payload


def ip4(
    payload: bytes,
    protocol: int = 6,
    source_: str = CLIENT,
    target: str = SERVER,
    *,
    options: bytes = b"",
    ident: int = 1,
    fragment: int = 0,
    total: int | None = None,
) -> bytes:
    """An IPv4 packet. ``fragment``: its flags and offset, as in the header."""
    length = 20 + len(options) + len(payload) if total is None else total
    return (
        struct.pack(
            "!BBHHHBBH4s4s",
            0x45 + len(options) // 4,
            0,
            length,
            ident,
            fragment,
            64,
            protocol,
            0,
            ipaddress.IPv4Address(source_).packed,
            ipaddress.IPv4Address(target).packed,
        )
        + options
        + payload
    )


def ip6(
    payload: bytes,
    following: int = 6,
    source_: str = CLIENT_6,
    target: str = SERVER_6,
    *,
    length: int | None = None,
) -> bytes:
    """An IPv6 packet; extension headers are part of the payload."""
    return (
        struct.pack("!IHBB", 6 << 28, len(payload) if length is None else length, following, 64)
        + ipaddress.IPv6Address(source_).packed
        + ipaddress.IPv6Address(target).packed
        + payload
    )


def tcp(
    sport: int = 40_000,
    dport: int = 443,
    *,
    flags: int = 0x02,
    seq: int = 1000,
    ack: int = 0,
    window: int = 64_240,
    options: bytes = b"",
    payload: bytes = b"",
    offset: int | None = None,
) -> bytes:
    """A TCP segment; ``offset``: its header's length as the header has it, in words."""
    words = 5 + len(options) // 4 if offset is None else offset
    return (
        struct.pack("!HHIIBBHHH", sport, dport, seq, ack, words << 4, flags, window, 0, 0) + options + payload
    )


def udp(sport: int = 5353, dport: int = 53, payload: bytes = b"", *, length: int | None = None) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(payload) if length is None else length, 0) + payload


def icmp(kind: int, code: int = 0, ident: int = 7, payload: bytes = b"") -> bytes:
    return struct.pack("!BBHHH", kind, code, 0, ident, 1) + payload
