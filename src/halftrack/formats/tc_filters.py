"""What ``tc filter show dev …`` prints: classifiers, and the actions that they take.

The words are those that ``kernel.queues`` makes of the kernel's own answer: ``u32 police``
(tc/tc_filter.c, print_filter; tc/m_action.c, tc_print_action; tc/m_police.c).
"""

from __future__ import annotations

import re
from typing import Final

from halftrack.evidence.printable import escaped

MOST: Final = 256
"""Different ones of an interface."""
_HEAD: Final = re.compile(
    r"(?:deleted |added )?filter (?:parent \S{1,16} )?(?:dev \S{1,16} )?(?:ingress |egress )?"
    r"protocol \S{1,16} pref \d{1,10} (?P<kind>[a-z0-9_]{1,16})(?P<options>.*)",
    re.ASCII,
)
_ACTION: Final = re.compile(r"\s+action order\s+\d{1,5}:\s+(?P<kind>[a-z0-9_]{1,16})\b.*", re.ASCII)
_POLICER: Final = re.compile(r"\s*police 0x[0-9a-f]{1,8} .*", re.ASCII)
_PROGRAM: Final = re.compile(r".* handle 0x[0-9a-f]{1,8} (?P<name>[^\s:]\S{0,127})(?: .*)?")


def parse(text: str, *, outwards: bool) -> tuple[str, ...]:
    """``outwards``: they look at what leaves. Lines that are no such thing are left out."""
    found: list[list[str]] = []
    for line in text.splitlines():
        head = _HEAD.fullmatch(line.rstrip())
        if head is not None:
            program = _PROGRAM.fullmatch(head["options"]) if head["kind"] == "bpf" else None
            found.append([head["kind"], *([program["name"]] if program else [])])
        elif found and _POLICER.fullmatch(line):
            found[-1].append("police")
        elif found and (action := _ACTION.fullmatch(line)):
            found[-1].append(action["kind"])
    tail = " outwards" if outwards else ""
    named = (escaped(" ".join(dict.fromkeys(words))) + tail for words in found)
    return tuple(dict.fromkeys(named))[:MOST]
