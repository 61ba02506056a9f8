"""What of a namespace's rules asks for connection tracking.

Kernels register the tracker's hooks in a namespace with the first rule that needs them and unregister them
with the last (``nf_ct_netns_get`` and its callers); what is tracked by then stays as it is. The kernel is
asked for its nftables rules, those of iptables-nft among them; iptables-legacy's are asked of its own tool,
and only where it has tables. Not seen here: the module's parameter enable_hooks, which nobody can read,
and Open vSwitch, which has no need of hooks. In the network namespace of the calling thread.
"""

from __future__ import annotations

import errno
import re
import struct
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.errors import HalftrackError
from halftrack.evidence.printable import escaped
from halftrack.evidence.tracking import XTABLES, Tracking
from halftrack.evidence.uapi import AF_INET, AF_INET6, NFNL_SUBSYS_NFTABLES
from halftrack.kernel import iptables, ipvs, netlink, netlink_messages
from halftrack.kernel.netlink_messages import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

_NFT_MSG_GETRULE: Final = 7
_NFNL_SUBSYS: Final = NFNL_SUBSYS_NFTABLES << 8
_NFTA_RULE_TABLE, _NFTA_RULE_CHAIN, _NFTA_RULE_EXPRESSIONS = 1, 2, 4  # include/uapi/…/nf_tables.h
_NFTA_EXPR_NAME, _NFTA_EXPR_DATA = 1, 2
_NFTA_XT_NAME: Final = 1
"""NFTA_MATCH_NAME and NFTA_TARGET_NAME."""
_EXPRESSIONS: Final = frozenset(
    {b"ct", b"nat", b"masq", b"redir", b"synproxy", b"flow_offload", b"connlimit"}
)
"""Those of nft_*.c that call nf_ct_netns_get."""
_OBJECTS: Final = frozenset({3, 5, 7, 9, 10})
"""NFT_OBJECT_CT_HELPER, _CONNLIMIT, _CT_TIMEOUT, _CT_EXPECT, _SYNPROXY: likewise."""
_NFTA_OBJREF_IMM_TYPE: Final = 1
_IN_SETS: Final = b"connlimit\0"
"""An expression that elements of a set may have (nft_dynset.c)."""
_CANDIDATES: Final = re.compile(
    b"|".join(
        re.escape(struct.pack("=HH", 5 + len(name), _NFTA_EXPR_NAME) + name + b"\0")
        for name in (*sorted(_EXPRESSIONS), b"objref", b"match", b"target")
    )
    + b"|"
    + _IN_SETS
)
"""What a rule has in it that may ask: tens of thousands of rules have not."""
_SAVED: Final = re.compile(rf"-[mj] ({'|'.join(sorted(XTABLES))})\b")
_WITHIN_S: Final = 1.0
_IPVS: Final = "a service of IPVS"
_FAMILIES: Final[Mapping[iptables.Family, int]] = MappingProxyType({"ip": AF_INET, "ip6": AF_INET6})
_ONE_FAMILY: Final = MappingProxyType({2: (AF_INET,), 10: (AF_INET6,)})
"""NFPROTO_IPV4, NFPROTO_IPV6."""
_NO_NFTABLES: Final = (errno.EOPNOTSUPP, errno.EINVAL, errno.EPROTONOSUPPORT, errno.ENOPROTOOPT)


def read() -> Tracking | None:
    """The first of each family that was found to ask. None where this may not be asked."""
    if ipvs.services():
        return Tracking(_IPVS, _IPVS)
    unread: list[str] = []
    found: dict[int, str] = {}
    try:
        found = _in_nftables()
    except PermissionError:
        return None
    except OSError as error:
        if error.errno not in _NO_NFTABLES:
            unread.append(f"the rules of nftables: {error.strerror}")
    for family, number in _FAMILIES.items():
        try:
            legacy = None if number in found else _in_legacy(family)
        except HalftrackError as error:
            unread.append(f"the rules of {iptables.tool(family)}-legacy: {error}")
            continue
        if legacy is not None:
            found[number] = legacy
    return Tracking(found.get(AF_INET), found.get(AF_INET6), tuple(unread))


def _in_nftables() -> dict[int, str]:
    """The chain of the first rule that asks, by family. Raises OSError."""
    deadline = time.monotonic() + _WITHIN_S
    found: dict[int, str] = {}
    with netlink.open_socket(netlink.NETLINK_NETFILTER, None) as sock:
        for _, body in netlink.replies(sock, _NFNL_SUBSYS | _NFT_MSG_GETRULE, bytes(4), deadline):
            if not _CANDIDATES.search(body):
                continue
            rule = attributes(body[4:])
            expressions = rule.get(_NFTA_RULE_EXPRESSIONS, b"")
            if _IN_SETS in expressions or any(_asks(one) for one in _listed(expressions)):
                table, chain = (_text(rule.get(each, b"")) for each in (_NFTA_RULE_TABLE, _NFTA_RULE_CHAIN))
                # One for a bridge or for both families asks for both (nf_ct_netns_get).
                for family in _ONE_FAMILY.get(body[0], (AF_INET, AF_INET6)):
                    found.setdefault(family, escaped(f"a rule of table {table}, chain {chain}"))
            if len(found) == len(_FAMILIES):
                break
    return found


def _listed(expressions: bytes) -> Iterator[dict[int, bytes]]:
    """All elements bear one number, so they are walked, not looked up."""
    for _, element in netlink_messages.walked(expressions):
        yield attributes(element)


def _asks(expression: dict[int, bytes]) -> bool:
    name = expression.get(_NFTA_EXPR_NAME, b"").rstrip(b"\0")
    data = attributes(expression.get(_NFTA_EXPR_DATA, b""))
    if name in {b"match", b"target"}:
        return _text(data.get(_NFTA_XT_NAME, b"")) in XTABLES
    if name == b"objref":  # out of a map it may be any
        kind = data.get(_NFTA_OBJREF_IMM_TYPE)
        return kind is None or int.from_bytes(kind, "big") in _OBJECTS
    return name in _EXPRESSIONS


def _in_legacy(family: iptables.Family) -> str | None:
    for table in iptables.legacy_tables(family):
        for line in iptables.save(family, "legacy", table):
            if _SAVED.search(line):
                return escaped(f"a rule of {iptables.tool(family)}, table {table}")
    return None


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
