"""Masked addresses: what may be concluded from spellings such as ``xx.xx.xx.73``.

Spellings are carried as they were written. Whoever masks a file by hand forgets one now and then:
an entry's peer is then clear on one side and masked on the other. Where the visible parts agree
and the ports mirror each other this is one address, not a translation.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.addresses import OPAQUE_HI, replaced, to_text
from halftrack.evidence.flows import ADDRESS_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

_MIRRORS: Final = (
    ("orig_dst", "reply_src", "orig_dport", "reply_sport", uapi.IPS_DST_NAT),
    ("orig_src", "reply_dst", "orig_sport", "reply_dport", uapi.IPS_SRC_NAT),
)
_NAMED: Final = 3
"""Forgotten addresses that are named one by one; the rest is counted."""
_PAIR: Final = ("a_hi", "a_lo", "b_hi", "b_lo")


def _visible_parts(text: str) -> tuple[str | None, ...]:
    """Parts of an address, None for a hidden one; empty for a spelling that is not made of parts."""
    for separator, count in ((".", 4), (":", 8)):
        parts = text.split(separator)
        if len(parts) == count:
            hexadecimal = separator == ":"
            return tuple(_visible(part, hexadecimal=hexadecimal) for part in parts)
    return ()


def _visible(part: str, *, hexadecimal: bool) -> str | None:
    if hexadecimal:
        try:
            return f"{int(part, 16):x}"
        except ValueError:
            return None
    return part if part.isdigit() else None


def agree(one: str, other: str) -> int | None:
    """How many parts both show and share; None where both show one and differ, or cannot be compared."""
    parts = list(zip(_visible_parts(one), _visible_parts(other), strict=False))
    if not parts or len(_visible_parts(one)) != len(_visible_parts(other)):
        return None
    shared = [(first, second) for first, second in parts if first is not None and second is not None]
    return None if any(first != second for first, second in shared) else len(shared)


def same_address(clear: str, masked: str) -> bool:
    """Whether a masked spelling is taken for a clear address.

    One visible part must agree; two where the clear address is private: private addresses are
    often left clear on purpose, beside the masked public one that they are translated to.
    """
    shared = agree(clear, masked)
    return shared is not None and shared >= (2 if _private(clear) else 1)


def surely_translated(one: str, other: str, *, clear: bool) -> bool:
    """Whether a masked spelling ``other`` cannot be the address ``one``, which may be ``clear``."""
    parts = _visible_parts(one), _visible_parts(other)
    if all(parts) and len(parts[0]) == len(parts[1]):
        return agree(one, other) is None or (clear and _private(one) and not same_address(one, other))
    # Two spellings without parts, such as hashes, stand for one address each.
    return _private(one) if clear else not any(parts)


def _private(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return address.is_private or address in ipaddress.ip_network("100.64.0.0/10")


def settle(frame: pl.DataFrame, opaque: pl.Series) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Unify forgotten addresses with their masked spellings and infer translations; notes for the reader."""
    spellings = opaque.to_list()

    def spell(hi: int, lo: int) -> str:
        return spellings[lo] if hi == OPAQUE_HI else to_text(hi, lo)

    forgotten: dict[tuple[int, int], int] = {}
    for there, back, port, mirrored, _ in _MIRRORS:
        straight = frame.filter(pl.col(port).eq_missing(pl.col(mirrored)))
        for a_hi, a_lo, b_hi, b_lo in _pairs(straight, there, back):
            if (a_hi == OPAQUE_HI) == (b_hi == OPAQUE_HI):
                continue
            clear, masked = ((a_hi, a_lo), b_lo) if b_hi == OPAQUE_HI else ((b_hi, b_lo), a_lo)
            if same_address(to_text(*clear), spellings[masked]):
                forgotten.setdefault(clear, masked)
    frame = _replaced(frame, forgotten)

    def translated(a_hi: int, a_lo: int, b_hi: int, b_lo: int) -> bool:
        one, other = spell(a_hi, a_lo), spell(b_hi, b_lo)
        if b_hi != OPAQUE_HI:
            one, other = other, one
        return surely_translated(one, other, clear=a_hi != OPAQUE_HI or b_hi != OPAQUE_HI)

    for there, back, _, _, bit in _MIRRORS:
        frame = _with_translations(frame, there, back, bit, translated)
    return frame, _notes([(to_text(*clear), spellings[masked]) for clear, masked in forgotten.items()])


def _pairs(frame: pl.DataFrame, there: str, back: str) -> list[tuple[int, int, int, int]]:
    """Distinct pairs of different addresses, at least one masked."""
    ends = frame.lazy().select(
        pl.col(f"{stem}_{half}").alias(f"{side}_{half}")
        for side, stem in (("a", there), ("b", back))
        for half in ("hi", "lo")
    )
    masked = (pl.col("a_hi") == OPAQUE_HI) | (pl.col("b_hi") == OPAQUE_HI)
    differ = (pl.col("a_hi") != pl.col("b_hi")) | (pl.col("a_lo") != pl.col("b_lo"))
    return ends.filter(masked & differ).unique(maintain_order=True).collect().rows()


def _replaced(frame: pl.DataFrame, forgotten: dict[tuple[int, int], int]) -> pl.DataFrame:
    if not forgotten:
        return frame
    known = pl.DataFrame(
        [(*clear, OPAQUE_HI, masked) for clear, masked in forgotten.items()],
        schema=dict.fromkeys(("hi", "lo", "to_hi", "to_lo"), pl.UInt64),
        orient="row",
    )
    return replaced(frame, ADDRESS_COLUMNS, known)


def _with_translations(
    frame: pl.DataFrame, there: str, back: str, bit: int, translated: Callable[[int, int, int, int], bool]
) -> pl.DataFrame:
    pairs = [pair for pair in _pairs(frame, there, back) if translated(*pair)]
    if not pairs:
        return frame
    known = pl.DataFrame(pairs, schema=dict.fromkeys(_PAIR, pl.UInt64), orient="row").with_columns(found=True)
    ends = frame.select(f"{there}_hi", f"{there}_lo", f"{back}_hi", f"{back}_lo")
    found = ends.rename(dict(zip(ends.columns, _PAIR, strict=True))).join(
        known, on=_PAIR, how="left", maintain_order="left"
    )["found"]
    status = pl.col("status")
    return frame.with_columns(
        pl.when(found.is_not_null()).then(status | bit).otherwise(status).alias("status")
    )


def _notes(forgotten: list[tuple[str, str]]) -> tuple[str, ...]:
    notes = ["Masked addresses are taken as written: two may be one, or one may be two."]
    notes += [
        f"{clear} is NOT masked although {masked} stands for it elsewhere: taken as the same address, not as"
        " translation. Do not forward this file."
        for clear, masked in forgotten[:_NAMED]
    ]
    if len(forgotten) > _NAMED:
        notes.append(f"{len(forgotten) - _NAMED} more addresses are not masked either.")
    return tuple(notes)
