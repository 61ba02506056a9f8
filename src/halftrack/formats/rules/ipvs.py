"""``/proc/net/ip_vs``: the services of the kernel's load balancer (net/netfilter/ipvs/ip_vs_ctl.c)."""

from __future__ import annotations

import re
from typing import Final

from halftrack.evidence import uapi
from halftrack.evidence.rulesets import VirtualService
from halftrack.formats.rules import bounds, numbers

_PROTOCOLS: Final = {"TCP": uapi.IPPROTO_TCP, "UDP": uapi.IPPROTO_UDP, "SCTP": uapi.IPPROTO_SCTP}
_SERVICE: Final = re.compile(r"(TCP|UDP|SCTP)\s+(?:([0-9A-F]{8})|\[([0-9a-fA-F:.]{2,45})\]):([0-9A-F]{4})\s")
_MARK: Final = re.compile(r"FWM\s+([0-9A-F]{1,8})\s")


def services(text: str) -> tuple[VirtualService, ...]:
    """Raises Unreadable where a line of a service is not understood."""
    bounds.check(text)
    found = []
    for line in text.splitlines():
        if not line.startswith(("TCP ", "UDP ", "SCTP ", "FWM ")):
            continue
        service = _service(line + " ")
        if service is None:
            raise bounds.Unreadable(f"a service that is not understood: {bounds.quoted(line)}")
        found.append(service)
        bounds.check_number(len(found))
    return tuple(found)


def _service(line: str) -> VirtualService | None:
    text = bounds.quoted(line)
    if mark := _MARK.match(line):
        return VirtualService(mark=int(mark[1], 16), text=text)
    if not (told := _SERVICE.match(line)):
        return None
    try:
        address = numbers.mapped(bytes.fromhex(told[2])) if told[2] else numbers.address(told[3])
    except ValueError:
        return None
    return VirtualService(_PROTOCOLS[told[1]], address, int(told[4], 16), text=text)
