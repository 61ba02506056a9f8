"""One scan of this node for whoever watches it: the doctor's diagnosis, kept and as metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.commands import doctor, last_document, output
from halftrack.commands.lean import without_collector
from halftrack.errors import HalftrackError, Incomplete, OutputFailed, PermissionMissing, UsageError
from halftrack.evidence.values import ALL, HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.commands.options import Options
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.evidence.values import Evidence

_WHOLE_NODE: Final = (None, ALL)
_REASONS: Final = {
    "NotTheNode": "not the network namespace of the node",
    "PermissionMissing": "scan not permitted",
    "UsageError": "no such namespace",
    "Busy": "no memory or threads for a scan",
    "MemoryError": "no memory or threads for a scan",
    "FeatureMissing": "kernel feature missing",
    "KeyboardInterrupt": "scan was ended",
}


class NotTheNode(PermissionMissing):
    """What is seen is a container's own table: its numbers are not the node's."""


class Unkept(Incomplete):
    """The scan is there, ``text``, but its document could not be kept."""

    def __init__(self, text: bytes, why: str) -> None:
        super().__init__(why)
        self.text = text


@dataclass(frozen=True, slots=True)
class Scan:
    """``settings``: of the node's table, or of the one that was asked for, by their full names.

    ``inodes``: of the namespaces that have one, by their names.
    """

    diagnosis: Diagnosis
    settings: Mapping[str, str]
    inodes: Mapping[str, int]


def check_options(given: Options) -> None:
    """Raise UsageError where something was asked for that makes no sense of a running node."""
    if given.document:
        raise UsageError("the metrics are text: halftrack doctor --json gives the same scan as a document")
    if given.root != Path("/"):
        raise UsageError(
            "--root shows files alone, and only the running node is watched: check --last reads what export"
            " left below it"
        )
    if given.assume:
        raise UsageError("--assume is for what a file does not say: only the running node is watched")


def scan(given: Options) -> Scan:
    """Examine the node, or the namespace that ``--netns`` names.

    Raises NotTheNode where nobody named one and the node's own is not among those seen; HalftrackError.
    """
    seen = doctor.seen((), given, None)
    whole = given.netns in _WHOLE_NODE
    if whole and all(table.netns != HOST for table in seen.tables):
        raise NotTheNode(
            "the node's network namespace cannot be seen from here, and the numbers of this one are not the"
            " node's: run it in the node's own (hostNetwork, --net=host), or name one with --netns"
        )
    from halftrack.remedies.by_table import examine_and_advise  # noqa: PLC0415  # after the dump has begun

    spaces = (table.namespace for table in seen.tables)
    inodes = {space.name: space.inode for space in spaces if space.inode is not None}
    return Scan(examine_and_advise(seen), _settings(seen, whole=whole), inodes)


def _settings(seen: Evidence, *, whole: bool) -> Mapping[str, str]:
    for table in seen.tables:
        if table.netns == HOST if whole else table.flows is not None:
            return table.settings
    return {}


def metrics(given: Options) -> bytes:
    """Scan, keep the document, and give Prometheus' text.

    Raises HalftrackError where there was no scan, Unkept, with the text, where its document was not kept.
    """
    with without_collector():
        done = scan(given)
    from halftrack.commands import last_counts  # noqa: PLC0415  # after the dump has begun
    from halftrack.reporters import json, prometheus  # noqa: PLC0415  # likewise

    whole = given.netns in _WHOLE_NODE
    sums = last_counts.add(done.diagnosis.tables, done.inodes) if whole else None
    samples = prometheus.of(done.diagnosis, done.settings, sums, only_read=not whole)
    text = prometheus.exposition(samples)
    try:
        last_document.keep(json.pretty(done.diagnosis))
    except OutputFailed as error:
        raise Unkept(text, f"the metrics are there, the document is not: {error}") from error
    return text


def told(given: Options) -> bytes:
    """``metrics``; what is the matter goes to stderr, and is raised where there are none."""
    try:
        return metrics(given)
    except Unkept as error:
        output.complain(str(error))
        return error.text
    except HalftrackError as error:
        output.complain(str(error))
        raise


def reason(error: BaseException) -> str:
    """What kind of failure it is, in a few fixed words: they become the label of a series."""
    return _REASONS.get(type(error).__name__, "scan failed")
