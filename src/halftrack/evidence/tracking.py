"""Whether a namespace's rules ask for connection tracking."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tracking:
    """``asked_by``: something that asks for it, in a few printable words; None where nothing was found.

    ``unread``: half a sentence for each part of the rules that could not be looked at.
    """

    asked_by: str | None = None
    unread: tuple[str, ...] = ()

    @property
    def asked(self) -> bool | None:
        """None where that cannot be told."""
        if self.asked_by is not None:
            return True
        return None if self.unread else False
