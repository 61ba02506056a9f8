"""Interfaces, queueing disciplines, classes and ingress filters of a namespace, through rtnetlink.

No privilege is needed. What the kernel answers is kept as it is; ``queues`` makes values of it.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.kernel import bpf, netlink
from halftrack.kernel.netlink_messages import attribute, attributes

if TYPE_CHECKING:
    import socket

# include/uapi/linux/rtnetlink.h, pkt_sched.h, if_link.h
_RTM_NEWLINK: Final = 16
_RTM_NEWQDISC: Final = 36
_RTM_NEWTCLASS: Final = 40
_RTM_NEWTFILTER: Final = 44
_RTM_GETLINK: Final = 18
_RTM_GETQDISC: Final = 38
_RTM_GETTCLASS: Final = 42
_RTM_GETTFILTER: Final = 46
TCA_KIND: Final = 1
_IFLA_EXT_MASK: Final = 29
_RTEXT_FILTER_SKIP_STATS: Final = 1 << 3
TCMSG: Final = struct.Struct("=BxxxiIII")
"""struct tcmsg: family, interface, handle, parent, info."""
IFINFOMSG: Final = struct.Struct("=BxHiII")
INGRESS: Final = 0xFFFF_FFF1
"""Parent of the discipline through which what comes in passes."""

_CLASSFUL: Final = frozenset((b"htb", b"hfsc", b"cbq", b"drr", b"qfq", b"ets"))
OUTWARDS: Final = 0xFFFF_FFF3
"""Parent of what looks at packets that leave."""
_ENTRANCES: Final = (0xFFFF_0000, 0xFFFF_FFF2, OUTWARDS)
"""What filters of ``ingress`` and of both halves of ``clsact`` are attached to."""
MOST: Final = 4_096
"""Objects of one kind and namespace; a node of a provider may have a class for each customer."""
_MOST_ASKED: Final = 256
_WITHIN_S: Final = 2.0


class _Enough(Exception):
    """More than ``MOST``."""


@dataclass(slots=True)
class Answers:
    """Payloads of messages, by type of object; ``at_s``: monotonic; ``unread``: in words.

    ``programs``: of BPF, by interface, where somebody asked for them.
    """

    at_s: float
    links: list[bytes] = field(default_factory=list)
    qdiscs: list[bytes] = field(default_factory=list)
    classes: list[bytes] = field(default_factory=list)
    filters: list[bytes] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    programs: dict[int, tuple[str, ...]] = field(default_factory=dict)


def read() -> Answers:
    """Those of the calling thread's namespace. What could not be read is in ``unread``; nothing is raised."""
    found = Answers(time.monotonic())
    try:
        with netlink.open_socket(netlink.NETLINK_ROUTE, None) as sock:
            request = IFINFOMSG.pack(0, 0, 0, 0, 0) + attribute(
                _IFLA_EXT_MASK, struct.pack("=I", _RTEXT_FILTER_SKIP_STATS)
            )
            _dump(sock, found, found.links, "interfaces", (_RTM_GETLINK, _RTM_NEWLINK, request))
            anything = TCMSG.pack(0, 0, 0, 0, 0)
            _dump(sock, found, found.qdiscs, "queueing disciplines", (_RTM_GETQDISC, _RTM_NEWQDISC, anything))
            for interface, parent, kind in [_place(body) for body in found.qdiscs]:
                if kind in _CLASSFUL:
                    of_one = TCMSG.pack(0, interface, 0, 0, 0)
                    _dump(sock, found, found.classes, "classes", (_RTM_GETTCLASS, _RTM_NEWTCLASS, of_one))
                if parent == INGRESS:
                    for entrance in _ENTRANCES:
                        of_one = TCMSG.pack(0, interface, 0, entrance, 0)
                        question = (_RTM_GETTFILTER, _RTM_NEWTFILTER, of_one)
                        _dump(sock, found, found.filters, "ingress filters", question)
    except _Enough:
        pass
    except OSError as error:
        found.unread.append(f"queueing disciplines: {error.strerror or error}")
    return found


def with_programs(found: Answers) -> Answers:
    """The same, and of its interfaces the BPF programs that no filter of tc shows."""
    for body in found.links[:_MOST_ASKED]:
        if len(body) >= IFINFOMSG.size:
            index = IFINFOMSG.unpack_from(body)[2]
            programs = bpf.of_interface(index)
            if programs:
                found.programs[index] = programs
    return found


def _place(body: bytes) -> tuple[int, int, bytes]:
    """Interface, parent and kind of a discipline; of what is none, nothing that is asked about."""
    if len(body) < TCMSG.size:
        return 0, 0, b""
    _, interface, _, parent, _ = TCMSG.unpack_from(body)
    return interface, parent, attributes(body[TCMSG.size :]).get(TCA_KIND, b"").rstrip(b"\0")


def _dump(
    sock: socket.socket, found: Answers, into: list[bytes], what: str, question: tuple[int, int, bytes]
) -> None:
    """Raises OSError; _Enough where there are more than are worth it."""
    asked, answered, request = question
    for kind, body in netlink.replies(sock, asked, request, time.monotonic() + _WITHIN_S):
        if kind != answered:
            continue
        if len(into) >= MOST:
            found.unread.append(f"more than {MOST:,} {what}")
            raise _Enough
        into.append(body)
