"""A chain of our own in one table of iptables, and the jumps to it: one transaction of iptables-restore.

Jumps stand first in the builtin chains. ``iptables-nft`` makes a table of the kernel's when it is
first used; where we were the first, it goes again with our chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from halftrack.changes import spaces
from halftrack.changes.spaces import Space
from halftrack.changes.writes import Look, Seen
from halftrack.kernel import iptables, nftables
from halftrack.kernel.namespaces import Vanished

if TYPE_CHECKING:
    from collections.abc import Iterable

Family = Literal["ip", "ip6"]
_POLICY: Final = ":"
PREFIX: Final = "halftrack-"
"""How the names of our chains begin."""


class IptablesWrite(msgspec.Struct, frozen=True, kw_only=True, tag="iptables", tag_field="write"):
    """``text``: what iptables-restore is given; ``after``: the lines of it as iptables-save lists them.

    ``table_before``: whether the table was there before any rule of ours, for the flavour that makes
    its tables itself.
    """

    space: Space
    family: Family
    flavour: iptables.Flavour
    table: str
    chain: str
    text: str
    after: tuple[str, ...]
    table_before: bool = True

    @property
    def title(self) -> str:
        return f"{iptables.tool(self.family)} table {self.table}{self.space.inside}: chain {self.chain}"

    @property
    def key(self) -> str:
        return f"iptables {self.space.key} {self.family} {self.table} {self.chain}"

    def look(self) -> Look:
        try:
            now = spaces.call(self.space, self._lines)
        except Vanished:
            return Look(Seen.GONE)
        if not now:
            return Look(Seen.BEFORE)
        return Look(Seen.AFTER if now == self.after else Seen.OTHER, "; ".join(now))

    def do(self) -> None:
        def load() -> None:
            if not self._lines():
                iptables.restore(self.family, self.flavour, self.text)

        spaces.call(self.space, load)

    def undo(self) -> None:
        try:
            spaces.call(self.space, self._remove)
        except Vanished:
            return

    def _lines(self) -> tuple[str, ...]:
        return tuple(_of_chain(iptables.save(self.family, self.flavour, self.table), self.chain))

    def _remove(self) -> None:
        there = self._lines()
        if there:
            jumps = [f"-D{line[2:]}" for line in there if _is_jump(line, self.chain)]
            ends = [f"-F {self.chain}", f"-X {self.chain}"] if f":{self.chain}" in there else []
            iptables.restore(
                self.family, self.flavour, "\n".join([f"*{self.table}", *jumps, *ends, "COMMIT", ""])
            )
        if self.flavour == "nft" and not self.table_before:
            generation = nftables.generation()
            left = iptables.save(self.family, self.flavour, self.table)
            if left and _is_bare(left):
                nftables.delete_table(self.family, self.table, generation)


def plan(space: Space, family: Family, flavour: iptables.Flavour, chain: str, text: str) -> IptablesWrite:
    """The write that loads ``text``, of one table. Raises HalftrackError where iptables does not take it."""
    table = text.partition("\n")[0].removeprefix("*")
    present = spaces.call(space, lambda: iptables.save(family, flavour, table))

    def load() -> tuple[str, ...]:
        iptables.prepare(family, text)
        iptables.restore(family, flavour, text)
        return tuple(_of_chain(iptables.save(family, flavour, table), chain))

    return IptablesWrite(
        space=space,
        family=family,
        flavour=flavour,
        table=table,
        chain=chain,
        text=text,
        after=spaces.tried(load),
        table_before=bool(present) and not _is_ours_alone(present),
    )


def _of_chain(lines: Iterable[str], chain: str) -> list[str]:
    """Lines of iptables-save that make this chain, fill it, or jump to it."""
    return [
        f":{chain}" if line.startswith(f":{chain} ") else line
        for line in lines
        if line.startswith((f":{chain} ", f"-A {chain} ")) or _is_jump(line, chain)
    ]


def _is_jump(line: str, chain: str) -> bool:
    return line.startswith("-A ") and line.endswith(f" -j {chain}")


def _is_bare(lines: Iterable[str]) -> bool:
    """Nothing but builtin chains that accept: as the table was when it was made."""
    kept = [line for line in lines if line and not line.startswith(("#", "*", "COMMIT"))]
    return all(line.startswith(_POLICY) and line.split()[1:2] == ["ACCEPT"] for line in kept)


def _is_ours_alone(lines: Iterable[str]) -> bool:
    """Whether the table holds chains of ours and nothing of anybody else."""
    kept = list(lines)
    chains = [line[1:].split()[0] for line in kept if line.startswith(f":{PREFIX}")]
    ours = {line for chain in chains for line in kept if line.split(" ")[0:1] == [f":{chain}"]}
    ours |= {line for chain in chains for line in _of_chain(kept, chain)}
    return bool(chains) and _is_bare(line for line in kept if line not in ours)
