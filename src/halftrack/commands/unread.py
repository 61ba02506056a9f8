"""Entries that were not seen: what there is to say of it, and the error where there are none at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.errors import FeatureMissing, PermissionMissing

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence, Gap

_ENTRIES_TELL: Final = "one-sided"
"""A gap that would have told this one is about entries."""


def entries(seen: Evidence) -> str:
    """What entries were not seen; empty where all were.

    Raises PermissionMissing or FeatureMissing where none were seen at all.
    """
    gaps = [gap for gap in seen.gaps if _ENTRIES_TELL in gap.would_tell]
    if any(table.flows is not None for table in seen.tables):
        return "; ".join(dict.fromkeys(map(_told, gaps)))
    needs = dict.fromkeys(need for gap in gaps for need in gap.needs)
    what = "; ".join(dict.fromkeys(map(_told, gaps))) or "no connection table was found"
    if needs:
        raise PermissionMissing(what)
    raise FeatureMissing(what)


def _told(gap: Gap) -> str:
    needs = f", needs {', '.join(gap.needs)}" if gap.needs else ""
    return f"{gap.what} ({gap.why}{needs})"
