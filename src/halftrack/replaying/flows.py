"""Which flow somebody means: two ends as they are written, or the flow of a packet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from halftrack.errors import UsageError
from halftrack.evidence import addresses, uapi
from halftrack.evidence.packets import QUOTED
from halftrack.replaying import ends

if TYPE_CHECKING:
    from collections.abc import Mapping

_END: Final = re.compile(
    r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[0-9.]+)|(?P<bare>[0-9a-fA-F:.]+))(?P<port>:[0-9]{1,5})?$"
)
_HOW: Final = (
    "write SOURCE:PORT-TARGET:PORT, 192.0.2.1:80-198.51.100.7:40000 or [2001:db8::1]:80-[2001:db8::2]:4000"
)


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes between two ends, whichever sends. ``protocol`` None: of any protocol that has such ends.

    ``ident``: of ICMP, the identifier that requests and answers share.
    """

    source: ends.End
    target: ends.End
    protocol: int | None = None
    ident: int | None = None

    def __str__(self) -> str:
        ported = self.protocol is None or self.protocol in uapi.PORT_PROTOCOLS
        shown = "-".join(ends.text(end, port=ported) for end in (self.source, self.target))
        return shown if self.ident is None else f"{shown} id {self.ident}"

    def takes(self, frame: pl.DataFrame) -> pl.Series:
        """Which packets are of it, and which tell of one that is. Boolean."""
        quoted = self._between(QUOTED) & self._of(QUOTED)
        return frame.select((self._between("") & self._of("") | quoted).fill_null(value=False).alias("is"))[
            "is"
        ]

    def _between(self, prefix: str) -> pl.Expr:
        return self._goes(prefix, self.source, self.target) | self._goes(prefix, self.target, self.source)

    def _goes(self, prefix: str, source: ends.End, target: ends.End) -> pl.Expr:
        is_it = pl.lit(value=True)
        for stem, port, end in (("src", "sport", source), ("dst", "dport", target)):
            (hi, lo), number = ends.parts(end)
            is_it &= (pl.col(f"{prefix}{stem}_hi") == hi) & (pl.col(f"{prefix}{stem}_lo") == lo)
            is_it &= pl.col(prefix + port).fill_null(0) == number
        return is_it

    def _of(self, prefix: str) -> pl.Expr:
        is_it = pl.lit(value=True)
        if self.protocol is not None:
            is_it = pl.col(f"{prefix}l4proto") == self.protocol
        return is_it if self.ident is None else is_it & (pl.col(f"{prefix}icmp_id") == self.ident)


def parse(text: str) -> Flow:
    """Two ends with a minus or a comma between them. Raises UsageError."""
    found = [_end(part) for part in re.split(r"[-,]", text.strip())]
    if len(found) != 2 or None in found:
        raise UsageError(f"{text[:80]!a} is no flow: {_HOW}; or a packet's number")
    source, target = found
    assert source is not None  # noqa: S101  # looked at above
    assert target is not None  # noqa: S101  # likewise
    if isinstance(source, int) != isinstance(target, int):
        raise UsageError(f"{text[:80]!a} is no flow: one end is IPv4, the other IPv6")
    return Flow(source, target)


def _end(text: str) -> ends.End | None:
    found = _END.fullmatch(text.strip())
    if found is None:
        return None
    port = int((found["port"] or ":0")[1:])
    try:
        address = addresses.parse(found["six"] or found["four"] or found["bare"] or "")
    except ValueError:
        return None
    return ends.end(address, port) if port <= 0xFFFF else None


def of_packet(frame: pl.DataFrame, number: int) -> Flow | None:
    """The flow of the packet with this number: of an ICMP error, the one that it tells of. None: not here."""
    rows = frame.filter(pl.col("number") == number)
    if not rows.height:
        return None
    row = rows.row(0, named=True)
    prefix = QUOTED if row[f"{QUOTED}l4proto"] is not None else ""
    protocol = row[f"{prefix}l4proto"]
    source, target = (
        ends.end((row[f"{prefix}{stem}_hi"], row[f"{prefix}{stem}_lo"]), row[prefix + port] or 0)
        for stem, port in (("src", "sport"), ("dst", "dport"))
    )
    ident = row[f"{prefix}icmp_id"] if protocol in uapi.ICMP_PROTOCOLS else None
    return Flow(source, target, protocol, ident)


def of_entry(row: Mapping[str, Any]) -> Flow:
    """The flow of an entry: a row of the flow table."""
    source, target = (
        ends.end((row[f"orig_{stem}_hi"], row[f"orig_{stem}_lo"]), row[f"orig_{port}"] or 0)
        for stem, port in (("src", "sport"), ("dst", "dport"))
    )
    return Flow(source, target, row["l4proto"], row["orig_icmp_id"])
