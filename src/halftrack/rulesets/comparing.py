"""Where two packets that differ in their entry alone fare differently, and by which rule."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from halftrack.rulesets.alone import Place, Walks
from halftrack.rulesets.walking import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.rulesets import Condition, Ruleset
    from halftrack.rulesets.alone import End, Ends
    from halftrack.rulesets.packets import Packet, Standing
    from halftrack.rulesets.walking import Parting

Fate = Literal["dropped", "translated", "untranslated", "let-pass", "unclear"]
"""``translated``: and the other packet is not; ``untranslated``: as the other packet is."""
_WORST: Final[tuple[End, ...]] = ("drop", "translate", "unclear", "accept")
_CERTAIN: Final[dict[str, Fate]] = {"drop": "dropped", "translate": "translated", "accept": "let-pass"}


@dataclass(frozen=True, slots=True)
class Quote:
    """A rule and where it stands. ``position`` None: ``text`` is the policy of the chain."""

    table: str
    chain: str
    hook: str | None
    position: int | None
    text: str
    flavour: str

    @property
    def words(self) -> str:
        where = f"{self.table} {self.chain}".strip()
        return f"{where}: {self.text}" if where else self.text


@dataclass(frozen=True, slots=True)
class Difference:
    """``fate``: of the second packet, where the first fares otherwise. ``certain``: or may do so alone.

    ``by``: the rule that decides over the second one, or would translate the first; ``parted``: the one
    that tells them apart.
    ``base``: the base chain in which it happens.
    """

    fate: Fate
    certain: bool
    by: Quote
    parted: Quote
    base: Quote


def differences(walks: Walks, packet: Packet, one: Standing, other: Standing) -> Iterator[Difference]:
    """By base chain, where the other one may fare otherwise than the one."""
    for sentence in walks.rules.unread:
        yield _unread(sentence)
    for place in walks.elsewhere:
        by = quote(place)
        yield Difference("unclear", certain=False, by=by, parted=by, base=by)
    for base, found in Walk(walks, packet, one, other).through():
        for ends in found.ends.values():
            if "unclear" in ends:
                by = quote(ends["unclear"])
                yield Difference("unclear", certain=False, by=by, parted=by, base=quote(base))
        worst = [each for each in found.partings if not _same(each)]
        if worst:
            yield _difference(min(worst, key=_rank), base)


def first(walks: Walks, packet: Packet, one: Standing, other: Standing) -> Difference | None:
    """The one that counts most: what is certain before what may be.

    Behind a rule that may translate it a packet has other addresses: none is looked for there.
    """
    found = []
    for each in differences(walks, packet, one, other):
        found.append(each)
        if each.fate in {"translated", "untranslated"}:
            break
    return min(found, key=lambda each: (not each.certain, each.fate == "unclear"), default=None)


def quote(place: Place) -> Quote:
    table, chain, rule = place
    hook = chain.base.hook if chain.base else None
    name = f"{table.family} {table.name}"
    if rule is None:
        accepts = chain.base is None or chain.base.accepts
        text = f"policy {'accept' if accepts else 'drop'}"
        return Quote(name, chain.name, hook, None, text, table.flavour)
    return Quote(name, chain.name, hook, rule.position, rule.text, table.flavour)


def dropping_invalid(rules: Ruleset) -> tuple[Quote, ...]:
    """Rules that name what is invalid, and drop it."""
    return tuple(
        quote(Place(table, chain, rule))
        for table in rules.tables
        for chain in table.chains.values()
        for rule in chain.rules
        if rule.action == "drop" and any(_is_invalid(each) for each in rule.conditions)
    )


def _is_invalid(condition: Condition) -> bool:
    return condition.field == "state" and "invalid" in condition.words and not condition.negated


def _same(parting: Parting) -> bool:
    one, other = parting.one.keys(), parting.other.keys()
    return one == other and len(one) == 1 and "unclear" not in one


def _rank(parting: Parting) -> tuple[bool, int]:
    return (not _certain(parting), _WORST.index(_worst(parting.other)))


def _certain(parting: Parting) -> bool:
    return parting.sure and len(parting.one) == len(parting.other) == 1


def _worst(ends: Ends) -> End:
    return next(end for end in _WORST if end in ends)


def _difference(parting: Parting, base: Place) -> Difference:
    end = _worst(parting.other)
    fate = _CERTAIN.get(end, "unclear")
    by = quote(parting.other[end])
    if end == "accept":
        fate = "untranslated" if "translate" in parting.one else "let-pass"
        by = quote(parting.one["translate"]) if "translate" in parting.one else by
    return Difference(fate, _certain(parting), by, quote(parting.at), quote(base))


def _unread(sentence: str) -> Difference:
    nothing = Quote("", "", None, None, sentence, "")
    return Difference("unclear", certain=False, by=nothing, parted=nothing, base=nothing)


@functools.lru_cache(maxsize=4)
def prepared(rules: Ruleset) -> Walks:
    """The ruleset made ready to be asked about many packets."""
    return Walks(rules)
