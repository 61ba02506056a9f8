"""Numbers of the kernel's connection tracking, under the kernel's names.

Sources: ``include/uapi/linux/netfilter/nf_conntrack_common.h`` (IPS_*),
``nf_conntrack_tcp.h`` (TCP_CONNTRACK_*, IP_CT_TCP_FLAG_*), ``nf_conntrack_sctp.h``
(SCTP_CONNTRACK_*), ``nfnetlink.h`` (NFNL_*), ``nfnetlink_conntrack.h`` (IPCTNL_*, CTA_*);
``include/linux/netfilter/nf_conntrack_dccp.h`` (CT_DCCP_*), ``include/uapi/linux/in.h``
(IPPROTO_*), ``include/net/tcp_states.h`` (TCP_ESTABLISHED to TCP_CLOSING),
``include/net/netfilter/nf_conntrack_zones.h`` (NF_CT_ZONE_DIR_*).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

AF_INET: Final = 2
AF_INET6: Final = 10

IPPROTO_ICMP: Final = 1
IPPROTO_IGMP: Final = 2
IPPROTO_TCP: Final = 6
IPPROTO_UDP: Final = 17
IPPROTO_DCCP: Final = 33
IPPROTO_GRE: Final = 47
IPPROTO_ICMPV6: Final = 58
IPPROTO_SCTP: Final = 132
IPPROTO_UDPLITE: Final = 136

PROTOCOL_NAMES: Final = MappingProxyType(
    {
        IPPROTO_ICMP: "icmp",
        IPPROTO_IGMP: "igmp",
        IPPROTO_TCP: "tcp",
        IPPROTO_UDP: "udp",
        IPPROTO_DCCP: "dccp",
        IPPROTO_GRE: "gre",
        IPPROTO_ICMPV6: "icmpv6",
        IPPROTO_SCTP: "sctp",
        IPPROTO_UDPLITE: "udplite",
    }
)
"""Protocols that the tracker has a name for; any other one is shown by its number."""

PORT_PROTOCOLS: Final = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_UDPLITE)
"""Protocols whose tuple holds ports."""
ICMP_PROTOCOLS: Final = (IPPROTO_ICMP, IPPROTO_ICMPV6)

TCP_ESTABLISHED: Final = 1
TCP_FIN_WAIT1: Final = 4
TCP_FIN_WAIT2: Final = 5
TCP_CLOSE: Final = 7
"""Also what an unconnected UDP socket shows."""
TCP_CLOSE_WAIT: Final = 8
TCP_LAST_ACK: Final = 9
TCP_LISTEN: Final = 10
TCP_CLOSING: Final = 11
# A socket's states; the tracker's are those below.

TCP_CONNTRACK_NONE: Final = 0
TCP_CONNTRACK_SYN_SENT: Final = 1
TCP_CONNTRACK_SYN_RECV: Final = 2
TCP_CONNTRACK_ESTABLISHED: Final = 3
TCP_CONNTRACK_FIN_WAIT: Final = 4
TCP_CONNTRACK_CLOSE_WAIT: Final = 5
TCP_CONNTRACK_LAST_ACK: Final = 6
TCP_CONNTRACK_TIME_WAIT: Final = 7
TCP_CONNTRACK_CLOSE: Final = 8
TCP_CONNTRACK_SYN_SENT2: Final = 9

TCP_OPENING: Final = (TCP_CONNTRACK_SYN_SENT, TCP_CONNTRACK_SYN_RECV, TCP_CONNTRACK_SYN_SENT2)
"""States of a handshake that is not over."""

TCP_STATES: Final = (
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
)
"""Index: the state number. Kernels before 2.6.31 print ``LISTEN`` for number 9."""

SCTP_CONNTRACK_NONE: Final = 0
SCTP_CONNTRACK_CLOSED: Final = 1
SCTP_CONNTRACK_COOKIE_WAIT: Final = 2
SCTP_CONNTRACK_COOKIE_ECHOED: Final = 3
SCTP_CONNTRACK_ESTABLISHED: Final = 4
SCTP_CONNTRACK_SHUTDOWN_SENT: Final = 5
SCTP_CONNTRACK_SHUTDOWN_RECD: Final = 6
SCTP_CONNTRACK_SHUTDOWN_ACK_SENT: Final = 7
SCTP_CONNTRACK_HEARTBEAT_SENT: Final = 8
SCTP_CONNTRACK_HEARTBEAT_ACKED: Final = 9

SCTP_STATES: Final = (
    "NONE",
    "CLOSED",
    "COOKIE_WAIT",
    "COOKIE_ECHOED",
    "ESTABLISHED",
    "SHUTDOWN_SENT",
    "SHUTDOWN_RECD",
    "SHUTDOWN_ACK_SENT",
    "HEARTBEAT_SENT",
    "HEARTBEAT_ACKED",
)

CT_DCCP_NONE: Final = 0
CT_DCCP_REQUEST: Final = 1
CT_DCCP_RESPOND: Final = 2
CT_DCCP_PARTOPEN: Final = 3
CT_DCCP_OPEN: Final = 4
CT_DCCP_CLOSEREQ: Final = 5
CT_DCCP_CLOSING: Final = 6
CT_DCCP_TIMEWAIT: Final = 7
CT_DCCP_IGNORE: Final = 8
CT_DCCP_INVALID: Final = 9

DCCP_STATES: Final = (
    "NONE",
    "REQUEST",
    "RESPOND",
    "PARTOPEN",
    "OPEN",
    "CLOSEREQ",
    "CLOSING",
    "TIMEWAIT",
    "IGNORE",
    "INVALID",
)
STATE_NAMES: Final = MappingProxyType(
    {IPPROTO_TCP: TCP_STATES, IPPROTO_SCTP: SCTP_STATES, IPPROTO_DCCP: DCCP_STATES}
)
"""State names by protocol; other protocols have no state."""

IPS_EXPECTED: Final = 1 << 0
IPS_SEEN_REPLY: Final = 1 << 1
IPS_ASSURED: Final = 1 << 2
IPS_CONFIRMED: Final = 1 << 3
IPS_SRC_NAT: Final = 1 << 4
IPS_DST_NAT: Final = 1 << 5
IPS_SEQ_ADJUST: Final = 1 << 6
IPS_SRC_NAT_DONE: Final = 1 << 7
IPS_DST_NAT_DONE: Final = 1 << 8
IPS_DYING: Final = 1 << 9
IPS_FIXED_TIMEOUT: Final = 1 << 10
IPS_TEMPLATE: Final = 1 << 11
IPS_NAT_CLASH: Final = 1 << 12
IPS_HELPER: Final = 1 << 13
IPS_OFFLOAD: Final = 1 << 14
IPS_HW_OFFLOAD: Final = 1 << 15
IPS_NAT_MASK: Final = IPS_SRC_NAT | IPS_DST_NAT
IPS_OFFLOAD_MASK: Final = IPS_OFFLOAD | IPS_HW_OFFLOAD
"""Packets pass elsewhere: the tracker sees none of them."""

STATUS_NAMES: Final = MappingProxyType(
    {
        IPS_EXPECTED: "expected",
        IPS_SEEN_REPLY: "seen-reply",
        IPS_ASSURED: "assured",
        IPS_CONFIRMED: "confirmed",
        IPS_SRC_NAT: "src-nat",
        IPS_DST_NAT: "dst-nat",
        IPS_SEQ_ADJUST: "seq-adjust",
        IPS_SRC_NAT_DONE: "src-nat-done",
        IPS_DST_NAT_DONE: "dst-nat-done",
        IPS_DYING: "dying",
        IPS_FIXED_TIMEOUT: "fixed-timeout",
        IPS_TEMPLATE: "template",
        IPS_NAT_CLASH: "nat-clash",
        IPS_HELPER: "helper",
        IPS_OFFLOAD: "offload",
        IPS_HW_OFFLOAD: "hw-offload",
    }
)

IP_CT_TCP_FLAG_WINDOW_SCALE: Final = 0x01
IP_CT_TCP_FLAG_SACK_PERM: Final = 0x02
IP_CT_TCP_FLAG_CLOSE_INIT: Final = 0x04
IP_CT_TCP_FLAG_BE_LIBERAL: Final = 0x08
IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED: Final = 0x10
IP_CT_TCP_FLAG_MAXACK_SET: Final = 0x20

NF_CT_ZONE_DIR_ORIG: Final = 1
NF_CT_ZONE_DIR_REPL: Final = 2
NF_CT_DEFAULT_ZONE_DIR: Final = 3
"""The zone counts for both directions."""

NFNL_SUBSYS_CTNETLINK: Final = 1
NFNL_SUBSYS_NFTABLES: Final = 10
IPCTNL_MSG_CT_NEW: Final = 0
IPCTNL_MSG_CT_GET: Final = 1
IPCTNL_MSG_CT_DELETE: Final = 2

# Attributes of a message, then those inside its nests.
CTA_TUPLE_ORIG: Final = 1
CTA_TUPLE_REPLY: Final = 2
CTA_STATUS: Final = 3
CTA_PROTOINFO: Final = 4
CTA_HELP: Final = 5
CTA_NAT_SRC: Final = 6
CTA_TIMEOUT: Final = 7
CTA_MARK: Final = 8
CTA_COUNTERS_ORIG: Final = 9
CTA_COUNTERS_REPLY: Final = 10
CTA_ID: Final = 12
CTA_NAT_DST: Final = 13
CTA_ZONE: Final = 18
CTA_SECCTX: Final = 19
CTA_TIMESTAMP: Final = 20
CTA_MARK_MASK: Final = 21
CTA_LABELS: Final = 22
CTA_FILTER: Final = 25
CTA_STATUS_MASK: Final = 26

CTA_TUPLE_IP: Final = 1
CTA_TUPLE_PROTO: Final = 2
CTA_TUPLE_ZONE: Final = 3

CTA_IP_V4_SRC: Final = 1
CTA_IP_V4_DST: Final = 2
CTA_IP_V6_SRC: Final = 3
CTA_IP_V6_DST: Final = 4

CTA_PROTO_NUM: Final = 1
CTA_PROTO_SRC_PORT: Final = 2
CTA_PROTO_DST_PORT: Final = 3
CTA_PROTO_ICMP_ID: Final = 4
CTA_PROTO_ICMP_TYPE: Final = 5
CTA_PROTO_ICMP_CODE: Final = 6
CTA_PROTO_ICMPV6_ID: Final = 7
CTA_PROTO_ICMPV6_TYPE: Final = 8
CTA_PROTO_ICMPV6_CODE: Final = 9

CTA_PROTOINFO_TCP: Final = 1
CTA_PROTOINFO_DCCP: Final = 2
CTA_PROTOINFO_SCTP: Final = 3

CTA_PROTOINFO_TCP_STATE: Final = 1
CTA_PROTOINFO_TCP_WSCALE_ORIGINAL: Final = 2
CTA_PROTOINFO_TCP_WSCALE_REPLY: Final = 3
CTA_PROTOINFO_TCP_FLAGS_ORIGINAL: Final = 4
CTA_PROTOINFO_TCP_FLAGS_REPLY: Final = 5
CTA_PROTOINFO_DCCP_STATE: Final = 1
CTA_PROTOINFO_SCTP_STATE: Final = 1
CTA_PROTOINFO_SCTP_VTAG_ORIGINAL: Final = 2
CTA_PROTOINFO_SCTP_VTAG_REPLY: Final = 3

CTA_NAT_V4_MINIP: Final = 1
CTA_NAT_V4_MAXIP: Final = 2
CTA_NAT_PROTO: Final = 3
CTA_NAT_V6_MINIP: Final = 4
CTA_NAT_V6_MAXIP: Final = 5
CTA_PROTONAT_PORT_MIN: Final = 1
CTA_PROTONAT_PORT_MAX: Final = 2

CTA_COUNTERS_PACKETS: Final = 1
CTA_COUNTERS_BYTES: Final = 2
CTA_HELP_NAME: Final = 1
CTA_SECCTX_NAME: Final = 1
CTA_TIMESTAMP_START: Final = 1
CTA_FILTER_ORIG_FLAGS: Final = 1
