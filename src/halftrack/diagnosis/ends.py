"""Whose end is which: the owned end of every entry, its owner, and the role it plays.

The real ends of an entry are ``orig_src`` and ``reply_src``: translation writes itself into the
other two. Where the addresses of this node are known they decide; in a mailed-in table without
them the end that occurs in more entries is taken for ours, translated ends first: masquerading
hides what is inside.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.diagnosis.clocks import SLICE
from halftrack.evidence import addresses
from halftrack.evidence.marks import MIX

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence, Owner, Table

_Pair: TypeAlias = tuple[int, int]

STRANGER: Final = -3
ELSEWHERE: Final = -2
NOBODY: Final = -1
"""Owner codes: not ours; of another namespace of this node, we cannot say whose; of the table's own
namespace, whose owner is not known. From 0 on: index into ``evidence.owners``."""

SIDES: Final = pl.Enum(["server", "client", "forwarded"])


@dataclass(frozen=True, slots=True)
class Owned:
    """Addresses of ours: parallel arrays. ``code``: as above, never STRANGER."""

    hi: npt.NDArray[np.uint64]
    lo: npt.NDArray[np.uint64]
    code: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Ends:
    """One value per entry. ``local_src``: the owned end is ``orig_src``, else ``reply_src``."""

    local_src: npt.NDArray[np.bool_]
    side: npt.NDArray[np.uint8]
    code: npt.NDArray[np.int32]


def owner_index(owner: Owner | None, owners: Sequence[Owner]) -> int:
    """Where an owner stands among ``evidence.owners``; NOBODY where it does not."""
    if owner is not None:
        for index, each in enumerate(owners):
            if each is owner or (each.id, each.runtime) == (owner.id, owner.runtime):
                return index
    return NOBODY


def owned(table: Table, evidence: Evidence) -> Owned | None:
    """Addresses that are ours in this table; None where nobody knows which.

    A container's table knows its own addresses only: what else the node has is foreign there.
    In the node's table everything is ours that any namespace or owner of the node has; an address
    that two of them share is of neither.
    """
    opaque = {text: index for index, text in enumerate(table.flows.opaque)} if table.flows else {}
    holder = owner_index(table.namespace.owner, evidence.owners)
    codes = dict.fromkeys(_pairs((one.address for one in table.addresses or ()), opaque), holder)
    if holder != NOBODY:
        codes |= dict.fromkeys(_pairs(evidence.owners[holder].addresses, opaque), holder)
    else:
        codes = _elsewhere(table, evidence, opaque) | codes
    if not codes and table.addresses is None:
        return None
    pairs = np.array(list(codes), np.uint64).reshape(-1, 2)
    return Owned(pairs[:, 0].copy(), pairs[:, 1].copy(), np.array(list(codes.values()), np.int32))


def _elsewhere(table: Table, evidence: Evidence, opaque: Mapping[str, int]) -> dict[_Pair, int]:
    """Addresses of the node's other namespaces and of its owners.

    Sockets of this table's namespace prove nothing about them, so none is NOBODY's.
    """
    claims: dict[_Pair, set[int]] = {}
    for index, owner in enumerate(evidence.owners):
        for pair in _pairs(owner.addresses, opaque):
            claims.setdefault(pair, set()).add(index)
    for other in evidence.tables:
        if other is not table:
            holder = owner_index(other.namespace.owner, evidence.owners)
            code = ELSEWHERE if holder == NOBODY else holder
            for pair in _pairs((one.address for one in other.addresses or ()), opaque):
                claims.setdefault(pair, set()).add(code)
    return {
        pair: next(iter(codes)) if len(codes) == 1 else ELSEWHERE
        for pair, codes in claims.items()
        if not in_every_namespace(pair)
    }


def _pairs(texts: Iterable[str], opaque: Mapping[str, int]) -> Iterator[_Pair]:
    for text in texts:
        bare = text.partition("/")[0].partition("%")[0]
        try:
            yield addresses.parse(bare)
        except ValueError:
            if bare in opaque:
                yield addresses.OPAQUE_HI, opaque[bare]


def in_every_namespace(pair: _Pair) -> bool:
    """Loopback and link-local addresses: any namespace may have them."""
    if pair[0] == addresses.OPAQUE_HI:
        return False
    address = ipaddress.ip_address(addresses.to_text(*pair))
    return address.is_loopback or address.is_link_local


@dataclass(frozen=True, slots=True)
class Lookup:
    """``Owned`` as a hash, so that a million addresses take a few array reads each.

    ``slots[place]``: index into the other arrays, whose last element stands for a stranger. What
    found its place taken is in ``rest``.
    """

    multiplier: np.uint64
    shift: np.uint64
    slots: npt.NDArray[np.int32]
    hi: npt.NDArray[np.uint64]
    lo: npt.NDArray[np.uint64]
    code: npt.NDArray[np.int32]
    rest: Lookup | None

    def codes(self, hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """Owner code of every address."""
        index = self.slots[_hashed(hi, lo, self.multiplier, self.shift)]
        codes = self.code[index]
        codes[(self.lo[index] != lo) | (self.hi[index] != hi)] = STRANGER
        if self.rest is not None:
            np.copyto(codes, self.rest.codes(hi, lo), where=codes == STRANGER)
        return codes


def lookup(ours: Owned, multiplier: np.uint64 = MIX) -> Lookup:
    """A lookup for these addresses, which are all different."""
    bits = max(16, len(ours.lo).bit_length() + 6)
    shift = np.uint64(64 - bits)
    places = _hashed(ours.hi, ours.lo, multiplier, shift)
    _, first = np.unique(places, return_index=True)
    slots = np.full(1 << bits, len(ours.lo), np.int32)
    slots[places[first]] = first
    others = np.setdiff1d(np.arange(len(ours.lo)), first)
    rest = None
    if len(others):
        another = np.uint64(int(multiplier) * int(MIX) & 0xFFFF_FFFF_FFFF_FFFF)
        rest = lookup(Owned(ours.hi[others], ours.lo[others], ours.code[others]), another)
    return Lookup(
        multiplier,
        shift,
        slots,
        np.append(ours.hi, np.uint64(0)),
        np.append(ours.lo, np.uint64(0)),
        np.append(ours.code, np.int32(STRANGER)),
        rest,
    )


def _hashed(
    hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64], multiplier: np.uint64, shift: np.uint64
) -> npt.NDArray[np.intp]:
    folded = hi * (multiplier ^ MIX << np.uint64(1))
    folded ^= lo
    folded ^= folded >> np.uint64(32)
    folded *= multiplier
    folded >>= shift
    return folded.astype(np.intp)


def by_address(
    src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32], server_is_src: npt.NDArray[np.bool_]
) -> Ends:
    """Ends from owner codes of ``orig_src`` and ``reply_src``.

    Where both are ours, the one that has an owner counts, then the server's. Where neither is, the
    entry is forwarded and the server's end stands in.
    """
    src_rank, dst_rank = _rank(src), _rank(dst)
    local_src = np.where(src_rank == dst_rank, server_is_src, src_rank > dst_rank)
    side = (local_src != server_is_src).astype(np.uint8)
    side[(src == STRANGER) & (dst == STRANGER)] = 2
    return Ends(local_src, side, np.where(local_src, src, dst))


def _rank(code: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
    """Whose: a stranger's, some address of the node, an owner's."""
    rank: npt.NDArray[np.int8] = (code != STRANGER).astype(np.int8)
    rank += code >= 0
    return rank


def occurrences(flows: pl.DataFrame) -> npt.NDArray[np.int64]:
    """How many entries have an address as a real end, by ``_place`` of the address."""
    bits = min(max((_ROOM * flows.height).bit_length(), _LEAST_BITS), _MOST_BITS)
    places = 1 << bits
    counts = np.zeros(places, np.int64)
    for part in flows[list(_REAL_ENDS)].iter_slices(SLICE):
        columns = [part[name].to_numpy() for name in _REAL_ENDS]
        counts += np.bincount(_place(columns[0], columns[1], bits), minlength=places)
        counts += np.bincount(_place(columns[2], columns[3], bits), minlength=places)
    return counts


def by_occurrence(
    flows: pl.DataFrame, counts: npt.NDArray[np.int64], server_is_src: npt.NDArray[np.bool_]
) -> Ends:
    """Ends where no address is known to be ours. Never ``forwarded``: that would be a claim.

    Between two that occur equally often: the one that sent a one-sided entry's packets, else the
    server's.
    """
    src_hi, src_lo, dst_hi, dst_lo = (flows[name].to_numpy() for name in _REAL_ENDS)
    bits = len(counts).bit_length() - 1
    src_count, dst_count = counts[_place(src_hi, src_lo, bits)], counts[_place(dst_hi, dst_lo, bits)]
    sender = flows["one_sided"].to_numpy() | server_is_src
    local_src = np.where(src_count == dst_count, sender, src_count > dst_count)
    src_inside = _translated(src_hi, src_lo, flows, "reply_dst")
    dst_inside = _translated(dst_hi, dst_lo, flows, "orig_dst")
    local_src = np.where(src_inside != dst_inside, src_inside, local_src)
    side = (local_src != server_is_src).astype(np.uint8)
    return Ends(local_src, side, np.full(len(side), NOBODY, np.int32))


_REAL_ENDS: Final = ("orig_src_hi", "orig_src_lo", "reply_src_hi", "reply_src_lo")
_ROOM: Final = 8
"""Places for each entry: few addresses share one."""
_LEAST_BITS: Final = 12
_MOST_BITS: Final = 20


def _place(hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64], bits: int) -> npt.NDArray[np.intp]:
    """A bucket per address. Two that share one count together, which only blurs a count."""
    return _hashed(hi, lo, MIX, np.uint64(64 - bits))


def _translated(
    hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64], flows: pl.DataFrame, seen_as: str
) -> npt.NDArray[np.bool_]:
    """Whether the other direction shows another address. A masked spelling beside a clear one does not."""
    other_hi, other_lo = flows[f"{seen_as}_hi"].to_numpy(), flows[f"{seen_as}_lo"].to_numpy()
    masked = (hi == np.uint64(addresses.OPAQUE_HI)) != (other_hi == np.uint64(addresses.OPAQUE_HI))
    differs: npt.NDArray[np.bool_] = (lo != other_lo) | (hi != other_hi)
    differs &= ~masked
    return differs


NEEDED: Final = (
    "local_src",
    *(f"{end}_{half}" for end in ("orig_src", "orig_dst", "reply_src") for half in ("hi", "lo")),
)
"""The columns that ``ends`` looks at."""
WHOSE: Final = tuple(
    pl.when("local_src").then(f"{opened}_{half}").otherwise(f"{answered}_{half}").alias(f"{end}_{half}")
    for end, opened, answered in (("local", "orig_src", "reply_src"), ("peer", "orig_dst", "orig_src"))
    for half in ("hi", "lo")
)
"""The columns that ``ends`` adds."""
ADDED: Final = frozenset(f"{end}_{half}" for end in ("local", "peer") for half in ("hi", "lo"))


def ends(rows: pl.LazyFrame) -> pl.LazyFrame:
    """``rows`` with ``local_hi``, ``local_lo``, ``peer_hi``, ``peer_lo``.

    The peer is whom the owned end talks to: the address it uses where it is ``orig_src``, the real
    one where it answers.
    """
    return rows.with_columns(*WHOSE)
