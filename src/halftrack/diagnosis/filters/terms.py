"""A filter as values. ``str()`` of each is its canonical text, which parses to the same value."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Text:
    """A name, compared as it stands."""

    text: str

    def __str__(self) -> str:
        return f'"{self.text}"' if not self.text or set(self.text) & set(" ,;\t") else self.text


@dataclass(frozen=True, slots=True)
class Number:
    """One number that stands for a name: an IP protocol."""

    number: int
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Span:
    """``low`` to ``high``, both included; None: open. In seconds where ``duration``."""

    low: int | None
    high: int | None
    duration: bool = False

    def __str__(self) -> str:
        if self.low is not None and self.low == self.high:
            return self._number(self.low)
        low = "" if self.low is None else self._number(self.low)
        return f"{low}..{'' if self.high is None else self._number(self.high)}"

    def _number(self, number: int) -> str:
        if not self.duration:
            return str(number)
        parts = []
        for unit, seconds in _UNITS:
            count, number = divmod(number, seconds)
            if count:
                parts.append(f"{count}{unit}")
        return "".join(parts) or "0s"


@dataclass(frozen=True, slots=True)
class Address:
    """An address or a network; ``network`` is None for a masked one, which is compared as written."""

    text: str
    network: Network | None

    @property
    def single(self) -> bool:
        return self.network is None or self.network.num_addresses == 1

    def __str__(self) -> str:
        if self.network is None:
            return str(Text(self.text))
        return str(self.network.network_address) if self.single else str(self.network)


@dataclass(frozen=True, slots=True)
class Mark:
    """``mark & mask == value``."""

    value: int
    mask: int = 0xFFFFFFFF

    def __str__(self) -> str:
        return f"{self.value:#x}" if self.mask == 0xFFFFFFFF else f"{self.value:#x}/{self.mask:#x}"


Value: TypeAlias = Text | Number | Span | Address | Mark


@dataclass(frozen=True, slots=True)
class Word:
    """A word that stands alone: ``one-sided``."""

    word: str

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class Match:
    """``field=value,value``: one of the values."""

    field: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.field}={','.join(map(str, self.values))}"


@dataclass(frozen=True, slots=True)
class Not:
    term: Term

    def __str__(self) -> str:
        if isinstance(self.term, Match):
            return str(self.term).replace("=", "!=", 1)
        return f"not {self.term}"


@dataclass(frozen=True, slots=True)
class AnyOf:
    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return f"any: {' '.join(map(str, self.terms))} ;"


Term: TypeAlias = Word | Match | Not | AnyOf


@dataclass(frozen=True, slots=True)
class Filter:
    """All of ``terms``; none of them: every entry."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def leaves(self) -> Iterator[Word | Match]:
        """Every word and match, however deep."""
        waiting: list[Term] = list(reversed(self.terms))
        while waiting:
            term = waiting.pop()
            match term:
                case Not():
                    waiting.append(term.term)
                case AnyOf():
                    waiting.extend(reversed(term.terms))
                case _:
                    yield term

    def named(self, field: str) -> str | None:
        """The one text that a field has to have; None where it is asked for otherwise, or not at all."""
        found = [term for term in self.terms if isinstance(term, Match) and term.field == field]
        values = found[0].values if len(found) == 1 else ()
        return values[0].text if len(values) == 1 and isinstance(values[0], Text) else None

    def uses(self, *names: str) -> bool:
        """Whether a word or field of one of these names occurs."""
        return any((leaf.word if isinstance(leaf, Word) else leaf.field) in names for leaf in self.leaves())
