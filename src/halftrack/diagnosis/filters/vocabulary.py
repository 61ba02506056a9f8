"""The words and fields of the filter language, and how each is written."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Kind = Literal[
    "state", "protocol", "address", "port", "text", "service", "mark", "number", "duration", "symptom"
]

WORDS: Final = (
    "one-sided",
    "stuck",
    "orphaned",
    "picked-up",
    "injected",
    "assured",
    "nat",
    "offloaded",
)
"""What each means is told in docs/reference/filters.md."""


@dataclass(frozen=True, slots=True)
class Field:
    """``columns`` are the frame's, or its address stems; a value in any of them matches."""

    kind: Kind
    example: str
    columns: tuple[str, ...] = ()
    most: int = 0
    """Largest number of a field that has one."""


FIELDS: Final = MappingProxyType(
    {
        "state": Field("state", "ESTABLISHED", ("state",)),
        "proto": Field("protocol", "tcp", ("l4proto",)),
        "src": Field("address", "10.0.0.0/8", ("orig_src",)),
        "dst": Field("address", "203.0.113.73", ("orig_dst",)),
        "sport": Field("port", "80", ("orig_sport",), 65535),
        "dport": Field("port", "80", ("orig_dport",), 65535),
        "reply.src": Field("address", "10.0.0.5", ("reply_src",)),
        "reply.dst": Field("address", "10.0.0.5", ("reply_dst",)),
        "reply.sport": Field("port", "80", ("reply_sport",), 65535),
        "reply.dport": Field("port", "80", ("reply_dport",), 65535),
        "addr": Field(
            "address",
            "203.0.113.73",
            ("orig_src", "orig_dst", "reply_src", "reply_dst"),
        ),
        "port": Field(
            "port",
            "443",
            ("orig_sport", "orig_dport", "reply_sport", "reply_dport"),
            65535,
        ),
        "owner": Field("text", "web-1", ("owner",)),
        "workload": Field("text", "shop/web", ("owner",)),
        "service": Field("service", "tcp/80", ("service",)),
        "peer": Field("address", "198.51.100.0/24", ("peer",)),
        "netns": Field("text", "host"),
        "mark": Field("mark", "0x1/0xff", ("mark",)),
        "zone": Field("number", "5", ("zone",), 65535),
        "label": Field("text", "3", ("labels",)),
        "left": Field("duration", "..60s", ("timeout",), 1 << 62),
        "idle": Field("duration", "2h..", ("idle_s",), 1 << 62),
        "age": Field("duration", "1d..7d", ("age_s",), 1 << 62),
        "packets": Field("number", "..2", ("orig_packets", "reply_packets"), 1 << 63),
        "bytes": Field("number", "..100", ("orig_bytes", "reply_bytes"), 1 << 63),
        "symptom": Field("symptom", "half-closed"),
    }
)

DERIVED: Final = frozenset({"owner", "workload", "service", "peer", "idle", "age", "picked-up", "injected"})
"""What only the table seen as a whole can tell: these need a ``View``."""
SYMPTOMS: Final = (
    "one-sided",
    "orphaned",
    "idle-established",
    "half-open",
    "half-closed",
    "unreplied-udp",
    "stale-nat",
)
"""Those that entries show."""
JUDGED: Final = frozenset({"stuck", "orphaned", "symptom"})
"""What only a diagnosis can tell."""
