"""What makes a change hold over a reboot: files of our own, each written whole.

Our own earlier content is kept and merged with; a line that somebody added by hand stays.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.changes import lasting_rules, places
from halftrack.changes.writes import buckets, files
from halftrack.errors import Incomplete, PermissionMissing
from halftrack.kernel import files as live_files
from halftrack.plans.actions import Persist

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.changes.writes.files import FileWrite
    from halftrack.changes.writes.links import LinkWrite
    from halftrack.plans.document import Plan

_HEAD: Final = (
    "# Written by halftrack; `halftrack changes` says why, `halftrack undo` puts back what was here.\n"
)


def merged(plan: Plan, steps: int | None = None) -> Persist:
    """All that the first ``steps`` steps of a plan (None: all) want to last, as one."""
    settings: dict[str, str] = {}
    module = rules = False
    hashsize: int | None = None
    for step in plan.steps[:steps]:
        for action in step.actions:
            if isinstance(action, Persist):
                settings.update(action.settings)
                module, rules = module or action.module, rules or action.rules
                hashsize = action.hashsize if action.hashsize is not None else hashsize
    return Persist(settings=settings, module=module, rules=rules, hashsize=hashsize)


def writes(wanted: Persist) -> list[FileWrite | LinkWrite]:
    """The files to write for it; nothing where they say so already. Raises PermissionMissing, Incomplete."""
    etc = places.etc()
    found: list[FileWrite | LinkWrite] = []
    if wanted.hashsize is not None:
        line = {"options nf_conntrack hashsize": str(buckets_at_boot(wanted.hashsize))}
        found += _merged(etc / "modprobe.d/halftrack.conf", line, "=")
    if wanted.module:
        found += _whole(etc / "modules-load.d/halftrack.conf", f"{_HEAD}nf_conntrack\n")
    if wanted.rules:
        found += lasting_rules.writes()
    if wanted.settings:
        found += _merged(etc / "sysctl.d/90-halftrack.conf", wanted.settings, " = ")
    return found


def buckets_at_boot(wanted: int) -> int:
    """Never fewer than there are: a plan made elsewhere may not have seen how many."""
    return max(wanted, live_files.number(buckets.PARAMETER) or 0)


def check(plan: Plan) -> list[FileWrite | LinkWrite]:
    """The same before anything is done: raises HalftrackError also where nothing could be written."""
    wanted = merged(plan)
    if wanted.rules:
        lasting_rules.check(plan)
    found = writes(wanted)
    for write in found:
        directory = next(one for one in Path(write.path).parents if one.exists())
        if not os.access(directory, os.W_OK | os.X_OK):
            without = "--until-reboot does without what lasts"
            if os.statvfs(directory).f_flag & os.ST_RDONLY:
                raise Incomplete(f"{write.path} is on a read-only file system; {without}")
            raise PermissionMissing(f"{write.path} may not be written: it takes root; {without}")
    return found


def _merged(path: Path, lines: Mapping[str, str], between: str) -> list[FileWrite | LinkWrite]:
    now = files.prepare(path, None).before
    text = _HEAD if now is None else now.data.decode("utf-8", "surrogateescape")
    kept = [line for line in text.splitlines() if _assigned(line) not in lines]
    new = [*kept, *(f"{name}{between}{value}" for name, value in lines.items())]
    return _whole(path, "\n".join(new) + "\n")


def _assigned(line: str) -> str | None:
    """What a line sets; None for comments and blank lines."""
    name, equals, _ = line.partition("=")
    name = name.strip()
    return name.removeprefix("-").replace("/", ".") if equals and not name.startswith(("#", ";")) else None


def _whole(path: Path, text: str) -> list[FileWrite | LinkWrite]:
    write = files.prepare(path, text.encode("utf-8", "surrogateescape"))
    if write.before is not None and write.after is not None and write.before.data == write.after.data:
        return []
    return [write]
