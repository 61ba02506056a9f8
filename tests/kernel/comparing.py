"""The model and the running kernel side by side: many flows, a packet each a round, all compared.

A round's entries are read back in one dump, so that they are compared after every packet. Where an entry
is about to run out, nobody can say on which side of that moment the kernel will see its packet: its flow
waits for a later round. A flow whose packet took too long on a busy machine begins again.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import numpy.typing as npt

from halftrack.kernel import counters, ctnetlink
from halftrack.tcp.segments import Segment
from kernel.ledger import LEDGER
from kernel.wire import CLIENTS, SERVER, segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.tcp.entry import Connection
    from halftrack.tcp.settings import Policy
    from halftrack.tcp.tracker import Step, Tracker
    from kernel.crafting import Crafter, Made
    from kernel.wire import Wire

_CLIENT_PORT: Final = 2000
PORT: Final = 80
UNSURE_S: Final = 0.4
"""How near to its end an entry's fate depends on who looks first."""
LATE_S: Final = 0.1
Seen = Counter[tuple[str, str | None]]
"""Packets compared, by event and by the rule of their timeout."""
_Told = TypeVar("_Told")
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
_NOTHING: Final = (0,) * len(COLUMNS)


@dataclass
class Flow:
    """One client port that talks to the server. ``history``: what it sent, since it began."""

    client: tuple[int, int]
    server: tuple[int, int] = (SERVER, PORT)
    policy: Policy | None = None
    last: Made | None = None
    repeated: bool = False
    history: list[tuple[float, Made, Step]] = field(default_factory=list)

    def begin_again(self) -> None:
        """From another port, as nobody knows what became of this one."""
        self.client = (self.client[0], self.client[1] + 1)
        self.last, self.repeated = None, False
        self.history.clear()


class Disagreement(AssertionError):
    """Kernel and model differ; the message tells the packets that lead to it."""


class Disturbed(Exception):
    """Somebody else's doing: the table was full for a moment, or the machine too busy to tell the time."""


