"""Captures that tell something: the founding story, and talk beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from unit.captures import CLIENT, CLIENT_6, SERVER, SERVER_6, icmp, ip4, ip6, pcap, tcp, udp

if TYPE_CHECKING:
    from collections.abc import Callable

SYN, SYN_ACK, ACK, PSH_ACK, FIN_ACK, RST, RST_ACK = 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14
RAW: Final = 101
"""LINKTYPE_RAW: packets begin with IP."""
_BEGIN_NS: Final = 1_790_000_000_000_000_000
_WSCALE: Final = b"\x02\x04\x05\xb4\x04\x02\x01\x03\x03\x07\0\0"


class Story:
    """Packets of one flow, each at its second; ``client`` and ``server`` are what each sent last."""

    def __init__(self, sport: int = 40_000, dport: int = 80, *, ipv6: bool = False) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.ipv6 = ipv6
        self._ports = sport, dport
        self._next = {True: 1000, False: 90_000}

    def tell(self, at_s: float, *, by_client: bool, flags: int, length: int = 0, window: int = 502) -> Story:
        """One segment that fits behind all that was told before."""
        sport, dport = self._ports if by_client else self._ports[::-1]
        options = _WSCALE if flags & SYN else b""
        segment = tcp(
            sport,
            dport,
            flags=flags,
            seq=self._next[by_client],
            ack=self._next[not by_client] if flags & ACK else 0,
            window=window,
            options=options,
            payload=bytes(length),
        )
        self._next[by_client] += length + bool(flags & SYN) + (flags & 1)
        self.frames.append((at_s, self._packet(segment, by_client=by_client)))
        return self

    def c(self, at_s: float, flags: int, length: int = 0) -> Story:
        return self.tell(at_s, by_client=True, flags=flags, length=length)

    def s(self, at_s: float, flags: int, length: int = 0) -> Story:
        return self.tell(at_s, by_client=False, flags=flags, length=length)

    def skip(self, *, by_client: bool, numbers: int) -> None:
        """Go on so many sequence numbers later."""
        self._next[by_client] += numbers

    def opened(self, at_s: float = 0.0) -> Story:
        """A handshake within 20 ms."""
        return self.c(at_s, SYN).s(at_s + 0.01, SYN_ACK).c(at_s + 0.02, ACK)

    def _packet(self, segment: bytes, *, by_client: bool) -> bytes:
        wrap: Callable[..., bytes] = ip6 if self.ipv6 else ip4
        client, server = (CLIENT_6, SERVER_6) if self.ipv6 else (CLIENT, SERVER)
        ends = (client, server) if by_client else (server, client)
        return wrap(segment, 6, *ends)


def founding(*, ipv6: bool = False) -> Story:
    """The client resets, its entry goes, the server's page comes too late and is picked up."""
    story = Story(ipv6=ipv6).opened()
    story.c(0.5, PSH_ACK, 120).s(0.51, ACK)
    story.c(1.0, RST_ACK)
    return story.s(14.0, ACK, 1448).s(14.2, ACK, 1448)


def file(*stories: Story, others: tuple[tuple[float, bytes], ...] = ()) -> bytes:
    """All of them as a classic capture, in the order of their times."""
    frames = sorted(
        [frame for story in stories for frame in story.frames] + list(others), key=lambda one: one[0]
    )
    return pcap(
        [frame for _, frame in frames],
        RAW,
        nanoseconds=True,
        at_ns=[_BEGIN_NS + round(at_s * 1e9) for at_s, _ in frames],
    )


def datagrams(at_s: float = 0.0) -> tuple[tuple[float, bytes], ...]:
    """A question by UDP and its answer, and an echo that nobody answers."""
    return (
        (at_s, ip4(udp(5353, 53, b"who"), 17)),
        (at_s + 0.1, ip4(udp(53, 5353, b"you"), 17, SERVER, CLIENT)),
        (at_s + 0.2, ip4(icmp(8), 1)),
    )
