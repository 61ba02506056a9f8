"""Masked addresses in actions: each becomes a variable that has to be filled in on the node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.evidence import addresses
from halftrack.plans.respelling import respelled

if TYPE_CHECKING:
    from halftrack.plans.actions import Action

_FIELDS: Final = ("src", "dst", "reply.src", "reply.dst", "addr", "peer")


@dataclass
class Variables:
    """``stand_ins``: whether every address of the source stands for another, however it looks.

    ``shown``: name of a variable to how the source shows the address, in order of first use.
    """

    stand_ins: bool = False
    shown: dict[str, str] = field(default_factory=dict)

    def without_masks(self, action: Action) -> Action:
        """The action with ``$ADDR_1`` wherever it names an address that is masked."""
        return respelled(action, self._spelled, self._term)

    def _term(self, word: str) -> str:
        name, equals, value = word.partition("=")
        if not equals or name not in _FIELDS:
            return word
        return f"{name}={','.join(self._spelled(each) for each in value.split(','))}"

    def _spelled(self, address: str) -> str:
        try:
            addresses.parse_network(address)
        except ValueError:
            if address.startswith("$"):
                return address
        else:
            if not self.stand_ins:
                return address
        for name, shown in self.shown.items():
            if shown == address:
                return f"${name}"
        name = f"ADDR_{len(self.shown) + 1}"
        self.shown[name] = address
        return f"${name}"
