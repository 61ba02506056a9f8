"""Mades that a tracker finds hard: near the edges of what it believes of a connection, and far away.

The crafter looks into the model to know where those edges are. It is not the judge: whatever it makes
goes to kernel and model alike.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from halftrack.evidence import uapi
from halftrack.tcp.table import SYN, TH_ACK, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection, Side


class Made(NamedTuple):
    """``by_client``: who sends it; the rest as in its header."""

    by_client: bool
    flags: int
    seq: int
    ack: int
    window: int
    length: int
    options: bytes


MASK: Final = 0xFFFF_FFFF
_SYN_OPTIONS: Final = (
    b"",
    b"\x02\x04\x05\xb4",
    b"\x02\x04\x05\xb4\x04\x02\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x01\x03\x03\x07",
    b"\x02\x04\x05\xb4\x01\x03\x03\x02\x01\x01\x04\x02",
    b"\x03\x03\x0e\x01",
    b"\x03\x03\xff\x01",
    b"\x03\x03\x00\x01",
    b"\x04\x02\x01\x01",
    b"\x01\x01\x01\x01",
    b"\x00\x03\x03\x07",
    b"\x03\x04\x07\x00",
    b"\x05\x01\x03\x03",
    b"\x03\x03\x05\x03\x03\x02\x04\x02",
    b"\x02\x04\x05\xb4\x03\x09\x07\x01",
)
_TIMESTAMP: Final = b"\x01\x01\x08\x0a\x00\x00\x00\x02\x00\x00\x00\x01"
_FLAGS: Final = (
    *(TH_ACK,) * 30,
    *(TH_ACK | TH_PUSH,) * 8,
    *(TH_SYN,) * 9,
    *(TH_SYN | TH_ACK,) * 9,
    *(TH_FIN | TH_ACK,) * 12,
    *(TH_RST,) * 6,
    *(TH_RST | TH_ACK,) * 7,
    TH_ACK | TH_URG,
    TH_FIN | TH_ACK | TH_URG | TH_PUSH,
    TH_SYN | TH_URG,
    TH_SYN | 0xC0,
    TH_FIN,
    0,
    TH_SYN | TH_FIN,
    TH_SYN | TH_RST,
)
_NEXT: Final = {
    uapi.TCP_CONNTRACK_SYN_SENT: (False, TH_SYN | TH_ACK),
    uapi.TCP_CONNTRACK_SYN_RECV: (True, TH_ACK),
    uapi.TCP_CONNTRACK_ESTABLISHED: (None, TH_ACK),
    uapi.TCP_CONNTRACK_FIN_WAIT: (None, TH_ACK),
    uapi.TCP_CONNTRACK_CLOSE_WAIT: (None, TH_FIN | TH_ACK),
    uapi.TCP_CONNTRACK_LAST_ACK: (None, TH_ACK),
    uapi.TCP_CONNTRACK_TIME_WAIT: (True, TH_SYN),
    uapi.TCP_CONNTRACK_CLOSE: (True, TH_SYN),
    uapi.TCP_CONNTRACK_SYN_SENT2: (None, TH_SYN | TH_ACK),
}
"""By state, who sends what where all goes well; None: either."""
_WINDOWS: Final = (0, 1, 2, 100, 1000, 8192, 65_535)
_LENGTHS: Final = (0, 1, 2, 10, 100, 1000, 1460, 9000)
_STEPS: Final = (-2, -1, 0, 1, 2, 10, 100, 1460, 66_000, 100_000)


class Crafter:
    """Makes segments for many flows, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # the same ones for the same seed

    def next(self, entry: Connection | None, client: object, last: Made | None, *, repeated: bool) -> Made:
        """A segment for a flow with this entry; now and then the last one again, or its like.

        ``repeated``: the last one was that already.
        """
        chance = self._random.random
        if last is not None and chance() < (0.7 if repeated else 0.08):
            if chance() < 0.9:
                return last
            if chance() < 0.5:
                return last._replace(ack=last.ack + 1 & MASK)
            return last._replace(window=self._pick(_WINDOWS))
        if entry is None:
            return self._opening()
        if chance() < 0.2 and (answer := self._answer(entry, client)):
            return answer
        by_client, flags = self._kind(entry, client)
        sends = by_client == (entry.source == client)
        sender, receiver = (entry.original, entry.reply) if sends else (entry.reply, entry.original)
        sane = chance() < 0.7
        seq = sender.td_end if sane and chance() < 0.9 else self._seq(entry, sender, receiver)
        ack = receiver.td_end if sane and chance() < 0.9 else self._ack(entry, sender, receiver)
        if flags == TH_RST and chance() < 0.7:
            ack = 0
        if not sender.td_maxwin and not sender.td_end:
            seq = self._random.getrandbits(32)
        return self._made(by_client, flags, seq, ack, receiver)

    def _made(self, by_client: bool, flags: int, seq: int, ack: int, receiver: Side) -> Made:
        options = self._options(flags, receiver)
        return Made(by_client, flags, seq & MASK, ack & MASK, self._window(), self._length(), options)

    def _answer(self, entry: Connection, client: object) -> Made | None:
        """What an end would send that was told something the tracker let pass, or is out of step."""
        client_opened = entry.source == client
        from_original = bool(entry.last_dir)
        sender, receiver = (entry.original, entry.reply) if from_original else (entry.reply, entry.original)
        by_client = from_original == client_opened
        if entry.state == uapi.TCP_CONNTRACK_SYN_SENT and entry.last_ack and self._random.random() < 0.6:
            return self._made(client_opened, TH_RST, entry.last_ack, 0, entry.reply)
        if entry.last_index == SYN:
            flags = self._pick((TH_SYN | TH_ACK, TH_SYN | TH_ACK, TH_RST | TH_ACK, TH_ACK))
            return self._made(by_client, flags, self._random.getrandbits(32), entry.last_end, receiver)
        if entry.state == uapi.TCP_CONNTRACK_SYN_SENT:
            asked = sender.td_end if self._random.random() < 0.5 else self._random.getrandbits(32)
            return self._made(not client_opened, TH_ACK, self._random.getrandbits(32), asked, receiver)
        if entry.state == uapi.TCP_CONNTRACK_LAST_ACK:
            return self._made(client_opened, TH_SYN, self._random.getrandbits(32), 0, entry.reply)
        if entry.state == uapi.TCP_CONNTRACK_ESTABLISHED:
            flags = self._pick((TH_FIN | TH_ACK, TH_RST, TH_RST | TH_ACK))
            return self._made(by_client, flags, sender.td_maxend + 200_000, receiver.td_end, receiver)
        return None

    def _pick(self, choices: tuple[int, ...]) -> int:
        return choices[int(self._random.random() * len(choices))]

    def _opening(self) -> Made:
        chance = self._random.random()
        flags = TH_SYN if chance < 0.75 else TH_ACK if chance < 0.92 else self._pick(_FLAGS)
        ack = 0 if flags == TH_SYN else self._random.getrandbits(32)
        # Often near where numbers wrap.
        seq = (
            self._random.getrandbits(32)
            if self._random.random() < 0.7
            else -self._random.getrandbits(10) & MASK
        )
        by_client = self._random.random() < 0.8
        length = self._length() if flags != TH_SYN or self._random.random() < 0.1 else 0
        return Made(by_client, flags, seq, ack, self._window(), length, self._options(flags, None))

    def _kind(self, entry: Connection, client: object) -> tuple[bool, int]:
        chance = self._random.random
        if chance() < 0.62:
            by_original, flags = _NEXT[entry.state]
            if entry.state == uapi.TCP_CONNTRACK_ESTABLISHED and chance() < 0.12:
                flags = TH_FIN | TH_ACK
            if by_original is None:
                by_original = chance() < 0.5
            return by_original == (entry.source == client), flags
        return chance() < 0.5, self._pick(_FLAGS)

    def _seq(self, entry: Connection, sender: Side, receiver: Side) -> int:
        which = int(self._random.random() * 12)
        if which == 11:
            return self._random.getrandbits(32)
        near = (
            sender.td_end,
            sender.td_end,
            sender.td_maxend,
            sender.td_end - receiver.td_maxwin,
            receiver.td_maxack,
            receiver.td_maxack,
            entry.last_end,
            entry.last_seq,
            entry.last_ack,
            entry.last_ack,
            0,
        )[which]
        return near + (0 if self._random.random() < 0.4 else self._step())

    def _ack(self, entry: Connection, sender: Side, receiver: Side) -> int:
        which = int(self._random.random() * 8)
        if which == 7:
            return self._random.getrandbits(32)
        near = (
            receiver.td_end,
            receiver.td_end,
            receiver.td_end - max(sender.td_maxwin, 66_000),
            entry.last_end,
            entry.last_end,
            sender.td_maxack,
            0,
        )[which]
        return near + (0 if self._random.random() < 0.5 else self._step())

    def _step(self) -> int:
        step = self._pick(_STEPS)
        return step if self._random.random() < 0.5 else -step

    def _window(self) -> int:
        return self._pick(_WINDOWS) if self._random.random() < 0.6 else self._random.getrandbits(16)

    def _length(self) -> int:
        return self._pick(_LENGTHS) if self._random.random() < 0.45 else 0

    def _options(self, flags: int, receiver: Side | None) -> bytes:
        chance = self._random.random()
        if flags & TH_SYN:
            return _SYN_OPTIONS[int(chance * len(_SYN_OPTIONS))]
        if chance < 0.7:
            return b""
        if chance < 0.8 or receiver is None:
            return _TIMESTAMP
        edge = (receiver.td_end + self._step()) & MASK
        block = struct.pack("!II", (edge - 10) & MASK, edge)
        if chance < 0.9:
            return b"\x01\x01\x05\x0a" + block
        if chance < 0.95:
            return b"\x01\x01\x05\x12" + block + struct.pack("!II", edge, (edge + 30) & MASK)
        wrong = b"\x01\x01\x05\x0b" + block
        cut_off = b"\x05\x0a" + block + b"\x05\x0a"
        return wrong if chance < 0.97 else cut_off
