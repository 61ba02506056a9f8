"""The model and the running kernel side by side: many flows, a packet each a round, all compared.

A round's entries are read back in one dump, so that they are compared after every packet. Where an entry
is about to run out, nobody can say on which side of that moment the kernel will see its packet: its flow
waits for a later round.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from halftrack.kernel import ctnetlink
from halftrack.tcp.segments import Segment
from kernel.wire import CLIENTS, SERVER, segment

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection
    from halftrack.tcp.tracker import Step, Tracker
    from kernel.crafting import Crafter, Made
    from kernel.wire import Wire

_CLIENT_PORT: Final = 2000
SERVER_END: Final = (SERVER, 80)
UNSURE_S: Final = 0.3
"""How near to its end an entry's fate depends on who looks first."""
COLUMNS: Final = (
    "by_server",
    "state",
    "status",
    "tcp_flags_orig",
    "tcp_flags_reply",
    "tcp_wscale_orig",
    "tcp_wscale_reply",
    "orig_packets",
    "reply_packets",
)
_FRAME_COLUMNS: Final = COLUMNS[1:]


@dataclass
class Flow:
    """One client port that talks to the server. ``history``: segments since the kernel knows nothing."""

    client: tuple[int, int]
    last: Made | None = None
    history: list[tuple[float, Made, Step]] = field(default_factory=list)


class Disagreement(AssertionError):
    """Kernel and model differ; the message tells the packets that lead to it."""


class Comparison:
    """``packets``: compared so far; ``waited``: left out of a round because it was unsure."""

    def __init__(self, wire: Wire, tracker: Tracker, crafter: Crafter, flows: int) -> None:
        self.wire = wire
        self.tracker = tracker
        self.crafter = crafter
        self.flows = [Flow((CLIENTS + number, _CLIENT_PORT)) for number in range(flows)]
        self.packets = 0
        self.waited = 0

    def round(self) -> None:
        """One packet a flow, then all entries. Raises Disagreement."""
        for flow in self.flows:
            self._exchange(flow)
        self._compare_entries()

    def _exchange(self, flow: Flow) -> None:
        client = flow.client
        entry = self.tracker.connection(client, SERVER_END)
        now = time.monotonic()
        if entry is not None:
            left = entry.deadline - now
            if left <= 0:
                entry = None
            if -UNSURE_S < left < UNSURE_S:
                self.waited += 1
                return
        made = self.crafter.next(entry, client, flow.last)
        flow.last = made
        by_client, flags, seq, ack, window, length, options = made
        ends = (client, SERVER_END) if by_client else (SERVER_END, client)
        now = time.monotonic()
        verdict = self.wire.send(segment(*ends, made))
        step = self.tracker.tcp(now, *ends, Segment(flags, seq, ack, window, length, options=options))
        flow.history.append((now, made, step))
        self.packets += 1
        if step.verdict != verdict:
            raise Disagreement(f"verdict {verdict} of the kernel, {step.verdict} of the model\n{told(flow)}")

    def _compare_entries(self) -> None:
        before = time.monotonic()
        theirs, their_left, present = self._dumped()
        after = time.monotonic()
        entries = [self.tracker.connection(flow.client, SERVER_END) for flow in self.flows]
        deadlines = np.array([0.0 if entry is None else entry.deadline for entry in entries])
        alive = deadlines > after
        sure = (deadlines < before - UNSURE_S) | (deadlines > after + UNSURE_S)
        ours = np.array([_row(entry) if entry else _NOTHING for entry in entries], np.int64)
        wrong = sure & (present != alive)
        both = sure & present & alive
        wrong |= both & (ours != theirs).any(axis=1)
        late = their_left > deadlines - before + 0.1
        early = their_left < deadlines - after - 1.1
        wrong |= both & (late | early)
        for number in np.flatnonzero(wrong):
            flow = self.flows[int(number)]
            kernel = (
                dict(zip(COLUMNS, theirs[number].tolist(), strict=True)) if present[number] else "no entry"
            )
            model = dict(zip(COLUMNS, ours[number].tolist(), strict=True)) if alive[number] else "no entry"
            raise Disagreement(
                f"kernel {kernel} {their_left[number]} s\nmodel  {model} {deadlines[number] - after:.2f} s\n{told(flow)}"
            )

    def _dumped(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        frame = ctnetlink.dump(netns_path=self.wire.netns.path).flows.frame
        source = frame["orig_src_lo"].to_numpy().astype(np.int64) & 0xFFFF_FFFF
        target = frame["orig_dst_lo"].to_numpy().astype(np.int64) & 0xFFFF_FFFF
        by_server = source == SERVER
        number = np.where(by_server, target, source) - CLIENTS
        rows = np.zeros((len(self.flows), len(COLUMNS)), np.int64)
        left = np.zeros(len(self.flows), np.int64)
        present = np.zeros(len(self.flows), bool)
        rows[number, 0] = by_server
        for at, name in enumerate(_FRAME_COLUMNS, 1):
            rows[number, at] = frame[name].to_numpy()
        left[number] = frame["timeout"].to_numpy()
        present[number] = True
        return rows, left, present


_NOTHING: Final = (0,) * len(COLUMNS)


def _row(entry: Connection) -> tuple[int, ...]:
    original, reply = entry.original, entry.reply
    return (
        entry.source == SERVER_END,
        entry.state,
        entry.status,
        original.flags,
        reply.flags,
        original.td_scale,
        reply.td_scale,
        entry.packets_original,
        entry.packets_reply,
    )


def told(flow: Flow, most: int = 40) -> str:
    """A flow's packets in words, the last of them."""
    lines = []
    for now, made, step in flow.history[-most:]:
        lines.append(f"{now:.3f} {made}\n    {step}")
    return "\n".join(lines)
