"""Interfaces as ``ip -d address`` and ``ip -d link`` show them, on one line each with ``-o``, or on several.

Words behind the head differ between releases of iproute2; the ip of busybox knows no ``-d`` and names no
kinds (ip/ipaddress.c, print_linkinfo, print_linktype).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.shaping import Interface

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 4_096
"""Interfaces, as of a living kernel."""
_HEAD: Final = re.compile(r"(?P<index>\d{1,9}): (?P<name>[^\s:@]{1,64})(?:@(?P<link>[^\s:]{1,64}))?: <.*")
_NUMBERED: Final = re.compile(r"if(\d{1,9})")
_ELSEWHERE: Final = re.compile(r"\blink-netns(?:id)? \S")
_KIND: Final = re.compile(r"[a-z][a-z0-9_]{1,15}")
_NO_KINDS: Final = frozenset(
    {"alias", "altname", "inet", "inet6", "mode", "prog", "promiscuity", "valid_lft", "vf", "xdp"}
)
"""What else may begin a line of those that follow the head."""
_OF_A_PORT: Final = "_slave"


def parse(text: str) -> tuple[Interface, ...]:
    """What is no interface is left out. The other end of a link has a number wherever it is known."""
    found = list(_found(text))
    numbers = {each.name: each.index for each, _ in found}
    return tuple(
        Interface(each.index, each.name, each.kind, numbers.get(link), link_elsewhere=False)
        if link in numbers and not each.link_elsewhere
        else each
        for each, link in found
    )


def _found(text: str) -> Iterator[tuple[Interface, str]]:
    """Each, and the name behind the ``@`` of its own."""
    head: re.Match[str] | None = None
    below: list[str] = []
    count = 0
    for line in (*text.replace("\\", "\n").splitlines(), "0: -: <"):
        begun = _HEAD.fullmatch(line)
        if begun is None:
            below.append(line)
            continue
        if head is not None and count < MOST:
            count += 1
            yield _interface(head, below), escaped(head["link"] or "")
        head, below = begun, []


def _interface(head: re.Match[str], below: list[str]) -> Interface:
    numbered = _NUMBERED.fullmatch(head["link"] or "")
    return Interface(
        index=int(head["index"]),
        name=escaped(head["name"]),
        kind=_kind(below),
        link=int(numbered[1]) if numbered else None,
        link_elsewhere=numbered is not None or any(_ELSEWHERE.search(line) for line in below[:1]),
    )


def _kind(below: list[str]) -> str | None:
    for line in below:
        word = line.split(None, 1)[0] if line[:1].isspace() and line.strip() else ""
        if _KIND.fullmatch(word) and word not in _NO_KINDS and not word.endswith(_OF_A_PORT):
            return word
    return None
