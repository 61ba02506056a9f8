"""What holds for a table: the settings that decide how many entries it has, or what they might be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import addresses, uapi
from halftrack.evidence.sysctls import LIMIT, LOOSE, MAX_RETRANS
from halftrack.tcp import keeping, timeouts
from halftrack.tcp.timeouts import Timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.diagnosis.view import View
    from halftrack.tcp.keeping import Span
    from halftrack.tcp.releases import Features

_RETRANS_DEFAULT: Final = 3
CAPS: Final = (timeouts.UNACKNOWLEDGED, timeouts.MAX_RETRANS)
"""What cuts one-sided entries short."""
_ENDS: Final = (
    ("orig_src", "orig_sport"),
    ("orig_dst", "orig_dport"),
    ("reply_src", "reply_sport"),
    ("reply_dst", "reply_dport"),
)
_PROTOCOLS: Final = {"tcp": uapi.IPPROTO_TCP, "udp": uapi.IPPROTO_UDP, "sctp": uapi.IPPROTO_SCTP}


@dataclass(frozen=True, slots=True)
class Service:
    """``tcp/80``, at one address (text) or at any."""

    name: str
    address: str | None = None

    def matches(self, opaque: pl.Series) -> pl.Expr:
        """Entries of which packets have this port at this address on either end, translated or not.

        ``opaque``: spellings of masked addresses, of which it may be one.
        """
        protocol, _, port = self.name.partition("/")
        hi, lo = (None, None) if self.address is None else _parsed(self.address, opaque)

        def is_there(stem: str, number: str) -> pl.Expr:
            there = pl.col(number) == int(port)
            if self.address is not None:
                there &= (pl.col(f"{stem}_hi") == hi) & (pl.col(f"{stem}_lo") == lo)
            return there.fill_null(value=False)

        either = pl.any_horizontal(is_there(*end) for end in _ENDS)
        return (pl.col("l4proto") == _PROTOCOLS[protocol]) & either


def _parsed(address: str, opaque: pl.Series) -> tuple[int, int]:
    """As the flow table holds it; where it is a masked one that the table does not hold, as none does."""
    try:
        return addresses.parse(address)
    except ValueError:
        places = (opaque == address).arg_true()
        return addresses.OPAQUE_HI, int(places[0]) if len(places) else len(opaque)


@dataclass(frozen=True, slots=True)
class Conditions:
    """``limit`` None: not known; 0: none. ``clamps``: as in ``View``."""

    timeouts: Timeouts
    features: Features
    clamps: bool | None
    limit: int | None
    loose: bool = True
    max_retrans: int = _RETRANS_DEFAULT

    @classmethod
    def of(cls, view: View) -> Conditions:
        """As they are. What was not read is the kernel's default."""
        settings = {**view.evidence.input.assumed, **view.table.settings}

        return cls(
            timeouts=view.timeouts,
            features=view.features,
            clamps=view.clamps,
            limit=view.table.limit,
            loose=timeouts.is_loose(settings),
            max_retrans=timeouts.number(settings, MAX_RETRANS, _RETRANS_DEFAULT),
        )

    def under(self, settings: Mapping[str, int]) -> Conditions:
        """With some settings (names without prefix) changed."""
        given = {name: value for name, value in settings.items() if "timeout" in name}
        known = Timeouts(
            MappingProxyType({**self.timeouts.values, **given}), self.timeouts.assumed - given.keys()
        )
        return replace(
            self,
            timeouts=known,
            clamps=self._clamps(given),
            limit=settings.get(LIMIT, self.limit),
            loose=settings.get(LOOSE, int(self.loose)) != 0,
            max_retrans=settings.get(MAX_RETRANS, self.max_retrans),
        )

    def _clamps(self, given: Mapping[str, int]) -> bool | None:
        """Where the table shows that nothing is cut short, that may be by the very caps that are set now."""
        if self.clamps is not False or not given.keys() & set(CAPS):
            return self.clamps
        if self.features.clamps_one_sided and not given.keys() >= set(CAPS):
            # The other one may be raised, too, or not: nobody has read it.
            unread = [name for name in CAPS if name not in given and self.timeouts.known(name) is None]
            return None if unread else True
        return self.features.clamps_one_sided

    def spans(self) -> tuple[Span | None, ...]:
        """What a packet gives, by number of the rule (``tcp.keeping``)."""
        return keeping.spans(self.timeouts, self.features, clamps=self.clamps, max_retrans=self.max_retrans)
