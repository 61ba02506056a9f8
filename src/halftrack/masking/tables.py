"""What the walk and the text are told: first what there is, then what stands for it, or stood before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence.addresses import halves, replaced
from halftrack.masking import chosen, extending, layout, names, spellings, walk
from halftrack.masking.key import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from halftrack.masking.kinds import Network

_IDENTITY: Final = re.compile(r"[0-9a-f]{12,64}", re.ASCII)
_SHORT: Final = 12
"""Digits of a container's id that stand for all of it."""
_RUNS: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{12,64}(?![0-9A-Za-z])", re.ASCII)
_STAND_IN: Final = re.compile(r"(?<![^\W_])masked[a-z]*-\d+(?![^\W_])", re.ASCII)
_FQDN: Final = r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
_PARTS: Final = re.compile(r"([/:])")
_PLAIN_NUMBER: Final = re.compile(r"\d{1,11}", re.ASCII)
_NO_MACS: Final = frozenset({"0" * 12, "f" * 12})


class Collecting:
    """Remembers what it is asked for, and gives it back as it is."""

    def __init__(self) -> None:
        self.addresses: set[int] = set()
        self.networks: set[Network] = set()
        self.macs: set[str] = set()
        self.names: set[str] = set()
        self.words: set[str] = set()
        """Of comments."""
        self.chosen: set[str] = set()
        """Of chains, sets, tables and interfaces."""
        self.identities: set[str] = set()
        self.stems: set[str] = set()
        self.texts: list[str] = []

    def text(self, text: str) -> str:
        spellings.replaced(text, self)
        names.in_comments(text, self._word)
        self._note(text)
        self.texts.append(text)
        self.chosen.update(chosen.places(text))
        return text

    def called(self, name: str) -> str:
        self.chosen.add(name)
        return self.text(name)

    def name(self, name: str) -> str:
        """Of a pod, its namespace stands before it; of a service, its port behind it."""
        self._note(name)
        spellings.replaced(name, self)
        for part in _PARTS.split(name)[::2]:
            if _IDENTITY.fullmatch(part):
                self.identities.add(part)
            elif part:
                self.names |= {part, names.bare(part) or part}
        return name

    def host(self, name: str) -> str:
        """Without its domain it is the same one, and the domain tells as much."""
        first, _, domain = name.partition(".")
        for each in (name, first, domain, *domain.split(".")[:-1]):
            self.name(each)
        return name

    def identity(self, text: str) -> str:
        """A small number tells nothing; what is no number in hexadecimal is a name."""
        if _IDENTITY.fullmatch(text):
            self.identities.add(text)
        elif not _PLAIN_NUMBER.fullmatch(text):
            self.name(text)
        return text

    def number(self, address: int) -> int:
        self.addresses.add(address)
        return address

    def network(self, its: Network) -> Network:
        self.networks.add(its)
        return its

    def frame(self, frame: pl.DataFrame, stems: Sequence[str]) -> pl.DataFrame:
        if frame.width:
            self.addresses |= walk.distinct(frame, stems)
        return frame

    def key(self, known: Key | None = None) -> Key:
        """``known``: of an earlier bundle; what it says stays so. Raises layout.NoRoom."""
        if known is None:
            known = Key()
            addresses, networks = layout.stand_ins(self.addresses, self.networks)
        else:
            old = known.addresses, known.networks
            addresses, networks = extending.extended(self.addresses, self.networks, old)
        all_names = self.names | self.words | set(self._with_domains())
        all_names |= chosen.telling(self.chosen, self.names)
        wide = len(str(len(all_names)))
        return Key(
            addresses,
            networks,
            _numbered(self.macs - _NO_MACS, "f2ffff{:06x}", known.macs, self.macs),
            _numbered(all_names, f"{self._stem(known)}-{{:0{wide}d}}", known.names),
            self._identities(known.identities),
        )

    def _identities(self, known: Mapping[str, str]) -> dict[str, str]:
        """A short id is the beginning of the long one."""
        longest: dict[str, str] = {}
        for each in sorted((*known, *self.identities), key=len):
            longest[each[:_SHORT]] = each
        heads = _numbered(longest, "5eed{:08x}", {its[:_SHORT]: to[:_SHORT] for its, to in known.items()})
        return {its: heads[head] + "0" * (len(its) - _SHORT) for head, its in longest.items()}

    def _with_domains(self) -> Iterable[str]:
        """Names that go on with a domain somewhere, and spellings in other letters."""
        spoken = sorted(filter(names.spoken, self.names))
        finder = names.Finder(dict.fromkeys(spoken, ""))
        domain = re.compile(_FQDN)
        for text in self.texts:
            for begin, end, name in finder.found(text):
                further = domain.match(text, end) if "." in text else None
                if further is not None and not further[0][1:].replace(".", "").isdigit():
                    yield text[begin : further.end()]
                elif text[begin:end] != name:
                    yield text[begin:end]

    def _note(self, text: str) -> None:
        if "masked" in text:
            self.stems |= {found.rpartition("-")[0] for found in _STAND_IN.findall(text)}

    def _stem(self, known: Key) -> str:
        """None that names of the node begin with. Raises layout.NoRoom where those of the map do."""
        before = next(iter(known.names.values()), "").rpartition("-")[0]
        if before in self.stems:
            raise layout.NoRoom("something of the node is called as the map's stand-ins are")
        if before:
            return before
        stem = "masked"
        while stem in self.stems:
            stem += "x"
        return stem

    def _word(self, word: str) -> str:
        self.words.add(word)
        return word

    # What spellings ask for.

    def address(self, number: int) -> None:
        self.addresses.add(number)

    def perhaps(self, number: int) -> None:
        pass

    def mac(self, digits: str) -> None:
        self.macs.add(digits)

    def perhaps_mac(self, digits: str) -> None:
        pass


