"""Which entries of a table no rule would miss: their next packet fares the same if they go.

Entries between which no rule can tell are one kind: addresses and ports are reduced to the
intervals that the rules speak of, and one entry of each kind is judged.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from halftrack.evidence import addresses, uapi
from halftrack.evidence.addresses import halves
from halftrack.evidence.flows import has
from halftrack.rulesets import comparing, intervals
from halftrack.rulesets.packets import ACK, BEGINS, ESTABLISHED, FIN, INVALID, UNANSWERED, Packet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Table
    from halftrack.rulesets.alone import Walks
    from halftrack.rulesets.comparing import Difference, Fate
    from halftrack.rulesets.packets import Standing

MOST_KINDS: Final = 4_000
"""Of entries, that are judged; what is beyond them is said not to be told."""
_KIND: Final = (
    "family",
    "l4proto",
    "src",
    "dst",
    "sport",
    "dport",
    "from_here",
    "to_here",
    "unmarked",
    "answered",
)
_ENDS: Final = ("orig_src", "orig_dst")
_DOES: Final = {
    "dropped": "dropped",
    "translated": "translated anew",
    "untranslated": "translated no more",
    "let-pass": "let pass",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an entry is missed. ``words``: a clause; ``fate``, ``certain``: see ``comparing.Difference``.

    ``fate`` None: it is no rule that would miss it. ``rule``: quoted, with its table and chain.
    """

    words: str
    fate: Fate | None = None
    certain: bool = True
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """``which``: UInt32, one per entry: the number of the reason; null where surely no rule would miss it."""

    reasons: tuple[Reason, ...]
    which: pl.Series

    def why(self, rows: pl.Series | None = None) -> Mapping[str, int]:
        """How many are missed, by the reason in words. ``rows``: Boolean, of these alone."""
        which = self.which if rows is None else self.which.filter(rows)
        found: Counter[str] = Counter()
        for number, entries in which.drop_nulls().value_counts().iter_rows():
            found[self.reasons[number].words] += entries
        return found


def judged(
    rules: Ruleset, entries: pl.DataFrame, local: Sequence[int] | None, *, loose: bool, closing: bool
) -> Judged:
    """What would become of each entry's next packet without it, where that is another thing than with it.

    ``entries``: with the columns of the flow table. ``local``: the namespace's own addresses, 128 bits
    each; None: not known. ``loose``: mid-stream packets begin entries (``tcp_loose``). ``closing``: it
    may also be the packet that closes the connection.
    """
    reasons, before = _before(rules)
    sound = entries.select(pl.coalesce(before)).to_series()
    kinds = _kinds(rules, entries, local)
    first = (
        kinds.filter(sound.is_null()).group_by(_KIND).agg(pl.col("row").first(), pl.len().alias("entries"))
    )
    first = first.sort(["entries", "row"], descending=[True, False])
    walks = comparing.prepared(rules)
    numbers: list[int | None] = []
    known: dict[Reason, int] = {each: number for number, each in enumerate(reasons)}
    for place, kind in enumerate(first.iter_rows(named=True)):
        if place < MOST_KINDS:
            entry = entries.row(kind["row"], named=True)
            found = _why(walks, _next(entry, kind, loose=loose, closing=closing))
        else:
            found = Reason(
                f"they are of more than {MOST_KINDS:,} kinds to these rules", "unclear", certain=False
            )
        numbers.append(None if found is None else known.setdefault(found, len(known)))
    answers = first.select(_KIND).with_columns(pl.Series("which", numbers, dtype=pl.UInt32))
    joined = kinds.join(answers, on=list(_KIND), how="left", nulls_equal=True, maintain_order="left")
    return Judged(tuple(known), sound.zip_with(sound.is_not_null(), joined["which"]))


def own_addresses(table: Table) -> Sequence[int] | None:
    """A namespace's own, as numbers of 128 bits; None where they were not read. Masked ones are none."""
    if table.addresses is None:
        return None
    found = []
    for each in table.addresses:
        with contextlib.suppress(ValueError):
            hi, lo = addresses.parse(each.address)
            found.append(hi << 64 | lo)
    return found


def words(found: Difference, *, closing: bool = False, which: str = "it") -> str:
    """What would become of a packet without its entry, as a clause that quotes the rule."""
    rule = found.by.words
    if found.fate == "unclear":
        return f"what becomes of {which} cannot be told: {rule}"
    which = "the packet that closes it" if closing else which
    does = _DOES[found.fate]
    return f"{which} {'would' if found.certain else 'might'} be {does}: {rule}"


