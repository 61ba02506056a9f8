"""NOT SEEN: what could not be read of a live node, what that would have told, what opens it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.document import Diagnosis, Gap
    from halftrack.reporters.layout import Page

_INDENT: Final = " " * 8
_MOST: Final = 5
_CAPABILITY: Final = re.compile(r"CAP_[A-Z_]+", re.ASCII)
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]*", re.ASCII)


def unseen(diagnosis: Diagnosis, page: Page) -> list[str]:
    """Empty where nothing is missing; on a mailed-in table ``notes`` asks for it instead."""
    shown = [gap for gap in diagnosis.gaps if page.verbose or gap.would_tell]
    if not diagnosis.of_node:
        shown = [gap for gap in shown if not gap.needs or page.verbose]
    if not shown:
        return []
    alike = _alike(shown)
    listed = alike if page.verbose else alike[:_MOST]
    lines = ["NOT SEEN, and what would show it"]
    for gap, number in listed:
        what = gap.what if number == 1 else f"{gap.what}, {number} times"
        where = f" of {gap.netns}" if gap.netns and gap.netns not in gap.what and number == 1 else ""
        needs = f": {', '.join(gap.needs)}" if gap.needs else f": {gap.why}"
        tells = f" ({', '.join(gap.would_tell)})" if gap.would_tell else ""
        lines += page.wrap(f"{what}{where}{needs}{tells}", "  ", " " * 4)
    if len(listed) < len(alike):
        lines += page.wrap(f"and {words.count(len(alike) - len(listed), 'more kind')}: -v", "  ")
    return [*lines, *_how(diagnosis, shown, page)]


def _alike(gaps: Iterable[Gap]) -> list[tuple[Gap, int]]:
    """Gaps that differ in their namespace alone, counted."""
    counted: dict[tuple[str, str, tuple[str, ...]], tuple[Gap, int]] = {}
    for gap in gaps:
        key = (gap.what, gap.why, gap.needs)
        counted[key] = (gap, counted[key][1] + 1 if key in counted else 1)
    return list(counted.values())


def _how(diagnosis: Diagnosis, gaps: Iterable[Gap], page: Page) -> list[str]:
    """The commands that show all of it, where it is only privileges that are missing."""
    if diagnosis.source != "live" or diagnosis.in_container:
        return []
    found = (_CAPABILITY.findall(need) for gap in gaps for need in gap.needs)
    wanted = dict.fromkeys(capability for each in found for capability in each)
    if not wanted or diagnosis.user is None:
        return []
    again = (page.again or page.program).removeprefix("sudo ")
    lines = ["All of it:", *shell_lines(f"sudo {again}", page, _INDENT)]
    if _USER.fullmatch(diagnosis.user):
        granted = f"-p AmbientCapabilities='{' '.join(wanted)}'"
        command = f"systemd-run --pipe --same-dir -p User={diagnosis.user} {granted} {again}"
        lines += ["Only reading, no root shell:", *shell_lines(command, page, _INDENT)]
    return lines
