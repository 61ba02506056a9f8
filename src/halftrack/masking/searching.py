"""A finished bundle, searched for what must not be in it.

By other means than those that replaced it: whatever can be read as an address, in text or in columns, is
looked up among the originals, and so is each name, wherever it stands. Only a stand-in, and an address that
is nobody's, is taken whole: its digits are no name.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
import socket
import sys
import tarfile
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from halftrack.evidence.addresses import V4_MAPPED, halves
from halftrack.masking import kinds, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import Evidence
    from halftrack.masking.key import Key

_FOUR: Final = re.compile(r"\d{1,3}(?=([.-])(\d{1,3})\1(\d{1,3})\1(\d{1,3})(?!\d))", re.ASCII)
_SIX: Final = re.compile(r"[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3}", re.ASCII)
_HEX: Final = re.compile(r"[0-9A-Fa-f]{8}(?:[0-9A-Fa-f]{24})?", re.ASCII)
_MAC: Final = re.compile(r"(?=([0-9A-Fa-f]{2}(?:[:-]?[0-9A-Fa-f]{2}){5}))", re.ASCII)
_BRIDGE: Final = re.compile(
    r"(?<![0-9A-Fa-f:-])[0-9A-Fa-f]{1,2}(?:[:-][0-9A-Fa-f]{1,2}){5}(?![0-9A-Fa-f])", re.ASCII
)
_THREES: Final = re.compile(r"(?=([0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}))", re.ASCII)
_TOKEN: Final = re.compile(
    r"(?<![^\W_])(?:[0-9a-f]*:[0-9a-f:]*:[0-9a-f:]*(?:\.\d{1,3}){0,3}|(?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?![^\W_])",
    re.ASCII,
)
"""A whole word that may be an address."""
_LEAST: Final = 1 << 112
"""Numbers of IPv6 below it could be any two counters."""
_NAT64: Final = 0x64FF9B << 64
_SIX_TO_FOUR: Final = 0x2002
_HEAD: Final = b'{"height"'


def left(packed: bytes, key: Key, evidence: Evidence) -> str | None:
    """The kind of what was found and where in the bundle, in a few words; None: nothing.

    ``evidence``: what was packed, for the words in it that are nobody's names.
    """
    from halftrack.formats.bundle import frames  # noqa: PLC0415  # what a bundle is made of

    originals = _Originals(key, _vocabulary(evidence))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
        for member in archive:
            content = archive.extractfile(member)
            body = b"" if content is None else content.read()
            head, feed, _ = body.partition(b"\n") if body.startswith(_HEAD) else (body, b"", b"")
            found = originals.in_texts(json.loads(head))
            if found is None and feed:
                found = originals.in_columns(frames.frame(body, sys.maxsize))
            if found is not None:
                return f"{found} in {member.name}"
    return None


class _Originals:
    def __init__(self, key: Key, vocabulary: frozenset[str]) -> None:
        self._addresses = key.addresses.keys()
        self._macs = key.macs.keys()
        self._stand_ins = {*key.addresses.values(), *(its.first for its in key.networks.values())}
        self._mac_stand_ins = {*key.macs.values(), "0" * 12, "f" * 12}
        self._heads = {its[:12] for its in key.identities}
        self._names = {name.casefold() for name in key.names if names.spoken(name)} - vocabulary
        self._longest = max(map(_runs, self._names), default=0)
        self._numbers = pl.DataFrame(
            [halves(each) for each in self._addresses if each >> 32 == V4_MAPPED >> 32 or each >= _LEAST],
            schema={"hi": pl.UInt64, "lo": pl.UInt64},
            orient="row",
        )

    def in_texts(self, value: Any) -> str | None:
        for at, text in _texts(value):
            kind = self._kind(text)
            if kind is not None:
                return f"{kind} at {at}"
        return None

    def _kind(self, text: str | int) -> str | None:
        """What the value is or has in it that must not be there."""
        if isinstance(text, int):
            return "an address" if text in self._addresses and text >= V4_MAPPED else None
        if self._has_address(text):
            return "an address"
        if any(digits in self._macs for digits in _macs(text)):
            return "a MAC address"
        if any(head in text for head in self._heads):
            return "a container's or machine's id"
        return "a name" if self._has_name(text) else None

    def _has_address(self, text: str) -> bool:
        return any(
            number in self._addresses or any(each in self._addresses for each in _inside(number))
            for number in (*_dotted(text), *_colons(text), *_hexadecimal(text))
        )

    def _has_name(self, text: str) -> bool:
        """Whether some words that stand side by side are a name."""
        text = text.casefold()
        runs = [(found.start(), found.end()) for found in re.finditer(r"[^\W_]+", text)]
        for at, (begin, _) in enumerate(runs):
            for _, end in runs[at : at + self._longest]:
                if text[begin:end] in self._names and not self._in_an_address(text, begin, end):
                    return True
        return False

    def _in_an_address(self, text: str, begin: int, end: int) -> bool:
        """Whether what stands there is digits of an address that may be there."""
        for found in _TOKEN.finditer(text):
            if found.start() <= begin and end <= found.end():
                numbers, digits = _colons(found[0]), found[0].replace(":", "").replace("-", "")
                return digits in self._mac_stand_ins or any(
                    each in self._stand_ins or kinds.keeps(each) for each in numbers
                )
        return False

    def in_columns(self, frame: pl.DataFrame) -> str | None:
        """Two columns of eight bytes side by side may be an address, whatever they are called."""
        wide = [name for name, kind in frame.schema.items() if kind == pl.UInt64]
        for hi, lo in itertools.pairwise(wide):
            pairs = frame.lazy().select(pl.col(hi).alias("hi"), pl.col(lo).alias("lo")).unique()
            if pairs.join(self._numbers.lazy(), on=["hi", "lo"], how="semi").head(1).collect().height:
                return f"an address in {hi} and {lo}"
        return None


def _runs(name: str) -> int:
    return len(re.findall(r"[^\W_]+", name))


def _texts(value: Any, at: str = "") -> Iterator[tuple[str, str | int]]:
    """All strings and numbers of a document, keys too, each after where it stands: ``tables[3].netns``."""
    if isinstance(value, dict):
        for number, (name, each) in enumerate(value.items()):
            yield f"{at}, key {number}", name
            yield from _texts(each, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _texts(each, f"{at}[{number}]")
    elif isinstance(value, (str, int)):
        yield at, value


def _dotted(text: str) -> Iterator[int]:
    for found in _FOUR.finditer(text):
        if text[max(found.start() - 2, 0) : found.start()].rstrip(".")[-1:].isdigit():
            continue
        parts = [int(each) for each in (found[0], *found.groups()[1:])]
        if max(parts) > 255:
            continue
        for order in (parts, parts[::-1]) if ".in-addr" in text else (parts,):
            yield V4_MAPPED | int.from_bytes(bytes(order), "big")


def _colons(text: str) -> Iterator[int]:
    for found in _SIX.findall(text):
        if found.count(":") < 2:
            continue
        for spelled in {found, found.strip(":"), found.rstrip(":"), found.lstrip(":")}:
            try:
                yield int.from_bytes(socket.inet_pton(socket.AF_INET6, spelled), "big")
            except OSError:
                continue


def _macs(text: str) -> Iterator[str]:
    """Digits of MAC addresses, also of those that addresses of IPv6 are made of (RFC 4291, appendix A)."""
    for found in (*_MAC.findall(text), *_THREES.findall(text)):
        yield re.sub("[:.-]", "", found).lower()
    for found in _BRIDGE.findall(text):
        yield "".join(f"{part:0>2}" for part in re.split("[:-]", found)).lower()
    for number in (*_colons(text), *_hexadecimal(text)):
        digits = f"{number & ((1 << 64) - 1):016x}"
        if digits[6:10] == "fffe":
            yield f"{int(digits[:2], 16) ^ 2:02x}{digits[2:6]}{digits[10:]}"


def _inside(six: int) -> Iterator[int]:
    """The address of IPv4 that translators (RFC 6052) and 6to4 (RFC 3056) put into it."""
    if six >> 32 == _NAT64:
        yield V4_MAPPED | six & 0xFFFFFFFF
    if six >> 112 == _SIX_TO_FOUR:
        yield V4_MAPPED | six >> 80 & 0xFFFFFFFF


def _hexadecimal(text: str) -> Iterator[int]:
    """As a little-endian kernel prints them, and as they are read."""
    for found in _HEX.finditer(text):
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        if (before.isalnum() and before != "x") or after.isalnum():
            continue
        raw = bytes.fromhex(found[0])
        words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
        for each in (raw, words):
            yield int.from_bytes(each, "big") | (V4_MAPPED if len(each) == 4 else 0)


def _vocabulary(evidence: Evidence) -> frozenset[str]:
    """Words of ours and of the kernel's in a bundle: nobody is named by them there."""
    from halftrack.formats.bundle import values  # noqa: PLC0415  # as above

    words = set(values.words())
    words |= {owner.runtime for owner in evidence.owners}
    words |= {*evidence.firewall.managers, *(evidence.firewall.copiers or ()), evidence.source}
    words |= {evidence.kernel or "", *evidence.input.formats}
    words |= {each for gap in evidence.gaps for each in gap.would_tell}
    for table in evidence.tables:
        words |= {name for name in table.settings if ".conf." not in name}
        words |= {name for reading in table.counters for name in reading.values}
        words |= {name for reading in table.stack for name in reading.values}
        words |= set(table.rules.raw) if table.rules is not None else set()
        words |= {its.kind or "" for shaping in table.shaping for its in shaping.interfaces}
        words |= {its.kind for shaping in table.shaping for its in shaping.queues}
    found = set()
    for each in words:
        runs = re.findall(r"[^\W_]+", each.casefold())
        found |= {each.casefold(), *runs}
    return frozenset(found)
