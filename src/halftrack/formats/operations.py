"""The operations of a layout: each takes one value of many lines from their numbers to a column."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.addresses import OPAQUE_HI, V4_MAPPED
from halftrack.formats.moments import nanoseconds_of
from halftrack.formats.shapes import PROTOCOL_NUMBERS, TCP_STATES_BY_NAME, Op
from halftrack.formats.spellings import LONGEST, Spellings, coded

if TYPE_CHECKING:
    from halftrack.formats.columns import Columns
    from halftrack.formats.digits import Flags, Numbers, Places

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
class Layout:
    """Lines of one layout: their ``rows`` in ``columns`` and a row of ``numbers`` for each.

    ``pairs`` are the captured addresses met so far.
    """

    columns: Columns
    rows: slice
    numbers: Numbers
    spellings: Spellings
    pairs: list[tuple[Numbers, Numbers]] = field(default_factory=list)

    def at(self, slot: int) -> Numbers:
        return self.numbers[:, slot]

    def refuse(self, wrong: Flags, reason: str) -> None:
        self.columns.refuse(self.rows, wrong, reason)

    def put_limited(self, op: Op, values: Numbers) -> None:
        limit = np.uint64(op.extra or _SIGNED_MOST)
        self.refuse(values > limit, f"{op.column.replace('_', ' ')} is too large")
        self.columns.put(op.column, self.rows, values)

    def texts(self, slot: int) -> tuple[Places, list[str]]:
        """Captured texts: which of the distinct ones each line has, and these."""
        which, distinct = coded(self.spellings.texts(self.at(slot)).fill_null(""))
        return which, distinct.to_list()

    def put_text(self, column: str, texts: pl.Series) -> None:
        parts = self.columns.texts.setdefault(column, [])
        if parts and parts[-1][0] is self.rows:
            # Labels are several elements in XML and one list elsewhere.
            both = pl.DataFrame({"before": parts.pop()[1], "after": texts})
            texts = both.select(pl.concat_str("before", "after", separator=",")).to_series()
        parts.append((self.rows, texts))

    def put_family(self, family: Numbers, wanted: int) -> None:
        wrong = (family != np.uint64(wanted)) if wanted else np.zeros(len(family), dtype=bool)
        for hi, lo in self.pairs:
            clear = hi != np.uint64(OPAQUE_HI)
            wrong |= clear & ~_is_v4(hi, lo) & (family == np.uint64(uapi.AF_INET))
        self.refuse(wrong, "addresses of two families")
        self.columns.put("family", self.rows, family)


def run(ops: tuple[Op, ...], lines: Layout) -> None:
    """Carry out a layout's operations for its lines."""
    for op in ops:
        _OPERATIONS[op.what](lines, op)
    present = {op.column for op in ops}
    if "orig_type" in present and "reply_type" not in present:
        columns, rows = lines.columns, lines.rows
        columns.put("reply_type", rows, _ICMP_ANSWERS[columns.values["orig_type"][rows]])
        for column in sorted(present & {"orig_code", "orig_icmp_id"}):
            columns.put(column.replace("orig", "reply"), rows, columns.values[column][rows])


def _number(lines: Layout, op: Op) -> None:
    lines.put_limited(op, lines.at(op.slot))


def _minus(lines: Layout, op: Op) -> None:
    values = lines.at(op.slot)
    lines.refuse(values > np.uint64(_SIGNED_MOST), f"{op.column} is too large")
    lines.columns.put(op.column, lines.rows, -values.astype(np.int64))


def _spelled(lines: Layout, op: Op) -> None:
    """A number in hexadecimal."""
    which, texts = lines.texts(op.slot)
    good = np.array([_HEXADECIMAL.fullmatch(text) is not None for text in texts])
    values = np.array(
        [int(text, 16) if fine else 0 for text, fine in zip(texts, good, strict=True)], dtype=np.uint64
    )
    lines.refuse(~good[which], f"{op.column.replace('_', ' ')} is no number")
    lines.put_limited(op, values[which])


def _text(lines: Layout, op: Op) -> None:
    texts = lines.spellings.texts(lines.at(op.slot))
    too_long = (texts.str.len_bytes() > LONGEST).fill_null(value=False).to_numpy()
    lines.refuse(too_long, f"{op.column} is too long")
    lines.put_text(op.column, texts)


def _digits(lines: Layout, op: Op) -> None:
    lines.put_text(op.column, pl.Series(lines.at(op.slot)).cast(pl.String))


def _is(lines: Layout, op: Op) -> None:
    lines.refuse(lines.at(op.slot) != np.uint64(op.extra), _CONTRADICTION)


