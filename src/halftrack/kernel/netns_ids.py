"""What one namespace calls another: the numbers that stand for the other ends of its links."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.netlink_messages import NLM_F_REQUEST, attribute, attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

# include/uapi/linux/rtnetlink.h, net_namespace.h
_RTM_GETNSID: Final = 90
_NETNSA_NSID: Final = 1
_NETNSA_FD: Final = 3
_RTGENMSG: Final = bytes(4)
_NUMBER: Final = struct.Struct("=i")
_WITHIN_S: Final = 1.0


def inodes(spaces: Mapping[int, int]) -> dict[int, int]:
    """``spaces``: descriptors of namespaces by their inode. The inode by the number that the calling
    thread's namespace has for it; those that it has no number for are left out.

    Nothing is assigned by asking. Empty where the kernel does not tell (before 4.0).
    """
    found: dict[int, int] = {}
    try:
        with netlink.open_socket(netlink.NETLINK_ROUTE, None) as sock:
            for inode, fd in spaces.items():
                number = netlink_messages.sequence()
                payload = _RTGENMSG + attribute(_NETNSA_FD, struct.pack("=I", fd))
                sock.send(netlink_messages.message(_RTM_GETNSID, NLM_F_REQUEST, number, payload))
                body = netlink.answer(sock, number, time.monotonic() + _WITHIN_S)
                raw = attributes(body[len(_RTGENMSG) :]).get(_NETNSA_NSID, b"")
                if len(raw) == _NUMBER.size and _NUMBER.unpack(raw)[0] >= 0:
                    found[_NUMBER.unpack(raw)[0]] = inode
    except OSError:
        return found
    return found