def _before(rules: Ruleset) -> tuple[list[Reason], list[pl.Expr]]:
    """What sets an entry apart before any rule is asked, and the number of each where it holds, else null."""
    mirrored = pl.all_horizontal(
        pl.col(f"orig_{one}").eq_missing(pl.col(f"reply_{other}"))
        for one, other in (
            ("src_hi", "dst_hi"), ("src_lo", "dst_lo"), ("dst_hi", "src_hi"), ("dst_lo", "src_lo"),
            ("sport", "dport"), ("dport", "sport"),
        )
    )  # fmt: skip
    special = pl.col("helper").is_not_null() | (pl.col("zone").fill_null(0) != 0)
    found = [
        (Reason("its translation would be lost"), has(uapi.IPS_NAT_MASK) | ~mirrored),
        (Reason("it has a helper or a zone of its own"), special),
    ]
    for service in rules.services:
        mine = pl.lit(value=True) if service.address is None else _served(service.address, service.port)
        found.append((Reason(f"IPVS hands it on: {service.text}"), mine))
    expressions = [
        pl.when(holds).then(pl.lit(number, pl.UInt32)).alias(str(number))
        for number, (_, holds) in enumerate(found)
    ]
    return [reason for reason, _ in found], expressions


def _served(address: int, port: int | None) -> pl.Expr:
    hi, lo = halves(address)
    ends = [
        (pl.col(f"{end}_hi") == hi) & (pl.col(f"{end}_lo") == lo) & (pl.col(f"orig_{which}") == port)
        for end, which in zip(_ENDS, ("sport", "dport"), strict=True)
    ]
    return (ends[0] | ends[1]).fill_null(value=False)


def _kinds(rules: Ruleset, entries: pl.DataFrame, local: Sequence[int] | None) -> pl.DataFrame:
    """One row per entry: what the rules can tell it by."""
    bounds = intervals.bounds(rules)
    columns: dict[str, npt.NDArray[np.generic] | pl.Series] = {}
    for end, name, here in zip(_ENDS, ("src", "dst"), ("from_here", "to_here"), strict=True):
        hi, lo = (entries[f"{end}_{half}"].to_numpy() for half in ("hi", "lo"))
        columns[name] = intervals.addresses(hi, lo, bounds.addresses)
        found = None if local is None else intervals.among(hi, lo, local)
        columns[here] = (
            pl.Series([None], dtype=pl.Boolean).new_from_index(0, len(hi)) if found is None else found
        )
    for port in ("sport", "dport"):
        columns[port] = intervals.ports(entries[f"orig_{port}"], bounds.ports)
    return (
        entries.select("family", "l4proto")
        .with_columns(
            *(pl.Series(name, values) for name, values in columns.items()),
            (entries["mark"].fill_null(0) == 0).alias("unmarked") & entries["labels"].is_null(),
            (entries["status"] & uapi.IPS_SEEN_REPLY != 0).alias("answered"),
        )
        .with_row_index("row")
    )


class _Next(NamedTuple):
    """A packet that may be an entry's next one, and how it stands with the entry and without."""

    packet: Packet
    with_entry: Standing
    without: Standing
    closing: bool


def _next(
    entry: dict[str, object], kind: dict[str, object], *, loose: bool, closing: bool
) -> Iterator[_Next]:
    """Of either direction: in mid-stream, and of TCP what closes, which never begins an entry."""
    src, dst = (_number(entry, end) for end in _ENDS)
    forth = Packet(
        family="ip6" if entry["family"] == uapi.AF_INET6 else "ip",
        protocol=int(str(entry["l4proto"])),
        saddr=src,
        daddr=dst,
        sport=_port(entry["orig_sport"]),
        dport=_port(entry["orig_dport"]),
        from_here=_known(kind["from_here"]),
        to_here=_known(kind["to_here"]),
        unmarked=bool(kind["unmarked"]),
    )
    of_own = ESTABLISHED if kind["answered"] else UNANSWERED
    tcp = forth.protocol == uapi.IPPROTO_TCP
    for packet, standing in ((forth, of_own), (forth.back(), ESTABLISHED)):
        yield _Next(packet, standing, BEGINS if loose or not tcp else INVALID, closing=False)
        if tcp and closing:
            yield _Next(packet.with_flags(FIN | ACK), standing, INVALID, closing=True)


def _why(walks: Walks, packets: Iterable[_Next]) -> Reason | None:
    """The reason that is most certain; None where each packet surely fares the same."""
    found = [
        (difference, each.closing)
        for each in packets
        if (difference := comparing.first(walks, each.packet, each.with_entry, each.without)) is not None
    ]
    if not found:
        return None
    difference, closing = min(found, key=lambda each: (not each[0].certain, each[1]))
    said = words(difference, closing=closing)
    return Reason(said, difference.fate, difference.certain, difference.by.words)


def _number(entry: dict[str, object], end: str) -> int:
    return int(str(entry[f"{end}_hi"])) << 64 | int(str(entry[f"{end}_lo"]))


def _port(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _known(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
