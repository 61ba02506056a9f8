"""A finding's entries in words of the filter language: the plainest ones that take these and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import filters
from halftrack.diagnosis.filters import expression as expressions
from halftrack.draining.fates import MAY_LIVE_S
from halftrack.evidence.flows import select
from halftrack.evidence.literals import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.remedies.situation import Situation

_RETIMED: Final = "idle-established"


def words(situation: Situation) -> tuple[str, ...]:
    """Words that take exactly the finding's rows; those of silent connections only what has more left."""
    symptom = situation.finding.symptom
    if symptom == _RETIMED:
        return (f"symptom={symptom}", f"left={MAY_LIVE_S + 1}s..")
    if symptom == "one-sided":
        return next((each for each in _one_sided(situation) if _exact(each, situation)), (symptom,))
    return (symptom,) if symptom == "orphaned" else (f"symptom={symptom}",)


def _one_sided(situation: Situation) -> Iterator[tuple[str, ...]]:
    """For a server that is the whole finding: its own port as the source, which the kernel can select by."""
    groups = situation.finding.groups
    if len(groups) != 1 or situation.finding.more_groups or not groups[0].address:
        return
    address = groups[0].address
    _, _, port = (groups[0].service or "").partition("/")
    if not port.isdecimal() or not _writable(address):
        return
    yield ("one-sided", f"src={address}", f"sport={port}")
    yield ("one-sided", f"dst={address}", f"dport={port}")


def _writable(address: str) -> bool:
    """Whether a filter's value can hold it as it stands."""
    try:
        literal(address)
    except ValueError:
        return not set(address) & set(' ",;/$')
    return True


def _exact(chosen: tuple[str, ...], situation: Situation) -> bool:
    view, rows = situation.view, situation.rows
    if view is None or rows is None:
        return False
    around = expressions.Surroundings(view.netns, view.opaque, view.evidence.owners)
    takes = expressions.expression(filters.parse(chosen), around)
    return bool((select(view.flows, takes.alias("takes"))["takes"] == rows.mask).all())
