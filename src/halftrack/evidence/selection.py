"""What the kernel is asked to dump."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Selection:
    """A condition on entries that the kernel may apply while it dumps, and what is wanted of each.

    It selects at least what is wanted: kernels that do not know a part of it return more, so
    whoever asks filters the frame again. ``status_mask`` 0 means any status. ``columns``: those of
    the flow table that will be looked at, None for all; the others may stay null.
    """

    family: int | None = None
    l4proto: int | None = None
    status: int = 0
    status_mask: int = 0
    mark: int = 0
    mark_mask: int = 0
    zone: int | None = None
    orig_sport: int | None = None
    orig_dport: int | None = None
    orig_src: tuple[int, int] | None = None
    orig_dst: tuple[int, int] | None = None
    columns: frozenset[str] | None = None

    @property
    def of_every_entry(self) -> bool:
        """Whether it sets no condition."""
        return replace(self, columns=None) == EVERYTHING


EVERYTHING = Selection()
