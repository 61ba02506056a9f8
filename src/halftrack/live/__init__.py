"""Examining a node: the running one, or a tree that looks like one. Joins kernel, owners and formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.evidence.selection import EVERYTHING
from halftrack.evidence.values import ALL, SELF

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.evidence.selection import Selection
    from halftrack.evidence.values import Evidence

_OWN_FIRST: Final = (None, ALL, SELF)
"""Choices of a namespace that include our own, whatever else there is."""


def examine(
    netns: str | None = None,
    *,
    root: Path = Path("/"),
    budget_s: float | None = None,
    selection: Selection = EVERYTHING,
    sockets: bool = True,
    counters_interval_s: float = 1.0,
    in_depth: bool = False,
    listen_s: float | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Evidence:
    """All that can be seen of a node's connection tracking, in bounded time, changing nothing.

    ``netns``: ``self``, ``host``, ``all``, a name or a path; None reads the entries of the own
    namespace, the host's, and those with at least 1,000 entries or 1 % of their limit.
    ``root`` other than ``/``: a tree with ``proc``, ``sys``, ``run``, ``etc`` of some node, read
    as files alone. ``budget_s``: what cannot be read in that time is a gap. The counters are
    read twice, at least ``counters_interval_s`` apart. ``in_depth``: where entries are stuck, what
    the causes of that are weighed by is read, too. ``listen_s``: for so long what begins and ends is
    heard. ``meanwhile``: what needs nothing of this and takes time, called once the kernel dumps.

    Whatever cannot be read is a gap. Raises UsageError where ``netns`` names nothing,
    PermissionMissing where it is a path that may not be opened.
    """
    if root != Path("/"):
        from halftrack.live import tree  # noqa: PLC0415  # most runs examine the node itself

        return tree.examine(root, budget_s=budget_s)
    from halftrack.live import entries, moment  # noqa: PLC0415  # the other half likewise

    start = moment.Start.now(budget_s)
    early = entries.begin_own(selection, start.deadline) if netns in _OWN_FIRST else None
    meanwhile()
    from halftrack.live.node import Examination  # noqa: PLC0415  # imported while the kernel dumps

    examination = Examination(
        netns,
        selection,
        start,
        sockets=sockets,
        interval_s=counters_interval_s,
        in_depth=in_depth,
        listen_s=listen_s,
    )
    return examination.run(early)
