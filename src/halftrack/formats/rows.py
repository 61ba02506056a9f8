"""From shapes and numbers to columns of the flow table, all lines of one layout at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.addresses import OPAQUE_HI, V4_MAPPED
from halftrack.evidence.flows import SCHEMA
from halftrack.formats.moments import nanoseconds_of
from halftrack.formats.shapes import PROTOCOL_NUMBERS, TCP_STATES_BY_NAME, Op
from halftrack.formats.spellings import LONGEST, coded

if TYPE_CHECKING:
    from halftrack.formats.digits import Flags, Numbers, Places
    from halftrack.formats.spellings import Spellings

NUMPY: Final[dict[str, npt.DTypeLike]] = {
    name: {
        pl.UInt8: np.uint8,
        pl.UInt16: np.uint16,
        pl.UInt32: np.uint32,
        pl.UInt64: np.uint64,
        pl.Int64: np.int64,
    }[dtype]
    for name, dtype in SCHEMA.items()
    if dtype != pl.String
}
_HEXADECIMAL: Final = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_CONTRADICTION: Final = "a name and a number that contradict each other"
_SIGNED_MOST: Final = (1 << 63) - 1
_V4_TOP: Final = np.uint64(V4_MAPPED >> 32)
_ICMP_ANSWERS: Final = np.arange(256, dtype=np.uint8)
"""Type of the reply to each ICMP type that the tracker knows (nf_conntrack_proto_icmp.c, _icmpv6.c)."""
for _asked, _answered in ((8, 0), (13, 14), (15, 16), (17, 18), (128, 129), (139, 140)):
    _ICMP_ANSWERS[_asked], _ICMP_ANSWERS[_answered] = _answered, _asked
_OWN_NUMBERS: Final = np.array(sorted(set(PROTOCOL_NUMBERS.values())), dtype=np.uint64)


@dataclass(slots=True)
class Columns:
    """Columns of one block under construction: ``height`` lines, those of one layout side by side.

    A line is faulted by ``refuse`` (unreadable) or by ``again`` (to be read once more with every
    address captured).
    """

    height: int
    values: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    known: dict[str, Flags] = field(default_factory=dict)
    texts: dict[str, list[tuple[slice, pl.Series]]] = field(default_factory=dict)
    fault: npt.NDArray[np.int16] = field(init=False)
    again: Flags = field(init=False)
    reasons: list[str] = field(default_factory=lambda: [""])

    def __post_init__(self) -> None:
        self.fault = np.zeros(self.height, dtype=np.int16)
        self.again = np.zeros(self.height, dtype=bool)

    def put(self, column: str, rows: slice | Flags, values: npt.ArrayLike) -> None:
        """Set a column's values for some lines."""
        if column not in self.values:
            self.values[column] = np.zeros(self.height, dtype=NUMPY[column])
            self.known[column] = np.zeros(self.height, dtype=bool)
        self.values[column][rows] = values
        self.known[column][rows] = True

    def refuse(self, rows: slice, wrong: Flags, reason: str) -> None:
        """Fault the lines where ``wrong`` holds, if they have no fault yet."""
        if wrong.any():
            if reason not in self.reasons:
                self.reasons.append(reason)
            faults = self.fault[rows]
            faults[wrong & (faults == 0)] = self.reasons.index(reason)