class Comparison:
    """``packets``: compared so far; ``seen``: how often each event with the rule of its timeout."""

    def __init__(self, wire: Wire, tracker: Tracker, crafter: Crafter, flows: int) -> None:
        self.wire = wire
        self.tracker = tracker
        self.crafter = crafter
        self.flows = [Flow((CLIENTS + number, _CLIENT_PORT)) for number in range(flows)]
        self.packets = 0
        self.seen: Seen = Counter()

    def round(self) -> None:
        """One packet a flow, then all entries. Raises Disagreement, or Disturbed."""
        try:
            for flow in self.flows:
                self._exchange(flow)
            self._compare_entries()
        except Disagreement as found:
            check_undisturbed(self.wire, found)
            raise

    def _exchange(self, flow: Flow) -> None:
        client, server = flow.client, flow.server
        entry = self.tracker.connection(client, server)
        now = time.monotonic()
        if entry is not None:
            left = entry.deadline - now
            if left <= 0:
                entry = None
            if -UNSURE_S < left < UNSURE_S:
                return
        made = self.crafter.next(entry, client, flow.last, repeated=flow.repeated)
        flow.repeated = made is flow.last
        flow.last = made
        by_client, flags, seq, ack, window, length, options = made
        ends = (client, server) if by_client else (server, client)
        packet = segment(*ends, made)
        now = time.monotonic()
        verdict = self.wire.send(packet)
        late = time.monotonic() - now > LATE_S
        ours = Segment(flags, seq, ack, window, length, options=options)
        step = self.tracker.tcp(now, *ends, ours, policy=flow.policy)
        if late:
            flow.begin_again()
            return
        flow.history.append((now, made, step))
        self.packets += 1
        self.seen[step.event, step.rule] += 1
        if step.verdict != verdict:
            raise Disagreement(f"verdict {verdict} of the kernel, {step.verdict} of the model\n{told(flow)}")

    def _compare_entries(self) -> None:
        before = time.monotonic()
        theirs, their_left, present = self._dumped()
        after = time.monotonic()
        entries = [self.tracker.connection(flow.client, flow.server) for flow in self.flows]
        deadlines = np.array([0.0 if entry is None else entry.deadline for entry in entries])
        alive = deadlines > after
        sure = (deadlines < before - UNSURE_S) | (deadlines > after + UNSURE_S)
        ours = np.array([row(entry) if entry else _NOTHING for entry in entries], np.int64)
        wrong = sure & (present != alive)
        both = sure & present & alive
        wrong |= both & (ours != theirs).any(axis=1)
        late = their_left > deadlines - before + LATE_S
        early = their_left < deadlines - after - 1 - LATE_S
        wrong |= both & (late | early)
        for number in np.flatnonzero(wrong):
            kernel = named(theirs[number].tolist()) if present[number] else "no entry"
            model = named(ours[number].tolist()) if alive[number] else "no entry"
            raise Disagreement(
                f"kernel {kernel} {their_left[number]} s\n"
                f"model  {model} {deadlines[number] - after:.2f} s\n{told(self.flows[int(number)])}"
            )

    def _dumped(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Rows of COLUMNS, seconds left, and whether there is an entry at all, by flow."""
        frame = ctnetlink.dump(netns_path=self.wire.netns.path).flows.frame

        def column(name: str) -> npt.NDArray[np.int64]:
            return frame[name].to_numpy().astype(np.int64)

        source, target = column("orig_src_lo") & 0xFFFF_FFFF, column("orig_dst_lo") & 0xFFFF_FFFF
        by_server = source == SERVER
        number = np.where(by_server, target, source) - CLIENTS
        port = np.where(by_server, column("orig_dport"), column("orig_sport"))
        current = port == np.array([flow.client[1] for flow in self.flows])[number]
        number = number[current]
        rows = np.zeros((len(self.flows), len(COLUMNS)), np.int64)
        left = np.zeros(len(self.flows), np.int64)
        present = np.zeros(len(self.flows), bool)
        rows[number, 0] = by_server[current]
        for at, name in enumerate(COLUMNS[1:], 1):
            rows[number, at] = column(name)[current]
        left[number] = column("timeout")[current]
        present[number] = True
        return rows, left, present


def agreeing(compare: Callable[[], _Told]) -> _Told:
    """What a comparison returns that nobody disturbed, of at most three; packets seen go into the ledger."""
    for _ in range(2):
        try:
            return _noted(compare)
        except Disturbed:
            continue
    return _noted(compare)


def _noted(compare: Callable[[], _Told]) -> _Told:
    try:
        seen = compare()
    except Disagreement:
        LEDGER.disagreements += 1
        raise
    if isinstance(seen, Counter):
        LEDGER.packets += seen.total()
    return seen


def check_undisturbed(wire: Wire, found: Disagreement) -> None:
    """Raise Disturbed where entries of the namespace were given up or refused, which no model foresees."""
    reading = wire.netns.call(counters.read)
    if reading is not None and any(
        reading.counters().values.get(name) for name in ("early_drop", "drop", "insert_failed")
    ):
        raise Disturbed("entries were given up or refused") from found


def row(entry: Connection) -> tuple[int, ...]:
    """The model's entry in COLUMNS."""
    original, reply = entry.original, entry.reply
    return (
        entry.source[0] == SERVER,
        entry.state,
        entry.status,
        original.flags,
        reply.flags,
        original.td_scale,
        reply.td_scale,
        entry.packets_original,
        entry.packets_reply,
    )


def named(values: list[int]) -> dict[str, int]:
    """A row by the names of its columns."""
    return dict(zip(COLUMNS, values, strict=True))


def told(flow: Flow, most: int = 40) -> str:
    """A flow's packets in words, the last of them."""
    return "\n".join(f"{now:.3f} {made}\n    {step}" for now, made, step in flow.history[-most:])
