"""One flow through kernel and model, packet by packet; for sequences that somebody thought of."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.netlink_messages import CT_GET, NLA_F_NESTED, NLM_F_REQUEST, attribute, attributes
from halftrack.tcp.segments import Segment
from kernel.comparing import Disagreement, Flow, check_undisturbed, named, row, told
from kernel.ledger import LEDGER
from kernel.wire import CLIENTS, segment

if TYPE_CHECKING:
    import socket

    from halftrack.tcp.entry import Connection
    from halftrack.tcp.settings import Settings
    from halftrack.tcp.tracker import Step, Tracker
    from kernel.crafting import Made
    from kernel.wire import Wire

_NESTED: Final = NLA_F_NESTED
_PATIENCE_S: Final = 5.0
_SLACK_S: Final = 0.2


class Exchange:
    """Each ``begin`` is another client, of which neither kernel nor model knows anything."""

    def __init__(self, wire: Wire, tracker: Tracker) -> None:
        self.wire = wire
        self.tracker = tracker
        self._socket: socket.socket = netlink.open_socket(netlink.NETLINK_NETFILTER, wire.netns.path)
        self._begun = 0
        self.flow = Flow((0, 0))

    def close(self) -> None:
        self._socket.close()

    def apply(self, settings: Settings) -> None:
        self.wire.apply(settings)
        self.tracker.settings = settings

    def begin(self) -> None:
        self._begun += 1
        self.flow = Flow((CLIENTS + self._begun % 60_000, 3000 + self._begun // 60_000))

    @property
    def entry(self) -> Connection | None:
        return self.tracker.connection(self.flow.client, self.flow.server)

    def send(self, made: Made) -> Step:
        """Let both see a segment. Raises Disagreement, or Disturbed."""
        try:
            step = self._send(made)
        except Disagreement as found:
            check_undisturbed(self.wire, found)
            LEDGER.disagreements += 1
            raise
        LEDGER.packets += 1
        return step

    def _send(self, made: Made) -> Step:
        client, server = self.flow.client, self.flow.server
        ends = (client, server) if made.by_client else (server, client)
        now = time.monotonic()
        verdict = self.wire.send(segment(*ends, made))
        late = time.monotonic() - now
        ours = Segment(made.flags, made.seq, made.ack, made.window, made.length, options=made.options)
        step = self.tracker.tcp(now, *ends, ours)
        self.flow.history.append((now, made, step))
        if step.verdict != verdict:
            raise Disagreement(
                f"verdict {verdict} of the kernel, {step.verdict} of the model\n{self._told()}"
            )
        self._compare(late)
        return step

    def _compare(self, late: float) -> None:
        """``late``: how much later than the model the kernel may have seen the last segment."""
        before = time.monotonic()
        found = self._ask()
        after = time.monotonic()
        entry = self.entry
        if entry is None or found is None:
            if entry is not None or found is not None:
                raise Disagreement(f"kernel {found}, model {entry and row(entry)}\n{self._told()}")
            return
        theirs, left = found
        least, most = entry.deadline - after - 1 - _SLACK_S, entry.deadline - before + late + _SLACK_S
        if theirs != row(entry) or not least <= left <= most:
            raise Disagreement(
                f"kernel {named(list(theirs))} {left} s\nmodel  {named(list(row(entry)))} {most:.1f} s\n{self._told()}"
            )

    def _told(self) -> str:
        return told(self.flow)

    def _ask(self) -> tuple[tuple[int, ...], int] | None:
        """The kernel's entry as ``comparing.COLUMNS``, and what it has left in seconds."""
        (client, client_port), (server, server_port) = self.flow.client, self.flow.server
        ip = attribute(uapi.CTA_IP_V4_SRC, struct.pack("!I", client))
        ip += attribute(uapi.CTA_IP_V4_DST, struct.pack("!I", server))
        proto = attribute(uapi.CTA_PROTO_NUM, bytes([uapi.IPPROTO_TCP]))
        proto += attribute(uapi.CTA_PROTO_SRC_PORT, struct.pack("!H", client_port))
        proto += attribute(uapi.CTA_PROTO_DST_PORT, struct.pack("!H", server_port))
        nest = attribute(uapi.CTA_TUPLE_IP | _NESTED, ip) + attribute(uapi.CTA_TUPLE_PROTO | _NESTED, proto)
        wanted = attribute(uapi.CTA_TUPLE_ORIG | _NESTED, nest)
        payload = struct.pack("=BBH", uapi.AF_INET, 0, 0) + wanted
        number = netlink_messages.sequence()
        self._socket.send(netlink_messages.message(CT_GET, NLM_F_REQUEST, number, payload))
        try:
            body = netlink.answer(self._socket, number, time.monotonic() + _PATIENCE_S)
        except FileNotFoundError:
            return None
        found = attributes(body[4:])
        source = attributes(attributes(found[uapi.CTA_TUPLE_ORIG])[uapi.CTA_TUPLE_IP])[uapi.CTA_IP_V4_SRC]
        tcp = attributes(attributes(found[uapi.CTA_PROTOINFO])[uapi.CTA_PROTOINFO_TCP])
        counters = [
            int.from_bytes(attributes(found[way])[uapi.CTA_COUNTERS_PACKETS], "big")
            for way in (uapi.CTA_COUNTERS_ORIG, uapi.CTA_COUNTERS_REPLY)
        ]
        theirs = (
            int.from_bytes(source, "big") == server,
            tcp[uapi.CTA_PROTOINFO_TCP_STATE][0],
            int.from_bytes(found[uapi.CTA_STATUS], "big"),
            tcp[uapi.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL][0],
            tcp[uapi.CTA_PROTOINFO_TCP_FLAGS_REPLY][0],
            tcp[uapi.CTA_PROTOINFO_TCP_WSCALE_ORIGINAL][0],
            tcp[uapi.CTA_PROTOINFO_TCP_WSCALE_REPLY][0],
            *counters,
        )
        return theirs, int.from_bytes(found[uapi.CTA_TIMEOUT], "big")
