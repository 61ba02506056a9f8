"""The TCP transition table of the tracker, as data: direction, event and state give the next state.

Source: ``tcp_conntracks`` and ``tcp_valid_flags`` in ``net/netfilter/nf_conntrack_proto_tcp.c``. Trees
compared: 2.6.18-028stab056, 2.6.24, 2.6.32-042stab141, 3.2.40 to 3.18, 4.9, the el7 and el8 ones, 5.4 to
7.0. ``MODERN`` is the same in all since 3.18; what older ones had in its place is told by cell.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGINAL: Final = 0
REPLY: Final = 1

# Events: what a packet is to the table. The first that applies.
SYN: Final = 0
SYNACK: Final = 1
FIN: Final = 2
ACK: Final = 3
RST: Final = 4
NONE: Final = 5
ILLEGAL: Final = 6
"""Flags that no packet may carry together; the tracker looks no further."""

# What a cell may say besides a state. Numbers are the kernel's.
INVALID: Final = 10
IGNORE: Final = 11

# Places of the timeout table behind the states.
RETRANS: Final = 12
UNACK: Final = 13
SLOTS: Final = 14

TH_FIN: Final = 0x01
TH_SYN: Final = 0x02
TH_RST: Final = 0x04
TH_PUSH: Final = 0x08
TH_ACK: Final = 0x10
TH_URG: Final = 0x20
_UNJUDGED: Final = 0xFF & ~(TH_FIN | TH_SYN | TH_RST | TH_ACK | TH_URG)
"""PSH, ECE and CWR go with everything."""

_LEGAL: Final = frozenset(
    (
        TH_SYN,
        TH_SYN | TH_URG,
        TH_SYN | TH_ACK,
        TH_RST,
        TH_RST | TH_ACK,
        TH_FIN | TH_ACK,
        TH_FIN | TH_ACK | TH_URG,
        TH_ACK,
        TH_ACK | TH_URG,
    )
)

Table = tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]
"""``table[direction][event][state]``: the next state, INVALID or IGNORE."""

_COLUMNS: Final = ("NO", "SS", "SR", "ES", "FW", "CW", "LA", "TW", "CL", "S2")
_CODES: Final = MappingProxyType({name: number for number, name in enumerate((*_COLUMNS, "IV", "IG"))})

_MODERN: Final = (
    # NO SS SR ES FW CW LA TW CL S2
    (
        "SS SS IG IG IG IG IG SS SS S2",  # syn
        "IV IV SR IV IV IV IV IV IV SR",  # synack
        "IV IV FW FW LA LA LA TW CL IV",  # fin
        "ES IV ES ES CW CW TW TW CL IV",  # ack
        "IV CL CL CL CL CL CL CL CL CL",  # rst
        "IV IV IV IV IV IV IV IV IV IV",  # none
    ),
    (
        "IV S2 IV IV IV IV IV SS IV S2",
        "IV SR IG IG IG IG IG IG IG SR",
        "IV IV FW FW LA LA LA TW CL IV",
        "IV IG SR ES CW CW TW TW CL IG",
        "IV CL CL CL CL CL CL CL CL CL",
        "IV IV IV IV IV IV IV IV IV IV",
    ),
)


def _built(changes: Mapping[tuple[int, int], str]) -> Table:
    """``changes``: by direction and event, the cells that differ, as ``TW=IV S2=IV``."""

    def row(direction: int, event: int) -> tuple[int, ...]:
        cells = dict(zip(_COLUMNS, _MODERN[direction][event].split(), strict=True))
        for change in changes.get((direction, event), "").split():
            state, cell = change.split("=")
            cells[state] = cell
        return tuple(_CODES[cells[state]] for state in _COLUMNS)

    def side(direction: int) -> tuple[tuple[int, ...], ...]:
        return tuple(row(direction, event) for event in range(6))

    return side(ORIGINAL), side(REPLY)


MODERN: Final = _built({})
BEFORE_3_18: Final = _built({(REPLY, SYN): "TW=IV"})
"""3.2.40, 3.6, 3.10 and 3.16: the server cannot open anew what is in TIME_WAIT."""
OF_2_6_32: Final = _built(
    {
        (ORIGINAL, SYNACK): "SR=IG ES=IG FW=IG CW=IG LA=IG TW=IG CL=IG",
        (REPLY, SYNACK): "SR=SR",
    }
)
OF_2_6_18: Final = _built(
    {
        (ORIGINAL, SYN): "S2=IV",
        (ORIGINAL, SYNACK): "SR=IV S2=IV",
        (ORIGINAL, RST): "S2=IV",
        (REPLY, SYN): "SS=IV TW=IV S2=IV",
        (REPLY, SYNACK): "SR=SR S2=IV",
        (REPLY, ACK): "S2=IV",
        (REPLY, RST): "S2=IV",
    }
)
"""2.6.18 and 2.6.24: both sides opening at once was not thought of."""


def _event(flags: int) -> int:
    if flags & ~_UNJUDGED not in _LEGAL:
        return ILLEGAL
    if flags & TH_RST:
        return RST
    if flags & TH_SYN:
        return SYNACK if flags & TH_ACK else SYN
    return FIN if flags & TH_FIN else ACK


EVENTS: Final = tuple(_event(flags) for flags in range(256))
"""Index: the flags byte of a TCP header."""

CLOSING: Final = frozenset(
    (
        uapi.TCP_CONNTRACK_FIN_WAIT,
        uapi.TCP_CONNTRACK_CLOSE_WAIT,
        uapi.TCP_CONNTRACK_LAST_ACK,
        uapi.TCP_CONNTRACK_TIME_WAIT,
        uapi.TCP_CONNTRACK_CLOSE,
    )
)
"""States that a full table gives up even if assured."""
