"""Examining a node from a process of its own, and one table of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence, Table

ALONE = (
    "import ctypes, json, os, sys\n"
    "from halftrack.live import examine\n"
    # Once before: afterwards not even the interpreter's own modules need be readable.
    "examine(counters_interval_s=0.0)\n"
    "uid = int(sys.argv[1])\n"
    "if uid:\n"
    "    os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)\n"
    # A process that changed its user may not read its own links unless it says that it may be dumped.
    "    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\n"
    "found = examine(sys.argv[2] if len(sys.argv) > 2 else None, counters_interval_s=0.0)\n"
    "print(json.dumps({\n"
    "  'user': found.user,\n"
    "  'gaps': [[gap.what, list(gap.needs), list(gap.would_tell)] for gap in found.gaps],\n"
    "  'tables': {t.netns: [t.count, t.limit, len(t.settings), len(t.counters),\n"
    "      None if t.flows is None else len(t.flows), t.skipped,\n"
    "      None if t.sockets is None else t.sockets.frame.height] for t in found.tables},\n"
    "}))\n"
)


def table(found: Evidence, name: str) -> Table:
    (one,) = [each for each in found.tables if each.netns == name]
    return one
