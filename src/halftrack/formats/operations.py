"""The operations of a layout: each takes one value of many lines from their numbers to a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.addresses import OPAQUE_HI, V4_MAPPED
from halftrack.evidence.flows import ADDRESS_COLUMNS
from halftrack.formats.columns import Columns
from halftrack.formats.frames import nulls
from halftrack.formats.moments import nanoseconds_of
from halftrack.formats.shapes import PROTOCOL_NUMBERS, TCP_STATES_BY_NAME, Op, Shape
from halftrack.formats.spellings import LONGEST, Spellings, coded

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.formats.digits import Flags, Numbers, Places
    from halftrack.formats.scan import Scan

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
class Lines:
    """Lines that share an operation: their ``rows`` in ``columns`` and where their number stands."""

    columns: Columns
    rows: slice | Places
    values: Numbers
    places: Places
    spellings: Spellings

    def at(self, after: int = 0) -> Numbers:
        """Each line's number at the operation's slot, or ``after`` it."""
        return self.values[self.places + after if after else self.places]

    def refuse(self, wrong: Flags, reason: str) -> None:
        self.columns.refuse(self.rows, wrong, reason)

    def put(self, column: str, values: npt.ArrayLike) -> None:
        self.columns.put(column, self.rows, values)

    def put_limited(self, op: Op, values: Numbers) -> None:
        self.refuse(
            values > np.uint64(op.extra or _SIGNED_MOST), f"{op.column.replace('_', ' ')} is too large"
        )
        self.put(op.column, values)

    def texts(self) -> tuple[Places, list[str]]:
        """Captured texts: which of the distinct ones each line has, and these."""
        which, distinct = coded(self.spellings.texts(self.at()).fill_null(""))
        return which, distinct.to_list()

    def addresses(self) -> Iterator[tuple[Numbers, Numbers]]:
        """``hi`` and ``lo`` of the lines' four addresses."""
        for stem in ADDRESS_COLUMNS:
            hi, lo = (self.columns.values[f"{stem}_{half}"][self.rows] for half in ("hi", "lo"))
            yield hi.astype(np.uint64, copy=False), lo.astype(np.uint64, copy=False)


def run(shapes: Sequence[Shape], which: Places, scan: Scan, spellings: Spellings) -> Columns:
    """Carry out the operations of all lines, one operation at a time; ``which``: each line's shape."""
    columns = Columns(len(which))
    slots: dict[tuple[str, str, int], dict[int, int]] = {}
    for number, shape in enumerate(shapes):
        for op in shape.ops:
            slots.setdefault((op.what, op.column, op.extra), {})[number] = op.slot
    for what, column, extra in sorted(slots, key=lambda key: (_RANKS.get(key[0], 0), key)):
        of_shape = np.full(len(shapes), -1, dtype=np.intp)
        found = slots[what, column, extra]
        of_shape[list(found)] = list(found.values())
        of_line = of_shape[which]
        rows: slice | Places = slice(None)
        if len(found) < len(shapes):
            rows = np.flatnonzero(of_line >= 0)
            of_line = of_line[rows]
        lines = Lines(columns, rows, scan.values, scan.first[rows] + of_line, spellings)
        _OPERATIONS[what](lines, Op(what, column, 0, extra))
    return columns


def _number(lines: Lines, op: Op) -> None:
    lines.put_limited(op, lines.at())


def _minus(lines: Lines, op: Op) -> None:
    values = lines.at()
    lines.refuse(values > np.uint64(_SIGNED_MOST), f"{op.column} is too large")
    lines.put(op.column, -values.astype(np.int64))


def _spelled(lines: Lines, op: Op) -> None:
    """A number in hexadecimal."""
    which, texts = lines.texts()
    good = np.array([_HEXADECIMAL.fullmatch(text) is not None for text in texts])
    values = np.array(
        [int(text, 16) if fine else 0 for text, fine in zip(texts, good, strict=True)], dtype=np.uint64
    )
    lines.refuse(~good[which], f"{op.column.replace('_', ' ')} is no number")
    lines.put_limited(op, values[which])


def _text(lines: Lines, op: Op) -> None:
    texts = lines.spellings.texts(lines.at())
    too_long = (texts.str.len_bytes() > LONGEST).fill_null(value=False).to_numpy()
    lines.refuse(too_long, f"{op.column} is too long")
    _put_text(lines, op, texts)


def _digits(lines: Lines, op: Op) -> None:
    _put_text(lines, op, pl.Series(lines.at()).cast(pl.String))


def _put_text(lines: Lines, op: Op, texts: pl.Series) -> None:
    columns = lines.columns
    places = np.arange(columns.height)[lines.rows]
    whole = columns.texts.get(op.column)
    if whole is None:
        whole = nulls(op.column, columns.height)
    if op.extra:
        both = pl.DataFrame({"before": whole.gather(places), "after": texts})
        texts = both.select(pl.concat_str("before", "after", separator=",")).to_series()
    columns.texts[op.column] = whole.scatter(places, texts)


