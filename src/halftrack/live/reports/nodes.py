"""Whether plain outputs are of one node at one moment, as nothing but what they say can tell."""

from __future__ import annotations

import os.path
import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.formats.moments import up_s
from halftrack.live.reports import kinds, paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.live.reports.gathering import Found

_UNAME: Final = re.compile(r"Linux (?P<node>\S{1,64}) (?P<kernel>\d\S{1,100}) ")
_SYSCTL: Final = re.compile(r"^kernel\.hostname = (\S{1,255})$", re.MULTILINE)
_NAME: Final = re.compile(r"\S{1,255}")
_NOBODY: Final = frozenset({"localhost", "(none)", "ubuntu", "debian"})
"""What nodes are called that nobody gave a name."""
_DAY_S: Final = 86_400.0
"""No collection takes so long."""
_MOST_NAMED: Final = 3
_ONE: Final = "give one alone"
_EACH: Final = f"{_ONE}, or with doctor --since another moment of the same node"


def several(found: Sequence[Found]) -> str | None:
    """Which nodes or moments they are of, by which file each, and what to give instead; None: nothing says
    that there are two.
    """
    own = [each for each in found if each.netns is None and paths.netns(each.at) is None]
    for what, told in (("nodes", _names(own)), ("kernels", _kernels(own)), ("boots", _boots(own))):
        places: dict[str, str] = {}
        for value, each in told:
            places.setdefault(value, each.at.whole)
        if len(places) > 1:
            shown = [f"{value} by {where}" for value, where in places.items()]
            return (
                f"outputs of {len(places):,} {what} ({_listed(shown)}): {_ONE if what == 'nodes' else _EACH}"
            )
    sets = _sets(own)
    if len(sets) > 1:
        return f"{len(sets):,} sets of outputs, of several nodes or moments ({_listed(sets)}): {_EACH}"
    return None


def _listed(shown: Sequence[str]) -> str:
    return escaped(", ".join((*shown[:_MOST_NAMED], *(["…"] if len(shown) > _MOST_NAMED else []))))


def _names(found: Sequence[Found]) -> Iterator[tuple[str, Found]]:
    """Without their domains, which not every tool shows."""
    for each in found:
        name: str | None = None
        if each.kind == "hostname":
            name = each.shown.strip()
        elif each.kind == "uname" and (told := _UNAME.match(each.shown.strip())):
            name = told["node"]
        elif each.kind == "sysctl" and (told := _SYSCTL.search(each.shown.strip())):
            name = told[1]
        if name and _NAME.fullmatch(name) and name.lower() not in _NOBODY:
            yield name.partition(".")[0].lower(), each


def _kernels(found: Sequence[Found]) -> Iterator[tuple[str, Found]]:
    for each in found:
        if each.kind == "uname" and (told := _UNAME.match(each.shown.strip())):
            yield told["kernel"], each


def _boots(found: Sequence[Found]) -> Iterator[tuple[str, Found]]:
    """Times since the boot that are further apart than what is collected at once."""
    told = [(seconds, each) for each in found if each.kind == "uptime" and (seconds := up_s(each.shown))]
    told.sort(key=lambda one: one[0])
    yield from ((f"{seconds / _DAY_S:,.0f} days ago", each) for seconds, each in told[:1])
    for (before, _), (seconds, each) in pairwise(told):
        if seconds - before > _DAY_S:
            yield f"{seconds / _DAY_S:,.0f} days ago", each


def _sets(found: Sequence[Found]) -> list[str]:
    """Directories side by side that each have a table, and something else that the others have, too."""
    tables = sorted({each.at.report for each in found if each.kind == kinds.ENTRIES})
    if len(tables) < 2:
        return []
    above = os.path.commonpath(tables) if all(tables) else ""
    having: dict[str, set[str]] = defaultdict(set)
    for each in found:
        inside = each.at.report.removeprefix(above).lstrip("/").partition("/")[0]
        if inside:
            having[f"{above}/{inside}".lstrip("/")].add(each.kind)
    of_table = {name: some - {kinds.ENTRIES} for name, some in having.items() if kinds.ENTRIES in some}
    if len(of_table) < 2 or not set.intersection(*of_table.values()):
        return []
    return sorted(of_table)
