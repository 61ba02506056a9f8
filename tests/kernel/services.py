"""Timeout policies of single services in a scratch namespace, as nft and as iptables attach them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.kernel import cttimeout
from halftrack.tcp.settings import SYN_SENT2_S, Policy
from halftrack.tcp.table import RETRANS, UNACK

if TYPE_CHECKING:
    from kernel.scratch import Netns

NFT_PORT: Final = 82
TARGET_PORT: Final = 83
_SLOTS: Final = (0, 2100, 2200, 30_000, 2400, 2500, 2600, 2700, 280, SYN_SENT2_S, 0, 0, 3000, 900)
POLICIES: Final = {
    NFT_PORT: Policy(tcp=_SLOTS, by="nft"),
    TARGET_PORT: Policy(tcp=tuple(seconds + 7 for seconds in _SLOTS), by="target"),
}
_STATES: Final = {
    "syn_sent": uapi.TCP_CONNTRACK_SYN_SENT,
    "syn_recv": uapi.TCP_CONNTRACK_SYN_RECV,
    "established": uapi.TCP_CONNTRACK_ESTABLISHED,
    "fin_wait": uapi.TCP_CONNTRACK_FIN_WAIT,
    "close_wait": uapi.TCP_CONNTRACK_CLOSE_WAIT,
    "last_ack": uapi.TCP_CONNTRACK_LAST_ACK,
    "time_wait": uapi.TCP_CONNTRACK_TIME_WAIT,
    "close": uapi.TCP_CONNTRACK_CLOSE,
    "syn_sent2": uapi.TCP_CONNTRACK_SYN_SENT2,
    "retrans": RETRANS,
    "unacknowledged": UNACK,
}
_NAME: Final = "service"


def offer(netns: Netns) -> None:
    """Attach the policies to what goes to and from their ports. nft has no name for SYN_SENT2."""
    given = POLICIES[NFT_PORT].tcp
    policy = ", ".join(
        f"{'unack' if name == 'unacknowledged' else name} : {given[slot]}"
        for name, slot in _STATES.items()
        if name != "syn_sent2"
    )
    netns.run(
        "nft",
        "-f",
        "-",
        stdin=f"""\
table ip services {{
  ct timeout slow {{ protocol tcp; l3proto ip; policy = {{ {policy} }}; }}
  chain attach {{
    type filter hook prerouting priority filter;
    tcp dport {NFT_PORT} ct timeout set "slow"
    tcp sport {NFT_PORT} ct timeout set "slow"
  }}
}}
""",
    )
    timeouts = {name: POLICIES[TARGET_PORT].tcp[slot] for name, slot in _STATES.items()}
    netns.call(lambda: cttimeout.add(_NAME, cttimeout.Policy(uapi.AF_INET, timeouts)))
    for which in ("--dport", "--sport"):
        words = ("-p", "tcp", which, str(TARGET_PORT), "-j", "CT", "--timeout", _NAME)
        netns.run("iptables", "-t", "raw", "-A", "PREROUTING", *words)
