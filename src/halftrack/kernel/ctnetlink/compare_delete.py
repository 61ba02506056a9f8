"""Removing what matches and was never answered, compared and deleted by the kernel in one go.

A delete request that names no entry means the whole table to kernels that do not know its filters,
and they ignore in silence what they do not know. So it is sent only where three things agree: the
release, two dumps that are refused for their half a filter (whoever ignores filters answers them),
and a delete request that is refused for a flag that does not exist.
"""

from __future__ import annotations

import errno
import os
import re
import struct
import time
from functools import cached_property
from typing import TYPE_CHECKING, Final

from halftrack.errors import FeatureMissing, PermissionMissing
from halftrack.evidence import uapi
from halftrack.evidence.selection import Selection
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.ctnetlink import filters
from halftrack.kernel.netlink_messages import (
    CT_DELETE,
    CT_GET,
    NLA_F_NESTED,
    NLM_F_ACK,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    attribute,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_SINCE: Final = (6, 12)
"""As ``tcp.releases`` has it: ``filtered_delete``."""
_RELEASE: Final = re.compile(r"(\d{1,4})\.(\d{1,4})")
_NO_SUCH_FLAG: Final = 1 << 31
_PROTO_NUM: Final = 1 << 3
_WITHIN_S: Final = 60.0


def supported(release: str, ask: Callable[[bytes, int], int]) -> bool:
    """Whether the kernel compares before it deletes.

    ``ask``: sends a request (message, its sequence number) and gives the errno with which the kernel
    refused it, 0 where it did not.
    """
    found = _RELEASE.match(release)
    if not found or (int(found[1]), int(found[2])) < _SINCE:
        return False
    return (
        ask(*_dump(attribute(uapi.CTA_STATUS_MASK, struct.pack(">I", uapi.IPS_SEEN_REPLY)))) == errno.EINVAL
        and ask(*_dump(_flags(_PROTO_NUM))) == errno.EINVAL
        and ask(*_delete(_flags(_NO_SUCH_FLAG))) == errno.EINVAL
    )


def request(src: tuple[int, int], sport: int) -> tuple[bytes, int]:
    """The message, and its number, that removes TCP entries from ``src:sport`` (IPv4) without a reply.

    In the default zone: 6.18 compares that, too.
    """
    family, attributes = filters.attributes(
        Selection(
            family=uapi.AF_INET,
            l4proto=uapi.IPPROTO_TCP,
            status=0,
            status_mask=uapi.IPS_SEEN_REPLY,
            orig_src=src,
            orig_sport=sport,
            zone=0,
        )
    )
    assert family == uapi.AF_INET  # noqa: S101  # of no other are addresses compared
    return _delete(attributes)


class Kernel:
    """The one of a namespace, to be asked."""

    def __init__(self, netns_path: str | None) -> None:
        """Raises OSError where the namespace cannot be entered."""
        self._path = netns_path

    @cached_property
    def can(self) -> bool:
        """Whether it compares before it deletes. Raises PermissionMissing, OSError."""
        return supported(os.uname().release, self._ask)

    def remove(self, src: tuple[int, int], sport: int) -> None:
        """Raises FeatureMissing where it cannot, PermissionMissing, OSError with what the kernel said."""
        if not self.can:  # another kernel would empty the table
            raise FeatureMissing("this kernel does not compare before it deletes")
        code = self._ask(*request(src, sport))
        if code not in (0, errno.ENOENT):
            raise OSError(code, os.strerror(code))

    def _ask(self, message: bytes, number: int) -> int:
        """A socket for each question: a dump that goes through is not read to its end."""
        deadline = time.monotonic() + _WITHIN_S
        with netlink.open_socket(netlink.NETLINK_NETFILTER, self._path) as sock:
            sock.send(message)
            datagram = netlink.receive(sock, deadline)
        code = next(
            (
                netlink_messages.error_code(body)
                for kind, body in netlink_messages.messages(datagram, number)
                if kind == NLMSG_ERROR
            ),
            0,
        )
        if code in (errno.EPERM, errno.EACCES):
            raise PermissionMissing("changing entries of the connection table needs CAP_NET_ADMIN")
        return code


def _flags(flags: int) -> bytes:
    compared = attribute(uapi.CTA_FILTER_ORIG_FLAGS, struct.pack("=I", flags))
    return attribute(uapi.CTA_FILTER | NLA_F_NESTED, compared)


def _dump(attributes: bytes) -> tuple[bytes, int]:
    number = netlink_messages.sequence()
    return netlink_messages.dump_request(CT_GET, number, _HEAD + attributes), number


def _delete(attributes: bytes) -> tuple[bytes, int]:
    number = netlink_messages.sequence()
    flags = NLM_F_REQUEST | NLM_F_ACK
    return netlink_messages.message(CT_DELETE, flags, number, _HEAD + attributes), number


_HEAD: Final = struct.pack("=BBH", uapi.AF_INET, 0, 0)
