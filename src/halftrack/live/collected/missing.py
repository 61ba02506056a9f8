"""What was to be read of a collected node or namespace and is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence import tells
from halftrack.evidence.values import Gap
from halftrack.live.collected import shut

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from halftrack.kernel.counters import Reading
    from halftrack.live.collected.spaces import Space

_COMMANDS: Final = {
    "entries": "conntrack -L -o extended",
    "counters": "conntrack -S",
    "sockets": "ss -tuanp",
    "settings": "sysctl -a",
}
"""What to ask for where it was not sent."""
_TOOLS: Final = {
    "ss": tells.OF_TCP,
    "tc": tells.OF_SHAPING,
    "nft": tells.OF_RULES,
    "ip": tells.OF_ROUTES,
}
"""What is missed most of what may be missing on a node, and what it would tell."""
_BEFORE_NFT: Final = "2."
"""Kernels that have no nftables."""


def tools(lacking: Collection[str], spaces: Collection[Space], kernel: str) -> Iterator[Gap]:
    """``lacking``: tools that the node has not; ``kernel``: its release.

    Without nft the rules are known all the same where those of iptables are all that there can be, or
    were read: nothing more is told by it then.
    """
    told = kernel.startswith(_BEFORE_NFT) or any(space.saves for space in spaces)
    for tool, would_tell in _TOOLS.items():
        if tool in lacking:
            tells = () if tool == "nft" and told else would_tell
            yield Gap(f"what {tool} shows", f"{tool} is not installed there", (), tells)


def of(space: Space, name: str) -> Iterator[Gap]:
    """``name``: what the namespace is called in the evidence."""
    if space.shut is not None:
        yield shut.of_one(name, space.shut)
        return
    if space.late or not space.worth:
        return
    if space.cut is not None:
        yield _gap(space, "the rest of the entries", name, space.cut, tells.OF_ENTRIES)
    elif not space.parsed:
        why = "the kernel does not track connections, or does not show them"
        yield _gap(space, "entries", name, why, tells.OF_ENTRIES)
    if len(space.readings) < 2 and not any(_dropped_nothing(each) for each in space.readings):
        yield _gap(space, "counters", name, "they were not read twice", tells.OF_COUNTERS)
    if not space.sockets and "ss" not in space.texts:
        yield _gap(space, "sockets", name, "they were not read", tells.OF_SOCKETS)
    if not space.settings:
        needs = "nsenter" if space.container is None else f"vzctl exec {space.container} sysctl -a"
        yield _gap(space, "settings", name, "there was no way in", ("settings",), needs)


def _gap(space: Space, what: str, name: str, why: str, tells: tuple[str, ...], *needs: str) -> Gap:
    if space.asked_of is not None:
        inside = f"ip netns exec {space.asked_of} " if space.asked_of else ""
        once = what == "counters" and space.readings
        why, needs = (why if once else "not in the report"), (f"{inside}{_COMMANDS[what]}",)
    return Gap(f"{what} of {name}", why, needs, tells, name)


def _dropped_nothing(reading: Reading) -> bool:
    """Whether nothing was dropped since the namespace began, and so nothing is now."""
    values = reading.counters().values
    return values.get("drop") == 0 == values.get("early_drop")