def _same(lines: Layout, op: Op) -> None:
    lines.refuse(lines.at(op.slot) != lines.at(op.extra), "two directions of different protocols")


def _constant(lines: Layout, op: Op) -> None:
    lines.columns.put(op.column, lines.rows, op.extra)


def _l4proto(lines: Layout, op: Op) -> None:
    numbers = lines.at(op.slot)
    lines.refuse(numbers > np.uint64(0xFF), "a protocol number above 255")
    if op.extra:
        lines.refuse(np.isin(numbers, _OWN_NUMBERS), _CONTRADICTION)
    lines.columns.put("l4proto", lines.rows, numbers & np.uint64(0xFF))


def _quad(lines: Layout, op: Op) -> None:
    address = most = lines.at(op.slot)
    for place in range(1, 4):
        octet = lines.at(op.slot + place)
        address = address << np.uint64(8) | octet
        most = most | octet
    lines.columns.again[lines.rows] |= most > np.uint64(255)
    lines.columns.put(f"{op.column}_lo", lines.rows, address | np.uint64(V4_MAPPED))
    lines.columns.put(f"{op.column}_hi", lines.rows, 0)


def _captured(lines: Layout, op: Op) -> None:
    hi, lo, too_long = lines.spellings.addresses(lines.at(op.slot))
    lines.refuse(too_long, "an address that is too long")
    lines.columns.put(f"{op.column}_hi", lines.rows, hi)
    lines.columns.put(f"{op.column}_lo", lines.rows, lo)
    lines.pairs.append((hi, lo))


def _family(lines: Layout, op: Op) -> None:
    """``ipv4 2`` or ``ipv6 10``; ``extra`` is the family that dotted addresses ask for."""
    digit, number = lines.at(op.slot), lines.at(op.slot + 1)
    good = ((digit == 4) & (number == uapi.AF_INET)) | ((digit == 6) & (number == uapi.AF_INET6))
    lines.refuse(~good, _CONTRADICTION)
    lines.put_family(number, op.extra)


def _family_number(lines: Layout, op: Op) -> None:
    number = lines.at(op.slot)
    lines.refuse((number != uapi.AF_INET) & (number != uapi.AF_INET6), "an unknown address family")
    lines.put_family(number, op.extra)


def _family_of_addresses(lines: Layout, op: Op) -> None:
    if op.extra:
        lines.put_family(np.full(len(lines.numbers), op.extra, dtype=np.uint64), op.extra)
        return
    six, four = (np.zeros(len(lines.numbers), dtype=bool) for _ in range(2))
    for hi, lo in lines.pairs:
        four |= _is_v4(hi, lo)
        six |= ~_is_v4(hi, lo) & ((hi != np.uint64(OPAQUE_HI)) | lines.spellings.looks_ipv6(hi, lo))
    lines.put_family(np.where(six & ~four, uapi.AF_INET6, uapi.AF_INET).astype(np.uint64), 0)


def _moment(lines: Layout, op: Op) -> None:
    day, hour, minute, second, year = (lines.at(op.slot + place) for place in range(5))
    stamps, possible = nanoseconds_of(year, op.extra, day, (hour, minute, second))
    lines.refuse(~possible, "a time that is none")
    lines.columns.put(op.column, lines.rows, stamps)


def _state_of_xml(lines: Layout, op: Op) -> None:
    """conntrack(8) takes the name from TCP's list for every protocol (snprintf_xml.c)."""
    which, names = lines.texts(op.slot)
    own = uapi.STATE_NAMES.get(op.extra, ())
    numbers = np.array(
        [TCP_STATES_BY_NAME.get(name, own.index(name) if name in own else -1) for name in names]
    )
    lines.refuse((numbers < 0)[which], "a state that the protocol does not have")
    lines.columns.put("state", lines.rows, np.maximum(numbers, 0)[which])


_OPERATIONS: Final[dict[str, Callable[[Layout, Op], None]]] = {
    "number": _number,
    "spelled": _spelled,
    "minus": _minus,
    "text": _text,
    "digits": _digits,
    "is": _is,
    "same": _same,
    "constant": _constant,
    "l4proto": _l4proto,
    "quad": _quad,
    "captured": _captured,
    "family": _family,
    "family number": _family_number,
    "family of addresses": _family_of_addresses,
    "moment": _moment,
    "state of xml": _state_of_xml,
}


def _is_v4(hi: Numbers, lo: Numbers) -> Flags:
    mapped: Flags = (hi == np.uint64(0)) & (lo >> np.uint64(32) == _V4_TOP)
    return mapped
