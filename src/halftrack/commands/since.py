"""``--since``: earlier moments of what is examined, read one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from halftrack.errors import UsageError

if TYPE_CHECKING:
    from halftrack.commands.options import Options
    from halftrack.diagnosis.since.comparing import Earlier
    from halftrack.diagnosis.since.document import Order
    from halftrack.diagnosis.since.moments import Moment
    from halftrack.evidence.values import Evidence

_TIME: Final = "taken-at"
_ORDERS: Final[tuple[Order, ...]] = ("times", "entries", "given")
"""The surest first."""

Read: TypeAlias = Callable[[Sequence[str], "Options"], "Evidence"]


@dataclass(frozen=True, slots=True)
class Latest:
    """The moment to diagnose, what is kept of those before, and the sources that it was read from."""

    evidence: Evidence
    earlier: Earlier
    sources: tuple[str, ...]


def latest(sources: Sequence[str], others: Sequence[str], given: Options, read: Read) -> Latest:
    """The latest of all is the one to diagnose, however they are named.

    ``read``: one of them; of none named, this node. Entries of two at most are held at a time. Raises
    UsageError where they are visibly not of one node.
    """
    if [*sources, *others].count("-") > 1:
        raise UsageError("standard input can be one moment only")
    named = [*((other,) for other in others), tuple(sources)]
    options = _options(named, given)
    from halftrack.diagnosis.since import moments  # noqa: PLC0415  # loads polars
    from halftrack.diagnosis.since.comparing import Earlier  # noqa: PLC0415  # likewise

    last, of = read(named[0], options[0]), named[0]
    order: Order = "times"
    seconds: int | None = None
    kept: list[Moment] = []
    for each, told in zip(named[1:], options[1:], strict=True):
        other = read(each, told)
        why = moments.differing(last, other)
        if why is not None:
            raise UsageError(why)
        lie = moments.ordered(last, other)
        if not lie.first and other.source == "live":
            raise UsageError(
                f"{moments.named(last)} says that it was taken later than this node's clock shows"
            )
        order, seconds = max(order, lie.order, key=_ORDERS.index), lie.seconds
        before = last if lie.first else other
        if lie.first:
            last, of = other, each
        kept.append(_kept(before))
    if order == "times":
        kept.sort(key=lambda moment: moment.evidence.taken_at)  # type: ignore[arg-type,return-value]  # all say it
        seconds = moments.ordered(kept[0].evidence, last).seconds
    elif len(kept) > 1:
        seconds = None
    return Latest(_with_rules(last, kept), Earlier(tuple(kept), order, seconds), of)


def _kept(evidence: Evidence) -> Moment:
    from halftrack.diagnosis import examine  # noqa: PLC0415  # loads polars
    from halftrack.diagnosis.since import moments  # noqa: PLC0415  # likewise

    return moments.kept(evidence, examine(evidence))


def _with_rules(last: Evidence, kept: Sequence[Moment]) -> Evidence:
    """Rules of this node are read where there are earlier ones to compare them with."""
    known = {table.netns for moment in kept for table in moment.evidence.tables if table.rules is not None}
    if last.source != "live" or not known:
        return last
    from halftrack.live import rules  # noqa: PLC0415  # for this node alone

    return rules.added(last, known)


def _options(named: Sequence[Sequence[str]], given: Options) -> list[Options]:
    """What is assumed of each: times in the order SOURCE, others; of bundles and this node nothing."""
    assumed: list[dict[str, str]] = [{} for _ in named]
    if given.assume:
        times = given.assume.get(_TIME, "").split(",")
        said = {key: value for key, value in given.assume.items() if key != _TIME}
        places = [place for place in (len(named) - 1, *range(len(named) - 1)) if _is_text(named[place])]
        if len(times) > max(len(places), 1) or not places:
            raise UsageError("--assume is for what a file does not say: there are fewer such files than that")
        for place in places:
            assumed[place] = dict(said)
        for place, time in zip(places, times, strict=False):
            if time:
                assumed[place][_TIME] = time
    return [
        replace(given, assume=each, netns=None if files else given.netns)
        for each, files in zip(assumed, named, strict=True)
    ]


def _is_text(named: Sequence[str]) -> bool:
    from halftrack import formats  # noqa: PLC0415  # where something is assumed only

    if not named or named[0] == "-" or len(named) > 1:
        return bool(named)
    return Path(named[0]).is_dir() or not formats.is_bundle(named[0])
