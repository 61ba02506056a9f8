"""The map: what stands for what. It stays with whoever masked, and undoes the mask.

    halftrack-map 1
    address 10.0.0.5 240.0.0.9          kind, original, stand-in, with a tab between
    network 10.0.0.0/24 240.0.0.8/29
    mac 0242ac110002 f2ffff000001
    name web-1 masked-07
    identity 4f5e... 5eed00000001...
    map 9c1f... 1                       its number, and how many bundles it was used for
    end 5                               lines before it

In names, a backslash stands before ``t``, ``n`` and itself.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from halftrack.errors import UnreadableInput
from halftrack.evidence.addresses import V4_MAPPED
from halftrack.evidence.values import MaskedBy
from halftrack.masking import kinds
from halftrack.masking.kinds import BITS, Network

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")
LARGEST: Final = 256 << 20
"""Bytes of a map: some millions of addresses."""
_HEAD: Final = "halftrack-map 1"
_END: Final = re.compile(r"end (\d{1,12})", re.ASCII)
_ESCAPED: Final = re.compile(r"\\([\\tn])")
_SIGNS: Final = {"\\": "\\", "t": "\t", "n": "\n"}
_MAC: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_USES: Final = re.compile(r"[1-9]\d{0,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """By the original: what stands for it. ``by``: its number, and its last use; None: it has none."""

    addresses: dict[int, int] = field(default_factory=dict)
    networks: dict[Network, Network] = field(default_factory=dict)
    macs: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    by: MaskedBy | None = None

    def back(self) -> Key:
        """By the stand-in: the original."""
        return Key(
            _swapped(self.addresses),
            _swapped(self.networks),
            _swapped(self.macs),
            _swapped(self.names),
            _swapped(self.identities),
            self.by,
        )

    def undoes(self, masked: MaskedBy) -> bool:
        """Whether it is the map of a bundle that says so: the same one, and not a copy of before."""
        return self.by is not None and masked.map == self.by.map and masked.use <= self.by.use

    def written(self) -> bytes:
        lines = [_HEAD, *self._lines()]
        return "".join(f"{line}\n" for line in [*lines, f"end {len(lines) - 1}"]).encode(
            "utf-8", "surrogateescape"
        )

    def _lines(self) -> Iterator[str]:
        if self.by is not None:
            yield f"map\t{self.by.map}\t{self.by.use}"
        for one, other in self.addresses.items():
            yield f"address\t{kinds.shown(one)}\t{kinds.shown(other)}"
        for net, its in self.networks.items():
            yield f"network\t{net.text}\t{its.text}"
        for kind, texts in (("mac", self.macs), ("name", self.names), ("identity", self.identities)):
            for text, stand_in in texts.items():
                yield f"{kind}\t{_escaped(text)}\t{_escaped(stand_in)}"


def numbered() -> MaskedBy:
    """A new number, for the first bundle of a map."""
    return MaskedBy(secrets.token_hex(16), 1)


def _swapped(pairs: dict[_T, _T]) -> dict[_T, _T]:
    return {other: one for one, other in pairs.items()}


def begins(content: bytes) -> bool:
    """Whether it is a map, or the beginning of one."""
    return content.startswith(f"{_HEAD}\n".encode())


def read(content: bytes, name: str) -> Key:
    """``name``: how the file is shown. Raises UnreadableInput where it is no map, or not a whole one."""
    head, *lines = content.decode("utf-8", "surrogateescape").split("\n")
    if head != _HEAD:
        raise UnreadableInput(f"{name} is no map of collect --mask")
    found = Key()
    by: MaskedBy | None = None
    for number, line in enumerate(lines):
        end = _END.fullmatch(line)
        if end is not None and int(end[1]) == number:
            return replace(found, by=by)
        kind, _, pair = line.partition("\t")
        original, _, stand_in = pair.partition("\t")
        try:
            if kind == "map" and by is None:
                by = _by(original, stand_in)
            else:
                _take(found, kind, original, stand_in)
        except ValueError as error:
            raise UnreadableInput(f"line {number + 2} of {name} is none of a map") from error
    raise UnreadableInput(f"{name} is not whole: its last line is missing")


def _by(number: str, uses: str) -> MaskedBy:
    if not _NUMBER.fullmatch(number) or not _USES.fullmatch(uses):
        raise ValueError
    return MaskedBy(number, int(uses))


def _take(found: Key, kind: str, original: str, stand_in: str) -> None:
    if kind == "address":
        found.addresses[kinds.number(original)] = kinds.number(stand_in)
    elif kind == "network":
        found.networks[_network(original)] = _network(stand_in)
    elif kind == "mac":
        if not _MAC.fullmatch(original) or not _MAC.fullmatch(stand_in):
            raise ValueError
        found.macs[original] = stand_in
    elif kind in {"name", "identity"} and original and stand_in:
        table = found.names if kind == "name" else found.identities
        table[_unescaped(original)] = _unescaped(stand_in)
    else:
        raise ValueError


def _network(text: str) -> Network:
    its = ipaddress.ip_network(text)
    if its.version == 6:
        return Network(int(its.network_address), its.prefixlen)
    return Network(int(its.network_address) | V4_MAPPED, BITS - 32 + its.prefixlen)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: _SIGNS[found[1]], text)
