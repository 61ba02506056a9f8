"""What a namespace's tracker said while somebody listened: entries that began, and that ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable


@dataclass(frozen=True, slots=True)
class Events:
    """Counts over ``seconds``.

    ``picked_up``: of the new ones, those that began in mid-stream; ``peak_per_s``: how many a second
    in the busiest half second; ``pick_ups``: their entries as they began, the first so many, and
    ``kept_all`` says whether these are all. ``overruns``: how often the kernel had to drop events that
    were not fetched in time; then all counts are at least. ``unreadable``: events that could not be
    decoded.
    """

    seconds: float
    new: int
    picked_up: int
    destroyed: int
    peak_per_s: float
    pick_ups: FlowTable
    kept_all: bool = True
    overruns: int = 0
    unreadable: int = 0
