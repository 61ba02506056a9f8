"""What makes a change hold over a reboot: files of our own, each written whole.

Our own earlier content is kept and merged with; a line that somebody added by hand stays.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.changes import lasting_rules, places
from halftrack.changes.writes import files
from halftrack.errors import Incomplete, PermissionMissing
from halftrack.kernel import sysctl
from halftrack.plans import lasting
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
    actions = (action for step in plan.steps[:steps] for action in step.actions)
    return lasting.together(action for action in actions if isinstance(action, Persist))


def writes(wanted: Persist) -> list[FileWrite | LinkWrite]:
    """The files to write for it; nothing where they say so already. Raises PermissionMissing, Incomplete."""
    found: list[FileWrite | LinkWrite] = []
    if wanted.hashsize is not None:
        name, _, size = lasting.module_option(buckets_at_boot(wanted.hashsize)).partition("=")
        found += _merged(places.in_etc(lasting.MODULE_OPTIONS), {name: size}, "=")
    if wanted.module:
        found += _whole(places.in_etc(lasting.MODULES), f"{_HEAD}nf_conntrack\n")
    if wanted.rules:
        found += lasting_rules.writes()
    if wanted.settings:
        found += _merged(places.in_etc(lasting.DROP_IN), wanted.settings, " = ")
    return found


def buckets_at_boot(wanted: int) -> int:
    """Never fewer than there are: a plan made elsewhere may not have seen how many."""
    return max(wanted, sysctl.hash_size() or 0)


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