def _is(lines: Lines, op: Op) -> None:
    lines.refuse(lines.at() != np.uint64(op.extra), _CONTRADICTION)


def _same(lines: Lines, op: Op) -> None:
    lines.refuse(lines.at() != lines.at(op.extra), "two directions of different protocols")


def _constant(lines: Lines, op: Op) -> None:
    lines.put(op.column, op.extra)


def _l4proto(lines: Lines, op: Op) -> None:
    numbers = lines.at()
    lines.refuse(numbers > np.uint64(0xFF), "a protocol number above 255")
    if op.extra:
        lines.refuse(np.isin(numbers, _OWN_NUMBERS), _CONTRADICTION)
    lines.put("l4proto", numbers & np.uint64(0xFF))


def _quad(lines: Lines, op: Op) -> None:
    address = most = lines.at()
    for place in range(1, 4):
        octet = lines.at(place)
        address = address << np.uint64(8) | octet
        most = most | octet
    over = most > np.uint64(255)
    if over.any():
        lines.columns.again[lines.rows] |= over
    lines.put(f"{op.column}_lo", address | np.uint64(V4_MAPPED))
    lines.put(f"{op.column}_hi", 0)


def _captured(lines: Lines, op: Op) -> None:
    hi, lo, too_long, plain = lines.spellings.addresses(lines.at())
    lines.refuse(too_long, "an address that is too long")
    lines.columns.quads[lines.rows] |= plain & _is_v4(hi, lo)
    lines.put(f"{op.column}_hi", hi)
    lines.put(f"{op.column}_lo", lo)


def _is_family(lines: Lines, op: Op) -> None:
    """``ipv4 2`` or ``ipv6 10``."""
    digit, number = lines.at(), lines.at(1)
    good = ((digit == 4) & (number == uapi.AF_INET)) | ((digit == 6) & (number == uapi.AF_INET6))
    lines.refuse(~good, _CONTRADICTION)
    _put_family(lines, op, number)


def _family_number(lines: Lines, op: Op) -> None:
    number = lines.at()
    lines.refuse((number != uapi.AF_INET) & (number != uapi.AF_INET6), "an unknown address family")
    _put_family(lines, op, number)


def _family(lines: Lines, op: Op) -> None:
    """Where only the addresses tell it. Masked ones alone: IPv6 if they have colons."""
    six = np.zeros(len(lines.places), dtype=bool)
    four = np.full(len(lines.places), op.extra > 0)
    for hi, lo in lines.addresses() if not op.extra else ():
        is_four = _is_v4(hi, lo)
        four |= is_four
        six |= ~is_four & ((hi != np.uint64(OPAQUE_HI)) | lines.spellings.looks_ipv6(hi, lo))
    _put_family(lines, op, np.where(six & ~four, np.uint64(uapi.AF_INET6), np.uint64(uapi.AF_INET)))


def _put_family(lines: Lines, op: Op, family: Numbers) -> None:
    """``extra``: how many of the four addresses are dotted quads, which are IPv4 for sure."""
    is_four = family == np.uint64(uapi.AF_INET)
    wrong = ~is_four if op.extra else ~is_four & lines.columns.quads[lines.rows]
    for hi, lo in lines.addresses() if op.extra < len(ADDRESS_COLUMNS) else ():
        wrong |= is_four & (hi != np.uint64(OPAQUE_HI)) & ~_is_v4(hi, lo)
    lines.refuse(wrong, "addresses of two families")
    lines.put("family", family)


def _moment(lines: Lines, op: Op) -> None:
    day, hour, minute, second, year = (lines.at(place) for place in range(5))
    stamps, possible = nanoseconds_of(year, op.extra, day, (hour, minute, second))
    lines.refuse(~possible, "a time that is none")
    lines.put(op.column, stamps)


def _state_of_xml(lines: Lines, op: Op) -> None:
    """conntrack(8) takes the name from TCP's list for every protocol (snprintf_xml.c)."""
    which, names = lines.texts()
    own = uapi.STATE_NAMES.get(op.extra, ())
    numbers = np.array(
        [TCP_STATES_BY_NAME.get(name, own.index(name) if name in own else -1) for name in names]
    )
    lines.refuse((numbers < 0)[which], "a state that the protocol does not have")
    lines.put("state", np.maximum(numbers, 0)[which])


def _answer(lines: Lines, op: Op) -> None:
    lines.put(op.column, _ICMP_ANSWERS[(lines.at() & np.uint64(0xFF)).astype(np.uint8)])


def _is_v4(hi: Numbers, lo: Numbers) -> Flags:
    mapped: Flags = (hi == np.uint64(0)) & (lo >> np.uint64(32) == _V4_TOP)
    return mapped


_OPERATIONS: Final[dict[str, Callable[[Lines, Op], None]]] = {
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
    "is family": _is_family,
    "family number": _family_number,
    "moment": _moment,
    "answer": _answer,
    "state of xml": _state_of_xml,
}
_RANKS: Final = {"is family": 1, "family number": 1, "family": 1}
"""What looks at addresses comes after them; texts come in the order of their extra."""
