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

    alike: dict[tuple[str, int | str, int, str], list[str]] = {}
    for one in retimed.retimed(told, seen.tables, seen.taken_at):
        at, over_at = (figures.moment(each, seen.taken_at) for each in (one.at, one.over_at))
        alike.setdefault((at, one.was, one.change, over_at), []).append(one.setting.removeprefix(PREFIX))
    notes = [
        f"What may have been last heard before {at} UTC may have been silent for longer than is shown:"
        f" {' and '.join(names)} {'was' if len(names) == 1 else 'were'} {was} s until then (change {change})."
        f" The last such entry is gone, or heard again, by {over_at}."
        for (at, was, change, over_at), names in alike.items()
    ]
    noted = replace(seen, input=replace(seen.input, notes=(*seen.input.notes, *notes)))
    return retimed.known(noted, told)
