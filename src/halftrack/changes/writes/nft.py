"""Chains of one rule in our own nft table, ``inet halftrack``: all of them in one transaction.

Each rule has chains and timeout objects of names that no other has, so that rules come and go
without touching each other. What the kernel makes of a rule is seen beforehand, in a scratch
namespace: that is what has to be there afterwards, and what drift is held against.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

import msgspec

from halftrack.changes import spaces
from halftrack.changes.spaces import Space
from halftrack.changes.writes import Look, Seen
from halftrack.kernel import nftables, tools
from halftrack.kernel.namespaces import Vanished

_FAMILY: Final = "inet"
TABLE: Final = "halftrack"
_OURS: Final = f"{_FAMILY} {TABLE}"


class NftWrite(msgspec.Struct, frozen=True, kw_only=True, tag="nft", tag_field="write"):
    """``text``: what nft is given; ``objects``: kind and name (``["chain", "notrack_tcp_80"]``) of all in it.

    ``after``: the objects as the kernel lists them. ``was_empty``: our table was there, with nothing in it.
    """

    space: Space
    name: str
    text: str
    objects: tuple[tuple[str, str], ...]
    after: str
    was_empty: bool = False

    @property
    def title(self) -> str:
        return f"nft table {_OURS}{self.space.inside}: {self.name}"

    @property
    def key(self) -> str:
        return f"nft {self.space.key} {self.name}"

    def look(self) -> Look:
        try:
            return spaces.call(self.space, self._look)
        except Vanished:
            return Look(Seen.GONE)

    def do(self) -> None:
        spaces.call(self.space, self._load)

    def undo(self) -> None:
        try:
            spaces.call(self.space, self._remove)
        except Vanished:
            return

    def _look(self) -> Look:
        there, _ = _split(listing(), self.objects)
        if not there:
            return Look(Seen.BEFORE)
        return Look(Seen.AFTER if canonical(there) == self.after else Seen.OTHER, _told(there))

    def _load(self) -> None:
        if self._look().seen is Seen.AFTER:
            return
        tools.run(["nft", "-c", "-f", "-"], self.text)
        tools.run(["nft", "-f", "-"], self.text)

    def _remove(self) -> None:
        table = listing()
        ours, others = _split(table, self.objects)
        if not ours:
            return
        if not others and not self.was_empty:
            tools.run(["nft", "-f", "-"], f"delete table {_OURS}\n")
            return
        there = {(kind, item["name"]) for kind, item in map(_kind, ours) if kind != "rule"}
        chains = [name for kind, name in self.objects if kind == "chain" and (kind, name) in there]
        rest = [(kind, name) for kind, name in self.objects if kind != "chain" and (kind, name) in there]
        lines = [f"flush chain {_OURS} {name}" for name in chains]
        lines += [f"delete chain {_OURS} {name}" for name in chains]
        lines += [f"delete {kind} {_OURS} {name}" for kind, name in rest]
        tools.run(["nft", "-f", "-"], "\n".join(lines) + "\n")


def plan(space: Space, name: str, text: str, objects: tuple[tuple[str, str], ...]) -> NftWrite:
    """The write that adds these objects. Raises HalftrackError where nft does not take them."""
    table = spaces.call(space, listing)
    return NftWrite(
        space=space,
        name=name,
        text=text,
        objects=objects,
        after=expected(text, objects),
        was_empty=table is not None and not _split(table, ())[1],
    )


def expected(text: str, objects: tuple[tuple[str, str], ...]) -> str:
    """How the kernel lists these objects once they are loaded, tried in a namespace made for it."""

    def load() -> str:
        tools.run(["nft", "-f", "-"], text)
        return canonical(_split(listing(), objects)[0])

    return spaces.tried(load)


def listing() -> list[dict[str, Any]] | None:
    """Objects of our table in the calling thread's namespace; None where there is no such table."""
    known = nftables.names()
    if known is not None and (_FAMILY, TABLE) not in known.tables:
        return None
    told = json.loads(tools.run(["nft", "-j", "list", "table", _FAMILY, TABLE]))
    items: list[dict[str, Any]] = told["nftables"]
    return [item for item in items if "metainfo" not in item and "table" not in item]


def _told(items: list[dict[str, Any]]) -> str:
    """For people, who have nft to see more."""
    counts = Counter(kind for kind, _ in map(_kind, items))
    what = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(counts.items()))
    return f"{what} (nft list table {_OURS})"


def canonical(items: list[dict[str, Any]]) -> str:
    """Objects as text that is equal for equal rulesets: without handles."""
    bare = [
        {kind: {key: value for key, value in item.items() if key != "handle"}}
        for kind, item in map(_kind, items)
    ]
    return json.dumps(bare, sort_keys=True, separators=(",", ":"))


def _split(
    table: list[dict[str, Any]] | None, objects: tuple[tuple[str, str], ...]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A rule goes with its chain."""
    named = set(objects)
    ours: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for item in table or ():
        kind, inner = _kind(item)
        name = ("chain", inner["chain"]) if kind == "rule" else (kind, inner.get("name", ""))
        (ours if name in named else others).append(item)
    return ours, others


def _kind(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return next(iter(item.items()))
