"""stale-nat: translated to or from a container's address that no namespace has any more.

A container that was replaced gets another address, and the entry goes on sending packets to the
old one: UDP clients that never change their port keep it alive for ever. Only addresses within the
networks of container bridges can be called gone: anywhere else, behind a router for each container
(Calico, Cilium) or on a network of machines, another machine may have them. Where entries wait for
such an address in numbers, ``unjudged`` counts them, and the diagnosis says that it cannot tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from halftrack.diagnosis import words
from halftrack.diagnosis.entries import answered
from halftrack.diagnosis.standing import Weights, severity
from halftrack.diagnosis.symptoms.protocols import Account
from halftrack.evidence import addresses, marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Forecast
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.standing import Standing
    from halftrack.diagnosis.view import View
    from halftrack.evidence.values import Evidence, Table

_Network: TypeAlias = tuple[tuple[int, int], tuple[int, int]]

_BRIDGES: Final = re.compile(r"(docker|podman|cni|cbr|nerdctl|kube-bridge|lxcbr|br-[0-9a-f]{12}$)")
"""How Docker, Podman, CNI plugins, nerdctl and LXC name the bridges whose members are containers."""
_UNJUDGED: Final = 20
"""Unanswered entries for one address from which it is worth a word that nobody can say if it is gone."""
_WEIGHTS: Final = Weights(of_limit=0.001, share=0.01, fewest=1, many=1)


@dataclass(frozen=True, slots=True)
class StaleNat:
    slug: str = "stale-nat"

    def choose(self, view: View) -> pl.Expr | None:
        networks = tuple(_networks(view.table))
        if not networks or not _complete(view.evidence):
            return None
        translated_dst = _differs("orig_dst", "reply_src")
        translated_src = _differs("orig_src", "reply_dst")
        return (translated_dst & _gone("reply_src", networks, view.evidence)) | (
            translated_src & _gone("orig_src", networks, view.evidence)
        )

    def matters(self, entries: int, view: View) -> bool:  # noqa: ARG002  # one is worth a word
        return entries > 0

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        entries = case.rows.height
        waiting = case.rows.count(~answered())
        level = severity(entries, standing, _WEIGHTS, forecast) if waiting else "info"
        explanation = _whose(gone(case.view, case.rows))
        if waiting:
            explanation += f" {words.entries(waiting)} never got an answer: their packets go nowhere."
        return Account(
            severity=level,
            title=(
                f"{words.count(entries, 'entry is', 'entries are')} translated for an address that no"
                " namespace has any more."
            ),
            explanation=explanation,
        )


def gone(view: View, rows: MarkedRows) -> list[str]:
    """Addresses that nobody has, as text, that with most entries first; of a sample where they are many."""
    networks = tuple(_networks(view.table))
    stems = ("orig_src", "reply_src")
    some = rows.sample(*(f"{stem}_{half}" for stem in stems for half in ("hi", "lo")))
    found = pl.concat(
        some.filter(_gone(stem, networks, view.evidence)).select(
            pl.col(f"{stem}_hi").alias("hi"), pl.col(f"{stem}_lo").alias("lo")
        )
        for stem in stems
    )
    counted = marks.counted(found, ("hi", "lo")).sort("len", "hi", "lo", descending=[True, False, False])
    return [addresses.to_text(hi, lo) for hi, lo, _ in counted.iter_rows()]


def _whose(nobodys: Sequence[str]) -> str:
    if not nobodys:
        return "The container is gone, its translation is still in the table."
    if len(nobodys) == 1:
        return (
            f"Nobody has {nobodys[0]} any more: a container is gone, its translation is still in the table."
        )
    return (
        f"Nobody has {nobodys[0]} and {len(nobodys) - 1:,} more any more: containers are gone, their"
        " translations are still in the table."
    )


def unjudged(table: Table, evidence: Evidence) -> int:
    """Unanswered entries translated to one address of which this evidence cannot say whether it is gone.

    The largest number for any one address; 0 where they are few, which in-flight questions always are.
    """
    if table.flows is None or not evidence.of_node:
        return 0
    waiting = ~answered() & _differs("orig_dst", "reply_src")
    networks = tuple(_networks(table))
    if networks and _complete(evidence):
        waiting &= ~_inside("reply_src", networks)
    waiting &= ~_had("reply_src", evidence)
    target = ["reply_src_hi", "reply_src_lo"]
    counted = table.flows.frame.lazy().filter(waiting).group_by(target).agg(pl.len()).collect()
    most = counted["len"].max()
    return most if isinstance(most, int) and most >= _UNJUDGED else 0


def _complete(evidence: Evidence) -> bool:
    """Whether the addresses of every namespace are known: one that was not read may have the address."""
    return (
        evidence.of_node
        and all(table.addresses is not None for table in evidence.tables)
        and not any("CAP_SYS_ADMIN" in gap.needs for gap in evidence.gaps)
    )


def _networks(table: Table) -> Iterator[_Network]:
    """First and last address of every container bridge's network."""
    for local in table.addresses or ():
        if not _BRIDGES.match(local.interface):
            continue
        try:
            first, last = addresses.parse_network(f"{local.address.partition('%')[0]}/{local.prefix}")
        except ValueError:
            continue
        if first[0] >> 54 != 0x3FA:  # fe80::/10: every link has it
            yield first, last


def _gone(stem: str, networks: Sequence[_Network], evidence: Evidence) -> pl.Expr:
    return _inside(stem, networks) & ~_had(stem, evidence)


def _inside(stem: str, networks: Sequence[_Network]) -> pl.Expr:
    return pl.any_horizontal(_between(stem, first, last) for first, last in networks)


def _between(stem: str, first: tuple[int, int], last: tuple[int, int]) -> pl.Expr:
    hi, lo = pl.col(f"{stem}_hi"), pl.col(f"{stem}_lo")
    if first[0] == last[0]:
        return (hi == first[0]) & lo.is_between(_u64(first[1]), _u64(last[1]))
    return hi.is_between(_u64(first[0]), _u64(last[0]))


def _had(stem: str, evidence: Evidence) -> pl.Expr:
    """Whether some namespace or owner has the address."""
    texts = {one.address for table in evidence.tables for one in table.addresses or ()}
    texts.update(address for owner in evidence.owners for address in owner.addresses)
    pairs = set()
    for text in texts:
        try:
            pairs.add(addresses.parse(text.partition("/")[0].partition("%")[0]))
        except ValueError:
            continue
    known: dict[int, list[int]] = {}
    for hi, lo in pairs:
        known.setdefault(hi, []).append(lo)
    return pl.any_horizontal(
        pl.lit(value=False),
        *(
            (pl.col(f"{stem}_hi") == _u64(hi))
            & pl.col(f"{stem}_lo").is_in(pl.Series(los, dtype=pl.UInt64).implode())
            for hi, los in known.items()
        ),
    )


def _differs(one: str, other: str) -> pl.Expr:
    return (pl.col(f"{one}_lo") != pl.col(f"{other}_lo")) | (pl.col(f"{one}_hi") != pl.col(f"{other}_hi"))


def _u64(number: int) -> pl.Expr:
    return pl.lit(number, pl.UInt64)


SYMPTOM: Final = StaleNat()
