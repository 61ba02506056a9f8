"""What a scenario is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.lab.scene import Scene


@dataclass(frozen=True, slots=True)
class Scenario:
    """``cause``: slug of what it shows; ``unknown`` for what no cause of the doctor's tells from others.

    ``play`` does it: what it leaves open goes on while the table is examined. ``founded``: it shows only
    on a kernel like the founding one, so this one is always made to behave like that.
    ``delay_s``: how long packets take between router and server, each way.
    """

    name: str
    cause: str
    summary: str
    play: Callable[[Scene], None]
    founded: bool = False
    delay_s: float = 0.0
