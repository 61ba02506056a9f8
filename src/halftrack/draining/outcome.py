"""What a drain did: ``halftrack.drain/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from halftrack.draining.fates import MEANINGS

if TYPE_CHECKING:
    from halftrack.draining.judging import Judgement

SCHEMA: Final = "halftrack.drain/1"

_COUNTS: Final = (
    "retimed",
    "removed",
    "spoke",
    "unproven",
    "gone",
    "short",
    "refused",
    "not_reached",
    "healed",
)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of one fate. ``seconds``: left to each; None: removed, or left alone."""

    fate: str
    why: str
    entries: int
    changed: bool
    seconds: int | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done. ``filter``: as understood. ``share``: of the table's entries, changed."""

    netns: str
    filter: str
    mode: Literal["retime", "delete"]
    matching: int
    changed: int
    assured: int
    table: int
    share: float
    judged: tuple[Judged, ...] = ()
    notes: tuple[str, ...] = ()


class Outcome(msgspec.Struct, kw_only=True):
    """Counts of entries; each that would be changed is in one of the first eight.

    ``retimed``, ``removed``: done. ``spoke``: a packet came, or the entry changed, before its turn.
    ``unproven``: a socket showed up, or none could be read any more. ``gone``: went by itself before
    its turn. ``short``: had no more left than it would have been given. ``refused``: by the kernel.
    ``not_reached``: stopped before its turn. Looked at again (None: nobody looked), ``restored`` had
    their time back, ``went`` were not there any more. ``healed``: woke up in the very moment, and
    were given back what they had. ``put_back``: the command that puts in again what is in ``file``.
    """

    retimed: int = 0
    removed: int = 0
    spoke: int = 0
    unproven: int = 0
    gone: int = 0
    short: int = 0
    refused: int = 0
    not_reached: int = 0
    restored: int | None = None
    went: int | None = None
    healed: int = 0
    stopped: bool = False
    file: str | None = None
    put_back: str | None = None
    seconds: float = 0.0
    reasons: dict[str, int] = {}

    @property
    def done(self) -> int:
        return self.retimed + self.removed

    def add(self, other: Outcome) -> None:
        """The counts of another one, of other entries; ``not_reached`` may fall by it."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, entries in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + entries


def preview(judgement: Judgement, text: str, notes: tuple[str, ...] = ()) -> Preview:
    """``text``: the filter as it was understood."""
    table = judgement.view.table
    retimed = judgement.wish.mode == "retime"
    return Preview(
        netns=table.netns,
        filter=text,
        mode=judgement.wish.mode,
        matching=judgement.matching,
        changed=judgement.changed,
        assured=judgement.assured,
        table=max(table.count or 0, judgement.view.flows.height),
        share=round(judgement.share, 4),
        judged=tuple(
            Judged(
                fate=fate.name.lower().replace("_", "-"),
                why=MEANINGS[fate],
                entries=entries,
                changed=fate.changed,
                seconds=judgement.seconds(fate) if fate.changed and retimed else None,
            )
            for fate, entries in judgement.counts().items()
        ),
        notes=notes,
    )


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """``outcome`` None: a dry run."""

    schema: Literal["halftrack.drain/1"] = SCHEMA
    node: str
    preview: Preview
    outcome: Outcome | None = None