class Layout:
    """Carries out the operations of one layout for its lines.

    ``rows``: the lines' places in ``columns``; ``numbers``: a row of numbers for each of them.
    """

    def __init__(self, columns: Columns, rows: slice, numbers: Numbers, spellings: Spellings) -> None:
        self._columns = columns
        self._rows = rows
        self._numbers = numbers
        self._spellings = spellings
        self._pairs: list[tuple[Numbers, Numbers]] = []

    def run(self, ops: tuple[Op, ...]) -> None:
        for op in ops:
            _HANDLERS[op.what](self, op)
        present = {op.column for op in ops}
        if "orig_type" in present and "reply_type" not in present:
            asked = self._columns.values
            rows = self._rows
            self._columns.put("reply_type", rows, _ICMP_ANSWERS[asked["orig_type"][rows]])
            for column in present & {"orig_code", "orig_icmp_id"}:
                self._columns.put(column.replace("orig", "reply"), rows, asked[column][rows])

    def _at(self, slot: int) -> Numbers:
        return self._numbers[:, slot]

    def _refuse(self, wrong: Flags, reason: str) -> None:
        self._columns.refuse(self._rows, wrong, reason)

    def _put_limited(self, op: Op, values: Numbers) -> None:
        limit = np.uint64(op.extra or _SIGNED_MOST)
        self._refuse(values > limit, f"{op.column.replace('_', ' ')} is too large")
        self._columns.put(op.column, self._rows, values)

    def _number(self, op: Op) -> None:
        self._put_limited(op, self._at(op.slot))

    def _minus(self, op: Op) -> None:
        values = self._at(op.slot)
        self._refuse(values > np.uint64(_SIGNED_MOST), f"{op.column} is too large")
        self._columns.put(op.column, self._rows, -values.astype(np.int64))

    def _spelled(self, op: Op) -> None:
        """A number in hexadecimal."""
        which, texts = self._texts(op.slot)
        good = np.array([_HEXADECIMAL.fullmatch(text) is not None for text in texts])
        values = np.array(
            [int(text, 16) if fine else 0 for text, fine in zip(texts, good, strict=True)], dtype=np.uint64
        )
        self._refuse(~good[which], f"{op.column.replace('_', ' ')} is no number")
        self._put_limited(op, values[which])

    def _texts(self, slot: int) -> tuple[Places, list[str]]:
        """Captured texts: which of the distinct ones each line has, and these."""
        which, distinct = coded(self._spellings.texts(self._at(slot)).fill_null(""))
        return which, distinct.to_list()

    def _text(self, op: Op) -> None:
        texts = self._spellings.texts(self._at(op.slot))
        too_long = (texts.str.len_bytes() > LONGEST).fill_null(value=False).to_numpy()
        self._refuse(too_long, f"{op.column} is too long")
        self._put_text(op.column, texts)

    def _digits(self, op: Op) -> None:
        self._put_text(op.column, pl.Series(self._at(op.slot)).cast(pl.String))

    def _put_text(self, column: str, texts: pl.Series) -> None:
        parts = self._columns.texts.setdefault(column, [])
        if parts and parts[-1][0] is self._rows:
            # Labels are several elements in XML and one list elsewhere.
            both = pl.DataFrame({"before": parts.pop()[1], "after": texts})
            texts = both.select(pl.concat_str("before", "after", separator=",")).to_series()
        parts.append((self._rows, texts))

    def _is(self, op: Op) -> None:
        self._refuse(self._at(op.slot) != np.uint64(op.extra), _CONTRADICTION)

    def _same(self, op: Op) -> None:
        self._refuse(self._at(op.slot) != self._at(op.extra), "two directions of different protocols")

    def _constant(self, op: Op) -> None:
        self._columns.put(op.column, self._rows, op.extra)

    def _l4proto(self, op: Op) -> None:
        numbers = self._at(op.slot)
        self._refuse(numbers > np.uint64(0xFF), "a protocol number above 255")
        if op.extra:
            self._refuse(np.isin(numbers, _OWN_NUMBERS), _CONTRADICTION)
        self._columns.put("l4proto", self._rows, numbers & np.uint64(0xFF))

    def _quad(self, op: Op) -> None:
        address = most = self._at(op.slot)
        for place in range(1, 4):
            octet = self._at(op.slot + place)
            address = address << np.uint64(8) | octet
            most = most | octet
        self._columns.again[self._rows] |= most > np.uint64(255)
        self._columns.put(f"{op.column}_lo", self._rows, address | np.uint64(V4_MAPPED))
        self._columns.put(f"{op.column}_hi", self._rows, 0)

    def _captured(self, op: Op) -> None:
        hi, lo, too_long = self._spellings.addresses(self._at(op.slot))
        self._refuse(too_long, "an address that is too long")
        self._columns.put(f"{op.column}_hi", self._rows, hi)
        self._columns.put(f"{op.column}_lo", self._rows, lo)
        self._pairs.append((hi, lo))

    def _family(self, op: Op) -> None:
        """``ipv4 2`` or ``ipv6 10``; ``extra`` is the family that dotted addresses ask for."""
        digit, number = self._at(op.slot), self._at(op.slot + 1)
        good = ((digit == 4) & (number == uapi.AF_INET)) | ((digit == 6) & (number == uapi.AF_INET6))
        self._refuse(~good, _CONTRADICTION)
        self._put_family(number, op.extra)

    def _family_number(self, op: Op) -> None:
        number = self._at(op.slot)
        self._refuse((number != uapi.AF_INET) & (number != uapi.AF_INET6), "an unknown address family")
        self._put_family(number, op.extra)

    def _family_of_addresses(self, op: Op) -> None:
        if op.extra:
            self._put_family(np.full(len(self._numbers), op.extra, dtype=np.uint64), op.extra)
            return
        six, four = (np.zeros(len(self._numbers), dtype=bool) for _ in range(2))
        for hi, lo in self._pairs:
            four |= _is_v4(hi, lo)
            six |= ~_is_v4(hi, lo) & ((hi != np.uint64(OPAQUE_HI)) | self._spellings.looks_ipv6(hi, lo))
        self._put_family(np.where(six & ~four, uapi.AF_INET6, uapi.AF_INET).astype(np.uint64), 0)

    def _put_family(self, family: Numbers, wanted: int) -> None:
        wrong = (family != np.uint64(wanted)) if wanted else np.zeros(len(family), dtype=bool)
        for hi, lo in self._pairs:
            clear = hi != np.uint64(OPAQUE_HI)
            wrong |= clear & ~_is_v4(hi, lo) & (family == np.uint64(uapi.AF_INET))
        self._refuse(wrong, "addresses of two families")
        self._columns.put("family", self._rows, family)

    def _moment(self, op: Op) -> None:
        day, hour, minute, second, year = (self._at(op.slot + place) for place in range(5))
        stamps, possible = nanoseconds_of(year, op.extra, day, hour, minute, second)
        self._refuse(~possible, "a time that is none")
        self._columns.put(op.column, self._rows, stamps)

    def _state_of_xml(self, op: Op) -> None:
        """conntrack(8) takes the name from TCP's list for every protocol (snprintf_xml.c)."""
        which, names = self._texts(op.slot)
        own = uapi.STATE_NAMES.get(op.extra, ())
        numbers = np.array(
            [TCP_STATES_BY_NAME.get(name, own.index(name) if name in own else -1) for name in names]
        )
        self._refuse((numbers < 0)[which], "a state that the protocol does not have")
        self._columns.put("state", self._rows, np.maximum(numbers, 0)[which])


_HANDLERS: Final[dict[str, Callable[[Layout, Op], None]]] = {
    "number": Layout._number,
    "spelled": Layout._spelled,
    "minus": Layout._minus,
    "text": Layout._text,
    "digits": Layout._digits,
    "is": Layout._is,
    "same": Layout._same,
    "constant": Layout._constant,
    "l4proto": Layout._l4proto,
    "quad": Layout._quad,
    "captured": Layout._captured,
    "family": Layout._family,
    "family number": Layout._family_number,
    "family of addresses": Layout._family_of_addresses,
    "moment": Layout._moment,
    "state of xml": Layout._state_of_xml,
}


def _is_v4(hi: Numbers, lo: Numbers) -> Flags:
    return (hi == np.uint64(0)) & (lo >> np.uint64(32) == _V4_TOP)
