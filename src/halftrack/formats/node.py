"""What a file says of a node's kernel and settings, whatever else is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halftrack.errors import UnreadableInput
from halftrack.evidence.values import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from halftrack.evidence.values import Evidence


@dataclass(frozen=True, slots=True)
class Node:
    """``name``: how the file is shown. ``kernel``: as ``uname -r`` prints it. ``settings``: full names."""

    name: str
    kernel: str | None
    settings: Mapping[str, str]


def node(name: str, stdin: BinaryIO | None) -> Node:
    """Of a bundle, or of text: what sysctl prints, ``uname -r``, a table beside them.

    Of several namespaces in a bundle the node's own counts. Raises UnreadableInput where neither a kernel nor
    a setting is told.
    """
    from halftrack.formats import bundle  # noqa: PLC0415  # with those below it brings numpy and Polars
    from halftrack.formats.sources import source  # noqa: PLC0415  # likewise
    from halftrack.formats.table import parse  # noqa: PLC0415  # likewise

    opened = source(name, stdin)
    if name != "-" and bundle.begins(opened):
        found = _of_bundle(opened.name, bundle.read(opened.chunks(), opened.name))
    else:
        parsed = parse(opened.chunks())
        found = Node(opened.name, parsed.kernel, parsed.settings)
    if found.kernel is None and not found.settings:
        raise UnreadableInput(
            f"{found.name} tells neither a kernel nor its settings: sysctl net.netfilter does"
        )
    return found


def _of_bundle(name: str, evidence: Evidence) -> Node:
    own = [table for table in evidence.tables if table.netns in OWN and table.settings]
    told = own or [table for table in evidence.tables if table.settings]
    return Node(name, evidence.kernel, told[0].settings if told else {})
