"""Machines of systemd: nspawn containers and others that registered with systemd-machined.

Its state files say all that ``machinectl`` would, and need neither D-Bus nor a daemon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container
from halftrack.owners.untrusted import number, printable

if TYPE_CHECKING:
    from halftrack.owners.node import Node

_STATE: Final = "run/systemd/machines"
_NSPAWN: Final = "systemd-nspawn"


class Nspawn:
    name = "nspawn"

    def is_present(self, node: Node) -> bool:
        return node.has(_STATE)

    def ask(self, node: Node) -> Answer:
        found: list[Container] = []
        try:
            files = node.names(_STATE)
        except PermissionError as error:
            raise NoAnswer("the machines of systemd may not be read", ("CAP_DAC_READ_SEARCH",)) from error
        for file in files[:MOST_CONTAINERS]:
            # A link from a unit to its machine repeats what the machine's own file says.
            if file.startswith("unit:"):
                continue
            lines = node.peek(f"{_STATE}/{file}", 1 << 16).splitlines()
            said = dict(line.split("=", 1) for line in lines if "=" in line)
            pid = number(said.get("LEADER"))
            if pid is None or said.get("CLASS", "container") != "container" or not node.is_alive(pid):
                continue
            name = printable(said.get("NAME", file)) or printable(file)
            service = printable(said.get("SERVICE", "")) or _NSPAWN
            runtime = self.name if service == _NSPAWN else service
            found.append(Container(name, name, runtime, pid, node.netns(pid)))
        return Answer(tuple(found))
