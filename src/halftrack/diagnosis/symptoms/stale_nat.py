"""stale-nat: translated to or from a container's address that no namespace has any more.

A container that was replaced gets another address, and the entry goes on sending packets to the
old one: UDP clients that never change their port keep it alive for ever. Only addresses within the
networks of container bridges can be called gone: anywhere else another machine may have them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import words
from halftrack.diagnosis.standing import Weights, severity
from halftrack.diagnosis.symptoms.protocols import Account
from halftrack.evidence import addresses, uapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Forecast
    from halftrack.diagnosis.standing import Standing
    from halftrack.diagnosis.view import View

_BRIDGES: Final = re.compile(r"(docker|podman|cni|cbr|nerdctl|kube-bridge|br-[0-9a-f]{12}$)")
"""How Docker, Podman, CNI plugins and nerdctl name the bridges whose members are containers."""
_WEIGHTS: Final = Weights(of_limit=0.001, share=0.01, fewest=1, many=1)


@dataclass(frozen=True, slots=True)
class StaleNat:
    slug: str = "stale-nat"

    def choose(self, view: View) -> pl.Expr | None:
        networks = tuple(_networks(view))
        if not networks or not _complete(view):
            return None
        translated_dst = _differs("orig_dst", "reply_src")
        translated_src = _differs("orig_src", "reply_dst")
        return (translated_dst & _gone("reply_src", networks, view)) | (
            translated_src & _gone("orig_src", networks, view)
        )

    def matters(self, entries: int, view: View) -> bool:  # noqa: ARG002  # one is worth a word
        return entries > 0

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        entries = case.rows.height
        waiting = case.rows.count(pl.col("status") & uapi.IPS_SEEN_REPLY == 0)
        level = severity(entries, standing, _WEIGHTS, forecast) if waiting else "info"
        explanation = "The container is gone, its translation is still in the table."
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


def _complete(view: View) -> bool:
    """Whether the addresses of every namespace are known: one that was not read may have the address."""
    return (
        view.evidence.source == "live"
        and view.table.namespace.owner is None
        and all(table.addresses is not None for table in view.evidence.tables)
        and not any("CAP_SYS_ADMIN" in gap.needs for gap in view.evidence.gaps)
    )


def _networks(view: View) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """First and last address of every container bridge's network."""
    for local in view.table.addresses or ():
        if not _BRIDGES.match(local.interface):
            continue
        try:
            first, last = addresses.parse_network(f"{local.address.partition('%')[0]}/{local.prefix}")
        except ValueError:
            continue
        if first[0] >> 54 != 0x3FA:  # fe80::/10: every link has it
            yield first, last


def _gone(stem: str, networks: tuple[tuple[tuple[int, int], tuple[int, int]], ...], view: View) -> pl.Expr:
    inside = pl.any_horizontal(_between(stem, first, last) for first, last in networks)
    return inside & ~_had(stem, view)


def _between(stem: str, first: tuple[int, int], last: tuple[int, int]) -> pl.Expr:
    hi, lo = pl.col(f"{stem}_hi"), pl.col(f"{stem}_lo")
    if first[0] == last[0]:
        return (hi == first[0]) & lo.is_between(_u64(first[1]), _u64(last[1]))
    return hi.is_between(_u64(first[0]), _u64(last[0]))


def _had(stem: str, view: View) -> pl.Expr:
    """Whether some namespace or owner has the address."""
    texts = {one.address for table in view.evidence.tables for one in table.addresses or ()}
    texts.update(address for owner in view.evidence.owners for address in owner.addresses)
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
        (pl.col(f"{stem}_hi") == _u64(hi))
        & pl.col(f"{stem}_lo").is_in(pl.Series(los, dtype=pl.UInt64).implode())
        for hi, los in known.items()
    )


def _differs(one: str, other: str) -> pl.Expr:
    return (pl.col(f"{one}_lo") != pl.col(f"{other}_lo")) | (pl.col(f"{one}_hi") != pl.col(f"{other}_hi"))


def _u64(number: int) -> pl.Expr:
    return pl.lit(number, pl.UInt64)


SYMPTOM: Final = StaleNat()
