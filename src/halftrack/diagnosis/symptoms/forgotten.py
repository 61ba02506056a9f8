"""forgotten: a connection is open here, and no entry stands for it any more.

It shows when somebody speaks again: rules that let in only what is known drop that packet. Where they
would not, nothing is the matter: it is picked up again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.diagnosis import words
from halftrack.diagnosis.document import UNHURT, Finding, Group

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from halftrack.diagnosis.document import Forgotten, Outcome, Sides, TableSummary
    from halftrack.evidence.values import Evidence

_MANY: Final = 20
_SHARE: Final = 0.1
_RULES_SHOWN: Final = 2
_BECOMES: Final[dict[Outcome, str]] = {
    "dropped": "would be dropped",
    "loses-translation": "would go on under the wrong address",
    "unclear": "may be dropped",
}


@dataclass(frozen=True, slots=True)
class Forgets:
    slug: str = "forgotten"

    def find(
        self,
        evidence: Evidence,  # noqa: ARG002  # other conditions need it
        summaries: Sequence[TableSummary],
    ) -> tuple[Finding, ...]:
        return tuple(
            self._finding(summary, summary.sockets, hurt)
            for summary in summaries
            if summary.sockets is not None and (hurt := _hurt(summary.sockets))
        )

    def _finding(self, summary: TableSummary, beside: Sides, hurt: Sequence[Forgotten]) -> Finding:
        number = sum(each for outcome, each in beside.outcomes.items() if outcome not in UNHURT)
        has, their = ("has", "its") if number == 1 else ("have", "their")
        return Finding(
            id=f"{self.slug}/{summary.netns}",
            symptom=self.slug,
            severity=_severity(number, beside),
            title=f"{words.count(number, 'connected socket')} {has} no entry any more: {their} next packet"
            f" {_BECOMES[hurt[0].outcome]}.",
            entries=number,
            explanation=(
                "Open at both ends, and forgotten here: idle for longer than their entries lived, or flushed."
                f" When they speak again, {_rules(hurt)}. {_side_by_side(beside)}"
            ),
            groups=tuple(_group(each, summary.netns) for each in hurt),
            more_groups=beside.more_groups,
        )


def _side_by_side(beside: Sides) -> str:
    """Both views in words."""
    return (
        f"{words.count(beside.connected, 'connected socket')}: {beside.with_entry:,} with an entry,"
        f" {beside.without_entry:,} without."
    )


def both_ways(finding: Finding, beside: Sides | None) -> Finding:
    """A finding about entries without a socket, with what was found the other way round."""
    if beside is None:
        return finding
    told = f"{finding.explanation} The other way round, {_side_by_side(beside)}"
    return msgspec.structs.replace(finding, explanation=told)


def _hurt(beside: Sides) -> tuple[Forgotten, ...]:
    """What is certain first. Where nothing at all is tracked, what is unclear says nothing."""
    told = [each for each in beside.groups if each.outcome not in UNHURT]
    if not beside.with_entry:
        told = [each for each in told if each.outcome != "unclear"]
    return tuple(sorted(told, key=lambda each: (each.outcome == "unclear", -each.sockets)))


def _severity(number: int, beside: Sides) -> Literal["info", "warning"]:
    certain = number - beside.outcomes.get("unclear", 0)
    many = certain >= _MANY or certain >= _SHARE * max(beside.connected, number)
    return "warning" if certain and many else "info"


def _rules(hurt: Sequence[Forgotten]) -> str:
    """What becomes of how many, and by which rules, those that do most often first."""
    counted: Counter[tuple[str, str]] = Counter()
    for each in hurt:
        counted[_BECOMES[each.outcome], each.by or ""] += each.sockets
    return "; ".join(
        f"{number:,} {becomes}" + (f" by {rule}" if rule else "")
        for (becomes, rule), number in counted.most_common(_RULES_SHOWN)
    )


def _group(each: Forgotten, netns: str) -> Group:
    return Group(
        netns=netns,
        owner=each.owner,
        address=each.address,
        service=each.service,
        side=each.side,
        entries=each.sockets,
        peers=each.peers,
        idle_min_s=each.quiet_min_s,
        idle_max_s=each.quiet_max_s,
    )


SYMPTOM: Final = Forgets()
