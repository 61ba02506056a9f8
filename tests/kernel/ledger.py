"""How many packets of this run went through the running kernel and through the model, and what came of it.

Told at the end of the run, see ``conftest``.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Final


@dataclass
class Ledger:
    """``packets``: after which verdict and entry were compared. ``disagreements``: that nobody disturbed."""

    packets: int = 0
    disagreements: int = 0

    def told(self) -> str:
        return (
            f"tracker: {self.packets:,} packets compared with the running kernel"
            f" ({platform.release()}), {self.disagreements:,} disagreements"
        )


LEDGER: Final = Ledger()
