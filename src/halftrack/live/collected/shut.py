"""Namespaces of a node that the collecting script knew of and could not look into, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence.tells import OF_COUNTERS, OF_ENTRIES
from halftrack.evidence.values import Gap
from halftrack.kernel import namespaces, privileges
from halftrack.live import gaps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

ENDED: Final = "ended"
_REFUSED: Final = "refused"
_WHY: Final = {
    "nsenter": "nsenter is not installed there",
    _REFUSED: "entering it was refused",
    "covered": gaps.COVERED,
    "uncounted": "its entries could not be counted",
    ENDED: "it ended while the script ran",
}
_MOST: Final = 8
"""So many are told one by one."""
_LONGEST: Final = 9


def told(lines: Iterable[str]) -> dict[str, str]:
    """``REASON=NUMBER`` lines, as number of the namespace and reason."""
    pairs = (line.partition("=") for line in lines)
    return {number: why for why, _, number in pairs if why in _WHY and number}


def of(shut: Mapping[str, str], mounts: Mapping[str, Collection[str]]) -> Iterator[Gap]:
    """Of those of which nothing else is known. ``mounts``: where each is mounted."""
    for number in list(shut)[:_MOST]:
        mount = namespaces.preferred(mounts.get(number, ()))
        name = namespaces.called(mount, None) if mount else f"namespace-{number}"
        yield of_one(name, shut[number])
    for why, many in Counter(list(shut.values())[_MOST:]).items():
        yield _gap(f"{words.count(many, 'more namespace')}", why, None)


def of_one(name: str, why: str) -> Gap:
    return _gap(f"namespace {name}", why, name)


def of_processes(hidden: str) -> Iterator[Gap]:
    """``hidden``: how many processes do not show where they live; ``others``: they cannot be seen at all."""
    many = int(hidden) if hidden.isdecimal() and len(hidden) < _LONGEST else 0
    if many or hidden == "others":
        whose = words.count(many, "process", "processes") if many else "other users' processes"
        why = "/proc does not say where they are"
        yield Gap(f"namespaces of {whose}", why, privileges.TO_READ_OTHERS, ("other tables",))


def _gap(what: str, why: str, netns: str | None) -> Gap:
    """What ended took its troubles with it."""
    tells = () if why == ENDED else (*OF_ENTRIES, *OF_COUNTERS)
    return Gap(what, _WHY[why], privileges.TO_READ_MOUNTED if why == _REFUSED else (), tells, netns)
