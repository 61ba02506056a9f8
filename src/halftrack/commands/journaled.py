"""What changes of ours replaced, as evidence of the running node: its journal is a source like others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.evidence.sysctls import PREFIX

if TYPE_CHECKING:
    from halftrack.commands.options import Options
    from halftrack.evidence.values import Evidence


def known(seen: Evidence, given: Options) -> Evidence:
    """The evidence, with what the timeouts of its tables were before, and what that makes inexact of it.

    As it is, where it is not about this node as it runs.
    """
    if seen.source != "live" or seen.taken_at is None or given.root != Path("/"):
        return seen
    from halftrack.changes import retimed  # noqa: PLC0415  # after the dump has begun

    told = retimed.history(seen.taken_at, seen.up_s)
    if not told:
        return retimed.known(seen, told)
    from halftrack.reporters import figures  # noqa: PLC0415  # where there were changes only

    notes = [
        f"What may have been last heard before {figures.moment(one.at, seen.taken_at)} UTC may have been"
        f" silent for longer than is shown: {one.setting.removeprefix(PREFIX)} was {one.was} s until then"
        f" (change {one.change})."
        f" The last such entry is gone, or heard again, by {figures.moment(one.over_at, seen.taken_at)}."
        for one in retimed.retimed(told, seen.tables, seen.taken_at)
    ]
    noted = replace(seen, input=replace(seen.input, notes=(*seen.input.notes, *notes)))
    return retimed.known(noted, told)
