"""A timeout policy for rules of iptables (``CT --timeout``)."""

from __future__ import annotations

import contextlib

import msgspec

from halftrack.changes import spaces
from halftrack.changes.spaces import Space
from halftrack.changes.writes import Look, Seen
from halftrack.kernel import cttimeout
from halftrack.kernel.namespaces import Vanished


class PolicyWrite(msgspec.Struct, frozen=True, kw_only=True, tag="policy", tag_field="write"):
    """``family``: AF_INET or AF_INET6. There was none of this name before. ``timeouts``: seconds by state."""

    space: Space
    name: str
    family: int
    timeouts: dict[str, int]

    @property
    def title(self) -> str:
        times = ", ".join(f"{state} {seconds}" for state, seconds in self.timeouts.items())
        return f"timeout policy {self.name}{self.space.inside}: {times}"

    @property
    def key(self) -> str:
        return f"policy {self.space.key} {self.name}"

    def look(self) -> Look:
        try:
            now = spaces.call(self.space, lambda: cttimeout.get(self.name))
        except Vanished:
            return Look(Seen.GONE)
        if now is None:
            return Look(Seen.BEFORE)
        held = self.family == now.family and self.timeouts.items() <= dict(now.timeouts).items()
        return Look(Seen.AFTER if held else Seen.OTHER, str(dict(now.timeouts)))

    def do(self) -> None:
        def make() -> None:
            if cttimeout.get(self.name) is None:
                cttimeout.add(self.name, cttimeout.Policy(self.family, self.timeouts))

        spaces.call(self.space, make)

    def undo(self) -> None:
        def remove() -> None:
            with contextlib.suppress(FileNotFoundError):
                cttimeout.delete(self.name)

        with contextlib.suppress(Vanished):
            spaces.call(self.space, remove)
