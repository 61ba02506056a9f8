"""Having the tracker see a scratch namespace's packets: it does once a rule there asks for their state."""

from __future__ import annotations

import contextlib
from typing import Final

from halftrack.errors import HalftrackError
from halftrack.kernel import iptables, tools

TABLE: Final = "halftrack_scratch"
_NFT: Final = f"""table inet {TABLE} {{
  chain in {{ type filter hook prerouting priority 0; ct state new; }}
  chain out {{ type filter hook output priority 0; ct state new; }}
}}
"""
_IPTABLES: Final = (
    "*mangle\n-A PREROUTING -m conntrack --ctstate NEW\n-A OUTPUT -m conntrack --ctstate NEW\nCOMMIT\n"
)


def begin() -> None:
    """In the calling thread's namespace. Raises HalftrackError."""
    if tools.find("nft") is not None:
        tools.run(["nft", "-f", "-"], _NFT)
        return
    for family in ("ip", "ip6"):
        kind: iptables.Family = "ip6" if family == "ip6" else "ip"
        with contextlib.suppress(HalftrackError) if family == "ip6" else contextlib.nullcontext():
            iptables.restore(kind, iptables.flavour(kind), _IPTABLES)


def end() -> None:
    """Take away what ``begin`` made: with no other rule that asks, nothing is tracked. HalftrackError."""
    if tools.find("nft") is not None:
        tools.run(["nft", "delete", "table", "inet", TABLE])
        return
    for family in ("ip", "ip6"):
        kind: iptables.Family = "ip6" if family == "ip6" else "ip"
        with contextlib.suppress(HalftrackError) if family == "ip6" else contextlib.nullcontext():
            iptables.restore(kind, iptables.flavour(kind), _IPTABLES.replace("-A ", "-D "))
