"""What changes of ours replaced, as evidence of the running node: its journal is a source like others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.evidence.sysctls import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from halftrack.changes.retimed import Retimed
    from halftrack.commands.options import Options
    from halftrack.evidence.values import Evidence


def known(seen: Evidence, given: Options) -> Evidence:
    """The evidence, with what the timeouts of its tables were before, and what that makes inexact of it.

    As it is, where it is not about this node as it runs.
    """
    if seen.source != "live" or seen.taken_at is None or given.root != Path("/"):
        return seen
    from halftrack.changes import retimed  # noqa: PLC0415  # after the dump has begun

    told = retimed.journals()
    together: dict[tuple[int, int | str], list[Retimed]] = {}
    replaced = retimed.history(told, seen.taken_at, seen.up_s)
    for one in retimed.retimed(replaced, seen.tables, seen.taken_at):
        together.setdefault((one.change, one.was), []).append(one)
    notes = [_note(each, seen.taken_at) for each in together.values()]
    noted = replace(seen, input=replace(seen.input, notes=(*seen.input.notes, *notes)))
    return retimed.known(noted, told)


def _note(replaced: Sequence[Retimed], taken_at: datetime) -> str:
    """Of timeouts that one change gave another value, each of them the same before; the latest tells."""
    from halftrack.reporters import figures  # noqa: PLC0415  # where there were changes only

    names = " and ".join(each.setting.removeprefix(PREFIX) for each in replaced)
    at = figures.moment(max(each.at for each in replaced), taken_at)
    over_at = figures.moment(max(each.over_at for each in replaced), taken_at)
    was = "was" if len(replaced) == 1 else "were"
    return (
        f"What may have been last heard before {at} UTC may have been silent for longer than is shown:"
        f" {names} {was} {replaced[0].was} s until then"
        f" (change {replaced[0].change}). The last such entry is gone, or heard again, by {over_at}."
    )
