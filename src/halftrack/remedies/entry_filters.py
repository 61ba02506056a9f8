"""Filters of conntrack(8) that select a group's entries and nothing else.

conntrack(8) can delete by tuple, protocol and TCP state. It cannot select what has no reply:
``-u UNSET`` is taken as *no condition*, and a deletion by it empties the table. So a filter is
used only where, in the table as it was read, it selects no entry besides those that are meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from halftrack.evidence import addresses, uapi
from halftrack.plans.script.filters import ADDRESS_OPTIONS, PORT_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.remedies.shell import Addresses

_SHAPES: Final = (
    ("orig_src", "orig_sport"),  # the server's own packet began the entry
    ("orig_dst", "orig_dport"),  # a client's did
    ("reply_src", "reply_sport"),  # a client's, translated to the server
    ("orig_src", "orig_dport"),  # we are the client
    ("reply_dst", "orig_dport"),  # we are the client behind translation
    ("reply_src", None),  # whatever was translated to this address
    ("orig_src", None),
)
"""Where the owned address and the service's port may stand in an entry, most exact first."""


KIND: Final = ("family", "l4proto", "state")
Kind: TypeAlias = tuple[int, int, int | None]


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """A conjunction that conntrack(8) understands. ``address`` is as shown, ``pair`` as held."""

    family: int
    l4proto: int
    state: int | None
    address_column: str
    address: str
    pair: tuple[int, int]
    port_column: str | None = None
    port: int | None = None

    def expression(self) -> pl.Expr:
        hi, lo = self.pair
        chosen = (
            (pl.col(f"{self.address_column}_lo") == lo)
            & (pl.col(f"{self.address_column}_hi") == hi)
            & (pl.col("l4proto") == self.l4proto)
            & (pl.col("family") == self.family)
        )
        if self.state is not None:
            chosen &= pl.col("state") == self.state
        if self.port_column is not None:
            chosen &= pl.col(self.port_column) == self.port
        return chosen.fill_null(value=False)

    def options(self, spelled: Addresses) -> str:
        """The same as options of conntrack(8)."""
        words = ["-f", "ipv6" if self.family == uapi.AF_INET6 else "ipv4"]
        words += ["-p", uapi.PROTOCOL_NAMES.get(self.l4proto, str(self.l4proto))]
        if self.state is not None:
            words += ["--state", uapi.TCP_STATES[self.state]]
        words += [ADDRESS_OPTIONS[self.address_column], spelled.spell(self.address)]
        if self.port_column is not None:
            words += [PORT_OPTIONS[self.port_column], str(self.port)]
        return " ".join(words)


def of_kind(kind: Kind) -> pl.Expr:
    """Entries of one family, protocol and state."""
    return pl.all_horizontal(
        pl.col(name).eq_missing(pl.lit(value)) for name, value in zip(KIND, kind, strict=True)
    )


def candidates(kind: Kind, address: str, pair: tuple[int, int], service: str | None) -> Iterator[EntryFilter]:
    """Filters that may select a group's entries of one kind, most exact first."""
    family, l4proto, state = kind
    _, _, number = (service or "").partition("/")
    port = int(number) if number.isdecimal() else None
    for address_column, port_column in _SHAPES:
        if port_column is not None and port is None:
            continue
        yield EntryFilter(
            family=family,
            l4proto=l4proto,
            state=state if l4proto == uapi.IPPROTO_TCP else None,
            address_column=address_column,
            address=address,
            pair=pair,
            port_column=port_column,
            port=port if port_column else None,
        )


def pair_of(address: str, opaque: pl.Series) -> tuple[int, int] | None:
    """The two halves of an address as the frame holds it; None where no row can have it."""
    try:
        return addresses.parse(address)
    except ValueError:
        place = opaque.index_of(address) if len(opaque) else None
        return None if place is None else (addresses.OPAQUE_HI, place)
