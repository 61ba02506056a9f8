"""shaping-htb: the same by a class of a hierarchy, as hosting panels and Virtuozzo limit containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab import shaped
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_HTB: Final = (
    ("qdisc", "replace", "dev", "eth0", "root", "handle", "1:", "htb", "default", "10"),
    (
        *("class", "replace", "dev", "eth0", "parent", "1:", "classid", "1:10"),
        *("htb", "rate", "100kbit", "ceil", "100kbit", "burst", "3kb", "cburst", "3kb"),
    ),
)


def play(scene: Scene) -> None:
    shaped.sent_too_late(scene, _HTB)


SCENARIO: Final = Scenario(
    "shaping-htb", "shaping", "The same by a class of a hierarchy (HTB), as panels limit containers.", play
)
