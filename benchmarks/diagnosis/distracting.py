"""What is there beside a trouble and has nothing to do with it: a doctor is not to fall for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.lab.scene import Scene

_CROWD: Final = 300
_WIDE: Final = ("tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", "1gbit", "burst", "1mb")


def _limit(scene: Scene) -> None:
    """A rate limit on the server's link that nothing here reaches."""
    scene.net.server.run([*_WIDE, "latency", "50ms"])


def _crowd(scene: Scene) -> None:
    """Many connections that have come and gone in order: their entries are there for two minutes."""
    for visit in scene.visits_beside(_CROWD):
        for one in visit:
            one.close()


def _cookies(scene: Scene) -> None:
    """A namespace without SYN cookies, as some are hardened."""
    scene.net.server.set({"ipv4/tcp_syncookies": "0"})


CROWD: Final = "crowd"
"""Not together with healthy traffic that goes on, whose port it takes."""
KINDS: Final[dict[str, Callable[[Scene], None]]] = {"limit": _limit, CROWD: _crowd, "cookies": _cookies}


def distract(scene: Scene, kind: str) -> None:
    """Before the trouble begins. Raises HalftrackError, OSError."""
    if kind:
        KINDS[kind](scene)
