"""Names of the nftables tables and chains of this namespace, asked of the kernel itself.

No command is run, so nothing can hang; needs CAP_NET_ADMIN. The rules of ``iptables-nft`` show
here like any other, those of ``iptables-legacy`` do not. Also: removing a table, only if the
ruleset is the one that was looked at.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import NFNL_SUBSYS_NFTABLES
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.netlink_messages import NLM_F_ACK, NLM_F_REQUEST

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

# include/uapi/linux/netfilter/nf_tables.h
_NFT_MSG_GETTABLE: Final = 1
_NFT_MSG_DELTABLE: Final = 2
_NFT_MSG_GETCHAIN: Final = 4
_NFT_MSG_GETGEN: Final = 16
_NFTA_GEN_ID: Final = 1
_NFNL_MSG_BATCH_BEGIN: Final = 0x10
_NFNL_MSG_BATCH_END: Final = 0x11
_NFNL_BATCH_GENID: Final = 1
_NFTA_TABLE_NAME: Final = 1
_NFTA_CHAIN_NAME: Final = 3
FAMILIES: Final = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

_NFGENMSG_LEN: Final = 4
_WITHIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Names:
    """``tables``: ``(family, name)``. ``chains``: names in any of them."""

    tables: frozenset[tuple[str, str]] = frozenset()
    chains: frozenset[str] = frozenset()


def names() -> Names | None:
    """What is loaded; None where that may not be asked, is not known to this kernel, or comes too late."""
    deadline = time.monotonic() + _WITHIN_S
    try:
        with netlink.open_socket(netlink.NETLINK_NETFILTER, None) as sock:
            tables = {
                (family, _text(given.get(_NFTA_TABLE_NAME)))
                for family, given in _dump(sock, _NFT_MSG_GETTABLE, deadline)
            }
            chains = {
                _text(given.get(_NFTA_CHAIN_NAME)) for _, given in _dump(sock, _NFT_MSG_GETCHAIN, deadline)
            }
    except OSError:
        return None
    return Names(frozenset(tables), frozenset(chains))


def generation() -> bytes:
    """The number of the ruleset as it is: another one after each change. Raises OSError."""
    with netlink.open_socket(netlink.NETLINK_NETFILTER, None) as sock:
        number = netlink_messages.sequence()
        kind = NFNL_SUBSYS_NFTABLES << 8 | _NFT_MSG_GETGEN
        sock.send(netlink_messages.message(kind, NLM_F_REQUEST, number, bytes(_NFGENMSG_LEN)))
        body = netlink.answer(sock, number, time.monotonic() + _WITHIN_S)
    return netlink_messages.attributes(body[_NFGENMSG_LEN:]).get(_NFTA_GEN_ID, b"")


def delete_table(family: str, name: str, generation: bytes) -> None:
    """Remove a table unless the ruleset has changed since that generation. Raises OSError."""
    number = netlink_messages.sequence()
    families = {text: value for value, text in FAMILIES.items()}
    whole = struct.pack(">BBH", 0, 0, NFNL_SUBSYS_NFTABLES)
    table = struct.pack(">BBH", families[family], 0, 0) + netlink_messages.attribute(
        _NFTA_TABLE_NAME, name.encode() + b"\0"
    )
    begin = whole + netlink_messages.attribute(_NFNL_BATCH_GENID, generation)
    batch = netlink_messages.message(_NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, number, begin)
    kind = NFNL_SUBSYS_NFTABLES << 8 | _NFT_MSG_DELTABLE
    batch += netlink_messages.message(kind, NLM_F_REQUEST | NLM_F_ACK, number, table)
    batch += netlink_messages.message(_NFNL_MSG_BATCH_END, NLM_F_REQUEST, number, whole)
    with netlink.open_socket(netlink.NETLINK_NETFILTER, None) as sock:
        sock.send(batch)
        netlink.answer(sock, number, time.monotonic() + _WITHIN_S)


def _dump(sock: socket.socket, kind: int, deadline: float) -> Iterator[tuple[str, dict[int, bytes]]]:
    """Family and attributes of each object. Raises OSError."""
    for _, body in netlink.replies(sock, NFNL_SUBSYS_NFTABLES << 8 | kind, bytes(_NFGENMSG_LEN), deadline):
        family = FAMILIES.get(body[0] if body else 0, "?")
        yield family, netlink_messages.attributes(body[_NFGENMSG_LEN:])


def _text(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0").decode(errors="replace")
