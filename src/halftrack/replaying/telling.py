"""What a packet was, and what became of it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence import uapi
from halftrack.replaying import ends
from halftrack.tcp import rules, settings, table, timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.replaying.flows import Flow
    from halftrack.replaying.following import Packet, Seen
    from halftrack.tcp.tracker import Step

_FLAGS: Final = (
    (table.TH_SYN, "SYN"),
    (table.TH_FIN, "FIN"),
    (table.TH_RST, "RST"),
    (table.TH_PUSH, "PSH"),
    (table.TH_ACK, "ACK"),
    (table.TH_URG, "URG"),
)
_ICMP: Final = {
    (uapi.IPPROTO_ICMP, 8): "echo request",
    (uapi.IPPROTO_ICMP, 0): "echo reply",
    (uapi.IPPROTO_ICMPV6, 128): "echo request",
    (uapi.IPPROTO_ICMPV6, 129): "echo reply",
}
ICMP_ERROR: Final = "icmp-error"
"""Event of a packet that tells of another one: it belongs to that one's entry and leaves it as it is."""
ABOUT: Final = "an ICMP error about this flow: it belongs to the entry and leaves it as it is"
_SERVICES: Final = 1024


class Names:
    """What the two ends are called: client and server where that can be told, else by their addresses."""

    def __init__(self, flow: Flow, seen: Sequence[Seen]) -> None:
        client, self.sure = _client(flow, seen)
        self.client, self.server = client, flow.target if client == flow.source else flow.source

    def of(self, end: ends.End) -> str:
        return "client" if end == self.client else "server"

    def other(self, end: ends.End) -> str:
        return "server" if end == self.client else "client"


def _client(flow: Flow, seen: Sequence[Seen]) -> tuple[ends.End, bool]:
    """Who opened the connection, and whether that was seen; else the one with the port that nobody serves."""
    for one in seen:
        packet = one.packet
        if packet.protocol == uapi.IPPROTO_TCP and one.step is not None and packet.flags & table.TH_SYN:
            return (packet.target if packet.flags & table.TH_ACK else packet.source), True
    (_, source), (_, target) = ends.parts(flow.source), ends.parts(flow.target)
    if source != target and min(source, target) < _SERVICES:
        return (flow.source if source > target else flow.target), False
    return (seen[0].packet.source if seen else flow.source), False


def packet(one: Packet, step: Step | None) -> str:
    """``SYN``, ``ACK, 1,448 bytes``, ``UDP, 57 bytes``, ``echo request``."""
    if one.protocol == uapi.IPPROTO_TCP and step is not None:
        flags = " ".join(name for bit, name in _FLAGS if one.flags & bit) or "no flags"
        return f"{flags}, {words.count(one.length, 'byte')}" if one.length else flags
    name = uapi.PROTOCOL_NAMES.get(one.protocol, f"protocol {one.protocol}").upper()
    if step is None:
        return "ICMP error"
    if one.protocol in uapi.ICMP_PROTOCOLS:
        return _ICMP.get((one.protocol, one.kind or 0), f"{name} type {one.kind}")
    return f"{name}, {words.count(one.length, 'byte')}"


def state(number: int) -> str:
    return uapi.TCP_STATES[number]


def change(step: Step) -> str:
    """``SYN_SENT -> SYN_RECV``, ``ESTABLISHED stays``; empty where no TCP entry is there before or after."""
    none = uapi.TCP_CONNTRACK_NONE
    if step.old == step.new:
        return "" if step.new == none else f"{state(step.new)} stays"
    if step.new == none:
        return f"{state(step.old)} -> removed"
    return f"{'no entry' if step.old == none else state(step.old)} -> {state(step.new)}"


def reason(step: Step) -> str:
    """The rule that chose an entry's time, with the sysctl that says how long."""
    if step.rule is None:
        return "its time is not touched"
    why = rules.TIMEOUTS[step.rule]
    if step.rule != rules.BY_STATE:
        return why
    name = timeouts.TCP_STATE_TIMEOUTS.get(step.new)
    return f"the timeout of {state(step.new)}" + (f", {name}" if name else f", {settings.SYN_SENT2_S} s")


def happened(step: Step) -> str:
    return rules.EVENTS[step.event]
