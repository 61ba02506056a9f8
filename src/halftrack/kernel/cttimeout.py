"""Timeout policies of the tracker as the kernel keeps them (nfnetlink, subsystem 8).

``include/uapi/linux/netfilter/nfnetlink_cttimeout.h``. A state that a policy does not name gets
the value that the namespace's sysctl has when the policy is made. In the network namespace of the
calling thread; needs CAP_NET_ADMIN.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.netlink_messages import (
    NLA_F_NESTED,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    attribute,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUBSYS: Final = 8  # NFNL_SUBSYS_CTNETLINK_TIMEOUT
_NEW, _GET, _DELETE = 0, 1, 2  # IPCTNL_MSG_TIMEOUT_*
_NAME, _L3PROTO, _L4PROTO, _DATA = 1, 2, 3, 4  # CTA_TIMEOUT_*
TCP_STATES: Final = MappingProxyType(
    {
        "syn_sent": 1,
        "syn_recv": 2,
        "established": 3,
        "fin_wait": 4,
        "close_wait": 5,
        "last_ack": 6,
        "time_wait": 7,
        "close": 8,
        "syn_sent2": 9,
        "retrans": 10,
        "unacknowledged": 11,
    }
)
"""State to its attribute (CTA_TIMEOUT_TCP_*)."""
_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Policy:
    """For TCP over one family (AF_INET, AF_INET6): seconds by state."""

    family: int
    timeouts: Mapping[str, int]


def get(name: str) -> Policy | None:
    """The policy of this name; None where there is none. Raises OSError."""
    try:
        body = _ask(_GET, 0, attribute(_NAME, name.encode() + b"\0"))
    except FileNotFoundError:
        return None
    given = netlink_messages.attributes(body[4:])
    data = netlink_messages.attributes(given.get(_DATA, b""))
    names = {number: state for state, number in TCP_STATES.items()}
    timeouts = {names[n]: int.from_bytes(value, "big") for n, value in data.items() if n in names}
    return Policy(int.from_bytes(given.get(_L3PROTO, b""), "big"), timeouts)


def add(name: str, policy: Policy) -> None:
    """Make a policy. Raises OSError: FileExistsError where the name is taken."""
    data = b"".join(
        attribute(TCP_STATES[state], struct.pack(">I", seconds)) for state, seconds in policy.timeouts.items()
    )
    body = attribute(_NAME, name.encode() + b"\0")
    body += attribute(_L3PROTO, struct.pack(">H", policy.family))
    body += attribute(_L4PROTO, bytes([uapi.IPPROTO_TCP]))
    body += attribute(_DATA | NLA_F_NESTED, data)
    _ask(_NEW, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, body)


def delete(name: str) -> None:
    """Remove it. Raises OSError: EBUSY while a rule uses it, FileNotFoundError where it is not there."""
    _ask(_DELETE, NLM_F_ACK, attribute(_NAME, name.encode() + b"\0"))


def _ask(what: int, flags: int, attributes: bytes) -> bytes:
    number = netlink_messages.sequence()
    payload = struct.pack("=BBH", 0, 0, 0) + attributes
    request = netlink_messages.message(_SUBSYS << 8 | what, NLM_F_REQUEST | flags, number, payload)
    with netlink.open_socket(netlink.NETLINK_NETFILTER, None) as sock:
        sock.send(request)
        return netlink.answer(sock, number, time.monotonic() + _WITHIN_S)
