"""Services: which end of an entry offers one, and what it is called.

A tracked entry says who sent the first packet that was seen, not who serves: a picked-up entry
often begins with the server's packet. Where the tracker saw the handshake its direction is the
truth; elsewhere the port tells: one that the node listens on, then a well-known one, then the
smaller. Two ephemeral ports tell nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.evidence.values import Sockets

NAMES: Final = MappingProxyType(
    {
        20: "ftp-data",
        21: "ftp",
        22: "ssh",
        23: "telnet",
        25: "smtp",
        53: "dns",
        67: "dhcp",
        69: "tftp",
        80: "web",
        88: "kerberos",
        110: "pop3",
        111: "rpc",
        123: "ntp",
        143: "imap",
        161: "snmp",
        179: "bgp",
        389: "ldap",
        443: "web",
        445: "smb",
        465: "smtp",
        500: "ipsec",
        514: "syslog",
        587: "smtp",
        636: "ldap",
        853: "dns",
        873: "rsync",
        993: "imap",
        995: "pop3",
        1194: "openvpn",
        1433: "mssql",
        1521: "oracle",
        1883: "mqtt",
        2049: "nfs",
        2181: "zookeeper",
        2379: "etcd",
        3128: "proxy",
        3306: "mysql",
        3389: "rdp",
        4222: "nats",
        4500: "ipsec",
        5060: "sip",
        5061: "sip",
        5353: "mdns",
        5432: "postgres",
        5672: "amqp",
        6379: "redis",
        6443: "kubernetes",
        8080: "web",
        8443: "web",
        8883: "mqtt",
        9000: "php-fpm",
        9042: "cassandra",
        9092: "kafka",
        9100: "metrics",
        9200: "elasticsearch",
        10250: "kubelet",
        11211: "memcached",
        27017: "mongodb",
    }
)
"""Port to what usually answers there, over any transport."""

_EPHEMERAL_FROM: Final = 32_768
"""Linux' ``ip_local_port_range`` begins here; other systems' at 49152."""

_PORTS: Final = 65_536
_OWN_PORT, _WELL_KNOWN, _REGISTERED, _EPHEMERAL = range(4)


def port_ranks() -> npt.NDArray[np.uint32]:
    """How much a port looks like a server's, by port: the smaller the more."""
    ports = np.arange(_PORTS, dtype=np.uint32)
    tier = np.full(_PORTS, _REGISTERED, np.uint32)
    tier[_EPHEMERAL_FROM:] = _EPHEMERAL
    tier[:1024] = _WELL_KNOWN
    tier[list(NAMES)] = _WELL_KNOWN
    return (tier << np.uint32(16)) | ports


def looks_ephemeral(rank: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Whether these ranks are those of ports that no server is usually found on."""
    return rank >= np.uint32(_EPHEMERAL << 16)


def listened(sockets: Iterable[Sockets]) -> npt.NDArray[np.bool_]:
    """By ``port + 65536 * (protocol is UDP)``: whether one of these sockets waits there.

    An unconnected UDP socket on an ephemeral port is a client that has not connected.
    """
    table = np.zeros(2 * _PORTS, np.bool_)
    frames = [each.frame for each in sockets]
    if not frames:
        return table
    waiting = (
        pl.concat(frames, rechunk=False)
        .lazy()
        .filter(
            ((pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("state") == uapi.TCP_LISTEN))
            | (
                (pl.col("l4proto") == uapi.IPPROTO_UDP)
                & (pl.col("state") == uapi.TCP_CLOSE)
                & (pl.col("remote_port") == 0)
                & (pl.col("local_port") < _EPHEMERAL_FROM)
            )
        )
        .select("local_port", udp=pl.col("l4proto") == uapi.IPPROTO_UDP)
        .collect()
    )
    ports = waiting["local_port"].to_numpy().astype(np.intp)
    table[ports + _PORTS * waiting["udp"].to_numpy()] = True
    return table


_PORT_PROTOCOLS: Final = (
    uapi.IPPROTO_TCP,
    uapi.IPPROTO_UDP,
    uapi.IPPROTO_UDPLITE,
    uapi.IPPROTO_SCTP,
    uapi.IPPROTO_DCCP,
)
_PORTLESS: Final = len(_PORT_PROTOCOLS) * _PORTS
_NOTHING: Final = _PORTLESS + 256
_CODES: Final = _NOTHING + 1


def has_ports(l4proto: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether entries of these protocols have ports."""
    lookup = np.zeros(256, np.bool_)
    lookup[list(_PORT_PROTOCOLS)] = True
    return lookup[l4proto]


def code(
    l4proto: npt.NDArray[np.uint8], port: npt.NDArray[np.uint16], nameless: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint32]:
    """A number per service; ``spell`` makes text of it. ``nameless``: rows that get none."""
    base = np.full(256, _NOTHING, np.uint32)
    for protocol in uapi.PROTOCOL_NAMES:
        base[protocol] = _PORTLESS + protocol
    for index, protocol in enumerate(_PORT_PROTOCOLS):
        base[protocol] = index * _PORTS
    codes = base[l4proto]
    np.add(codes, port, out=codes, where=codes < _PORTLESS)
    codes[nameless] = _NOTHING
    return codes


def spell(codes: npt.NDArray[np.uint32]) -> pl.Series:
    """Service codes as text (``tcp/80``, ``icmp``), null for none; Categorical, so four bytes a row."""
    seen = np.zeros(_CODES, np.bool_)
    seen[codes] = True
    present = np.flatnonzero(seen)
    place = np.zeros(_CODES, np.uint32)
    place[present] = np.arange(len(present), dtype=np.uint32)
    names = pl.Series("service", [_text(int(one)) for one in present], dtype=pl.String)
    return names.cast(pl.Categorical)[pl.Series(place[codes])]


def _text(one: int) -> str | None:
    if one == _NOTHING:
        return None
    if one >= _PORTLESS:
        return uapi.PROTOCOL_NAMES[one - _PORTLESS]
    return f"{uapi.PROTOCOL_NAMES[_PORT_PROTOCOLS[one // _PORTS]]}/{one % _PORTS}"


def number(protocol: str, port: int) -> int | None:
    """The code of a service given as ``("tcp", 80)``; None for a protocol without ports."""
    for index, known in enumerate(_PORT_PROTOCOLS):
        if uapi.PROTOCOL_NAMES[known] == protocol.lower() and 0 <= port < _PORTS:
            return index * _PORTS + port
    return None


def common_name(service: str | None) -> str | None:
    """What a service is usually called (``web`` for ``tcp/80``); None where no name is usual."""
    transport, _, port = (service or "").partition("/")
    return NAMES.get(int(port)) if transport in {"tcp", "udp", "sctp"} and port.isdigit() else None
