"""``/proc/net/ip_vs``: the services of the kernel's load balancer (net/netfilter/ipvs/ip_vs_ctl.c)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from halftrack.evidence import uapi
from halftrack.evidence.rulesets import VirtualService
from halftrack.formats.rules import bounds, numbers

_PROTOCOLS: Final = {"TCP": uapi.IPPROTO_TCP, "UDP": uapi.IPPROTO_UDP, "SCTP": uapi.IPPROTO_SCTP}
_SERVICE: Final = re.compile(r"(TCP|UDP|SCTP)\s+(?:([0-9A-F]{8})|\[([0-9a-fA-F:.]{2,45})\]):([0-9A-F]{4})\s")
_DESTINATION: Final = re.compile(
    r"  ->\s+(?:([0-9A-F]{8})|\[([0-9a-fA-F:.]{2,45})\]):([0-9A-F]{4})\s+([A-Za-z]{1,8})?"
)
_PAST: Final = ("Route", "Tunnel")
"""How ip_vs_fwd_name calls it where packets are handed on as they are (include/net/ip_vs.h)."""
_MARK: Final = re.compile(r"FWM\s+([0-9A-F]{1,8})\s")


def services(text: str) -> tuple[VirtualService, ...]:
    """Raises Unreadable where a line of a service is not understood."""
    bounds.check(text)
    found: list[VirtualService] = []
    ends: list[list[tuple[int, int]]] = []
    past: set[int] = set()
    for number, line in enumerate(text.splitlines()):
        bounds.check_number(number)
        if found and (end := _destination(line + " ")) is not None:
            ends[-1].append(end[:2])
            if end[2] in _PAST:
                past.add(len(found) - 1)
        if not line.startswith(("TCP ", "UDP ", "SCTP ", "FWM ")):
            continue
        service = _service(line + " ")
        if service is None:
            raise bounds.Unreadable(f"a service that is not understood: {bounds.quoted(line)}")
        found.append(service)
        ends.append([])
    return tuple(
        replace(one, destinations=tuple(ends[number]), past=number in past)
        for number, one in enumerate(found)
    )


def _destination(line: str) -> tuple[int, int, str | None] | None:
    """Address, port, and how it is handed on."""
    told = _DESTINATION.match(line)
    address = _address(told) if told else None
    return None if told is None or address is None else (address, int(told[3], 16), told[4])


def _service(line: str) -> VirtualService | None:
    text = bounds.quoted(line)
    if mark := _MARK.match(line):
        return VirtualService(mark=int(mark[1], 16), text=text)
    if not (told := _SERVICE.match(line)):
        return None
    address = _address(told, 2)
    if address is None:
        return None
    return VirtualService(_PROTOCOLS[told[1]], address, int(told[4], 16), text=text)


def _address(told: re.Match[str], group: int = 1) -> int | None:
    """In hexadecimal digits, or else as IPv6 is written."""
    try:
        return numbers.mapped(bytes.fromhex(told[group])) if told[group] else numbers.address(told[group + 1])
    except ValueError:
        return None
