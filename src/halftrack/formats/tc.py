"""What ``tc -s qdisc show`` and ``tc -s class show dev …`` print.

An object begins at the margin, its counters follow behind white space (tc/tc_qdisc.c, tc_class.c,
tc_util.c, print_tcstats2_attr). A class does not say which interface it belongs to: its command did.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.shaping import Interface, Queue, Shaping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST: Final = 4_096
"""Objects, as of a living kernel."""

_HEAD: Final = re.compile(
    r"(?P<what>qdisc|class) (?P<kind>\S{1,16}) (?P<handle>[0-9a-f]{0,4}:[0-9a-f]{0,4})"
    r"(?: dev (?P<dev>\S{1,16}))? (?P<parent>root|parent [0-9a-f]{0,4}:[0-9a-f]{0,4})(?P<options>.*)",
    re.ASCII,
)
_SENT: Final = re.compile(
    r"\s+Sent (\d{1,20}) bytes (\d{1,20}) pkts? "
    r"\(dropped (\d{1,20}), overlimits (\d{1,20}) requeues (\d{1,20})\)",
    re.ASCII,
)
_BACKLOG: Final = re.compile(r"\s+backlog (\d{1,20})([KM]?)b (\d{1,20})p", re.ASCII)
_RATE: Final = re.compile(r"\brate (\d{1,15}(?:\.\d{1,6})?)([KMGT]?)bit\b", re.ASCII)
_CEIL: Final = re.compile(r"\bceil (\d{1,15}(?:\.\d{1,6})?)([KMGT]?)bit\b", re.ASCII)
_DELAY: Final = re.compile(r"\bdelay (\d{1,9}(?:\.\d{1,6})?)(us|ms|s)\b", re.ASCII)
_DECIMAL: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY: Final = {"": 1, "K": 1 << 10, "M": 1 << 20}
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_INGRESS: Final = "parent ffff:fff1"
_NONE: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


def parse(
    qdiscs: str,
    classes: Mapping[str, str],
    at_s: float,
    *,
    filters: Mapping[str, Sequence[str]] = _NONE,
    links: Sequence[Interface] = (),
) -> Shaping:
    """``classes``: what was printed of each interface; ``at_s``: when, on a monotonic clock;
    ``filters``: of each interface, what looks at its packets; ``links``: interfaces as far as they are known.

    Others have numbers in the order in which they come up. Lines that are no such object are left out.
    """
    names = {each.name: each.index for each in links}
    known = set(names)
    queues: list[Queue] = []
    unread: tuple[str, ...] = ()
    for text, device in ((qdiscs, None), *((text, device) for device, text in classes.items())):
        for queue in _queues(text, device, names):
            if len(queues) >= MOST:
                unread = (f"more than {MOST:,} queueing disciplines and classes",)
                break
            queues.append(queue)
    looking = {names[name]: tuple(words) for name, words in filters.items() if name in names}
    queues = [
        replace(each, filters=looking[each.interface])
        if each.parent == "ingress" and each.interface in looking
        else each
        for each in queues
    ]
    others = (Interface(index, escaped(name)) for name, index in names.items() if name not in known)
    return Shaping(at_s, (*links, *others), tuple(queues), unread)


def _queues(text: str, device: str | None, names: dict[str, int]) -> Iterator[Queue]:
    """``names``: numbers of the interfaces so far; new ones are added."""
    head: re.Match[str] | None = None
    counted: dict[str, Any] = {}
    for line in (*text.splitlines(), "-"):
        if line[:1].isspace():
            counted |= _counted(line)
            continue
        name = (head["dev"] or device) if head is not None else None
        if head is not None and name is not None:
            yield _queue(head, _number(name, names), counted)
        head, counted = _HEAD.fullmatch(line.rstrip()), {}


def _number(name: str, names: dict[str, int]) -> int:
    if name not in names:
        names[name] = max(names.values(), default=0) + 1
    return names[name]


def _counted(line: str) -> dict[str, Any]:
    if sent := _SENT.match(line):
        names = ("sent_bytes", "sent_packets", "drops", "overlimits", "requeues")
        return dict(zip(names, map(int, sent.groups()), strict=True))
    if backlog := _BACKLOG.match(line):
        return {"backlog": int(backlog[1]) * _BINARY[backlog[2]], "qlen": int(backlog[3])}
    return {}


def _queue(head: re.Match[str], interface: int, counted: Mapping[str, Any]) -> Queue:
    kind, options, is_class = head["kind"], head["options"], head["what"] == "class"
    limited = kind in {"tbf", "netem", "cake"} or is_class
    delay = _DELAY.search(options) if kind == "netem" else None
    parent = head["parent"]
    return Queue(
        interface=interface,
        kind=escaped(kind),
        handle=head["handle"],
        parent="ingress" if parent == _INGRESS else parent.removeprefix("parent "),
        is_class=is_class,
        rate=_bytes_a_second(_RATE, options) if limited else None,
        ceil=_bytes_a_second(_CEIL, options) if limited else None,
        delay_s=float(delay[1]) * _SECONDS[delay[2]] if delay else None,
        **counted,
    )


def _bytes_a_second(form: re.Pattern[str], options: str) -> int | None:
    found = form.search(options)
    return round(float(found[1]) * _DECIMAL[found[2]] / 8) or None if found else None
