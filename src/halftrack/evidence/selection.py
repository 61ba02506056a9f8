"""What the kernel is asked to dump."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """A condition on entries that the kernel may apply while it dumps.

    It selects at least what is wanted: kernels that do not know a part of it return more, so
    whoever asks filters the frame again. ``status_mask`` 0 means any status.
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


EVERYTHING = Selection()
