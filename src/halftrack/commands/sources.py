"""Evidence for a verb: of the live node, or of tables as text."""

from __future__ import annotations

import os
import resource
import shlex
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.commands import journaled, output
from halftrack.commands.progress import progress
from halftrack.errors import Busy, UnreadableInput, UsageError
from halftrack.evidence.selection import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.commands.options import Options
    from halftrack.evidence.selection import Selection
    from halftrack.evidence.values import Evidence

_LEAST_ADDRESS_SPACE: Final = 1_200 << 20
"""Measured: with less, loading numpy and polars alone may end in an abort."""


def evidence(
    sources: Sequence[str],
    options: Options,
    *,
    netns: str | None = None,
    selection: Selection = EVERYTHING,
    sockets: bool = True,
    counters_interval_s: float = 1.0,
    in_depth: bool = False,
    listen_s: float | None = None,
    judged: bool = True,
) -> Evidence:
    """What ``sources`` hold (``-``: stdin); without any, what the node shows, and its journal tells of it.

    ``netns``: namespaces to read where ``--netns`` does not say. ``judged``: whether anything is concluded
    from the entries, which is what the journal bears on.
    """
    _check_room()
    if sources:
        return _of_text(sources, options)
    if options.assume:
        raise UsageError("--assume is for what a file does not say: name a SOURCE")
    if _file_on_stdin():
        output.message("standard input was not read: it takes - as SOURCE", options)
    from halftrack import live  # noqa: PLC0415  # not needed for text

    with progress("examining this node", options):
        seen = live.examine(
            options.netns or netns,
            root=options.root,
            budget_s=options.budget_s,
            selection=selection,
            sockets=sockets,
            counters_interval_s=counters_interval_s,
            in_depth=in_depth,
            listen_s=listen_s,
        )
    return journaled.known(seen, options) if judged else seen


def _file_on_stdin() -> bool:
    """Whether somebody redirected a file here: a pipe may come with any service or cron job."""
    try:
        return stat.S_ISREG(os.fstat(0).st_mode)
    except OSError:
        return False


def _check_room() -> None:
    """Raise Busy where a limit would let polars abort the process while it is loaded."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < _LEAST_ADDRESS_SPACE:
        told = f"{allowed >> 20:,} MiB of address space are allowed here (ulimit -v)"
        raise Busy(f"{told}: it takes {_LEAST_ADDRESS_SPACE >> 20:,} to begin")


def _of_text(sources: Sequence[str], options: Options) -> Evidence:
    if options.netns is not None:
        raise UsageError("--netns is for the live node: a file holds what it holds")
    from halftrack import formats  # noqa: PLC0415  # heavy
    from halftrack.live import collected, reports  # noqa: PLC0415  # likewise

    with progress("reading", options):
        try:
            return formats.read(
                sources,
                assume=options.assume,
                stdin=getattr(sys.stdin, "buffer", None),
                budget_s=options.budget_s,
                collected=collected.read,
                reported=reports.read,
            )
        except UnreadableInput as error:
            raise type(error)(f"{error}{_meant(sources, options)}") from error


def _meant(sources: Sequence[str], options: Options) -> str:
    """What to write instead of a file that does not exist and is called as a namespace is."""
    absent = next((one for one in sources if one != "-" and not os.path.lexists(one)), None)
    if absent is None or options.root != Path("/"):
        return ""
    from halftrack.live.called import is_called  # noqa: PLC0415  # for who mistook it only

    if not is_called(absent):
        return ""
    return f"; the namespace of that name is read with --netns {shlex.quote(absent)}"
