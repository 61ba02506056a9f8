"""Kernels by the names that somebody types: a profile's or a vendor's, or what ``uname -r`` prints."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.errors import UsageError
from halftrack.tcp import profiles, releases

if TYPE_CHECKING:
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.releases import Features

NAMED: Final = MappingProxyType(
    {
        "6.18": "6.18",
        "6.12": "6.12.117",
        "6.1": "6.1",
        "5.15": "5.15",
        "5.4": "5.4",
        "4.9": "4.9",
        "3.18": "3.18",
        "3.16": "3.16",
        "3.2": "3.2",
        "2.6.32": "2.6.32",
        "2.6.18": "2.6.18",
        "el8": "4.18.0-394.el8",
        "el7": "3.10.0-1160.el7",
        "el6": "2.6.32-754.el6",
        "el6-early": "2.6.32-431.el6",
        "el5": "2.6.18-8.el5",
        "virtuozzo7": "3.10.0-1160.vz7",
        "openvz6": "2.6.32-042stab141.3",
        "openvz6-early": "2.6.32-042stab092.1",
        "openvz5": "2.6.18-028stab056",
    }
)
"""Short name to the release that it stands for: every profile's own name, and the vendors' (the early ones
are those that keep one-sided entries for five days)."""
DEFAULT: Final = "6.18"


@dataclass(frozen=True, slots=True)
class Kernel:
    """``release``: as ``uname -r`` would print it. ``profile``: how its tracker is modelled."""

    release: str
    profile: Profile
    features: Features


def find(name: str = DEFAULT) -> Kernel:
    """Raises UsageError that names what comes near."""
    release = NAMED.get(name.strip().lower(), name.strip())
    if releases.parse(release) is None:
        near = difflib.get_close_matches(name.lower(), NAMED, n=1)
        told = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMED)}"
        raise UsageError(f"{name[:40]!a} is no kernel: {told}, or write what uname -r prints")
    return Kernel(release, profiles.of(release), releases.features(release))