def _numbered(
    texts: Iterable[str], form: str, known: Mapping[str, str], taken: Iterable[str] = ()
) -> dict[str, str]:
    """In their order after what is known, and none of those that are ``taken``."""
    found = dict(known)
    number, avoided = len(known), {*taken, *known.values()}
    for each in sorted({*texts} - known.keys()):
        number += 1
        while form.format(number) in avoided:
            number += 1
        found[each] = form.format(number)
    return found


class Substituting:
    """Says what a key says."""

    def __init__(self, key: Key, *, back: bool = False) -> None:
        self._key = key = key.back() if back else key
        self._back = back
        self._finder = None if back else names.Finder(key.names)
        self._heads = {its[:_SHORT]: (its, other) for its, other in key.identities.items()}
        self._spelled = _Spelled(key)
        self._known = pl.DataFrame(
            [(*halves(one), *halves(other)) for one, other in key.addresses.items()],
            schema=dict.fromkeys(("hi", "lo", "to_hi", "to_lo"), pl.UInt64),
            orient="row",
        )

    def text(self, text: str) -> str:
        """Names go before addresses on the way back: they were the last to be replaced."""
        if self._back:
            return spellings.replaced(self._named(text), self._spelled)
        return self._named(names.in_comments(spellings.replaced(text, self._spelled), self._word))

    def _named(self, text: str) -> str:
        if self._finder is None:
            text = _STAND_IN.sub(lambda found: self._key.names.get(found[0], found[0]), text)
        else:
            text = self._finder.replaced(text)
        return _RUNS.sub(lambda found: self._identified(found[0]) or found[0], text) if self._heads else text

    def _word(self, word: str) -> str:
        return self._key.names.get(word, word)

    def name(self, name: str) -> str:
        return "".join(
            self._key.names.get(part) or self._identified(part) or self.text(part)
            for part in _PARTS.split(name)
        )

    host = name

    def called(self, name: str) -> str:
        return self.text(name)

    def identity(self, text: str) -> str:
        return self._identified(text) or (text if _PLAIN_NUMBER.fullmatch(text) else self.name(text))

    def _identified(self, text: str) -> str | None:
        its, other = self._heads.get(text[:_SHORT], ("", ""))
        return other[: len(text)] if its.startswith(text) and len(text) >= _SHORT else None

    def number(self, address: int) -> int:
        return self._key.addresses.get(address, address)

    def network(self, its: Network) -> Network:
        return self._key.networks.get(its, its)

    def frame(self, frame: pl.DataFrame, stems: Sequence[str]) -> pl.DataFrame:
        return replaced(frame, stems, self._known) if frame.width else frame


class _Spelled:
    """A key for those who look for addresses."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def address(self, number: int) -> int | None:
        return self._key.addresses.get(number)

    perhaps = address

    def network(self, its: Network) -> Network | None:
        return self._key.networks.get(its)

    def mac(self, digits: str) -> str | None:
        return self._key.macs.get(digits)

    perhaps_mac = mac
