"""ICMPv6, and a connection over IPv6, through kernel and model."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink
from halftrack.tcp.segments import Segment
from halftrack.tcp.settings import Settings
from halftrack.tcp.table import TH_ACK, TH_FIN, TH_RST, TH_SYN
from halftrack.tcp.tracker import DROPPED, ESTABLISHED, EXEMPT, INVALID, NEW, UNTRACKED, Step, Tracker
from kernel.campaigns import PROFILE
from kernel.scratch import scratch_netns
from kernel.wire import DEVICE, open_device

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

_CLIENT: Final = ipaddress.IPv6Address("fd00:1::5").packed
_SERVER: Final = ipaddress.IPv6Address("fd00:2::1").packed
_V6: Final = uapi.IPPROTO_ICMPV6
_VERDICTS: Final = (DROPPED, INVALID, UNTRACKED, NEW, ESTABLISHED)
_RULES: Final = """\
table ip6 seen {
  chain pass {
    type filter hook forward priority filter;
    ct state invalid ip6 dscp set 1 accept
    ct state untracked ip6 dscp set 2 accept
    ct state new ip6 dscp set 3 accept
    ct state established ip6 dscp set 4 accept
  }
}
"""


class _Wire:
    def __init__(self, netns: Netns, device: int) -> None:
        self.netns = netns
        self._device = device

    def send(self, protocol: int, source: bytes, target: bytes, body: bytes) -> str:
        """Let a packet pass; what ``ct state`` was of it. What the namespace says by itself is overheard."""
        os.write(
            self._device, struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + source + target + body
        )
        while True:
            try:
                passed = os.read(self._device, 2048)
            except BlockingIOError:
                return DROPPED
            if passed[8:40] == source + target and passed[40:] == body:
                return _VERDICTS[(struct.unpack_from("!H", passed)[0] >> 6) & 0x3F]


@contextlib.contextmanager
def _wire() -> Iterator[_Wire]:
    with scratch_netns("v6") as netns:
        device = netns.call(open_device)
        try:
            netns.call(_configure)
            netns.run("ip", "link", "set", DEVICE, "up")
            for network in ("fd00:1::/64", "fd00:2::/64"):
                netns.run("ip", "-6", "route", "add", network, "dev", DEVICE)
            netns.run("nft", "-f", "-", stdin=_RULES)
            yield _Wire(netns, device)
        finally:
            os.close(device)


def _configure() -> None:
    for name, value in (
        ("ipv6/conf/all/forwarding", 1),
        ("netfilter/nf_conntrack_checksum", 0),
        ("netfilter/nf_conntrack_acct", 1),
        ("netfilter/nf_conntrack_icmpv6_timeout", 47),
    ):
        (Path("/proc/sys/net") / name).write_text(str(value), "ascii")


def _ping(kind: int, ident: int = 7) -> bytes:
    return struct.pack("!BBHHH", kind, 0, 0, ident, 1)


def _compare(wire: _Wire, tracker: Tracker) -> None:
    now = time.monotonic()
    ours = sorted(
        (entry.status, entry.packets_original, entry.packets_reply, entry.deadline - now) for entry in tracker
    )
    frame = ctnetlink.dump(netns_path=wire.netns.path).flows.frame
    theirs = sorted(frame.select("status", "orig_packets", "reply_packets", "timeout").iter_rows())
    assert [row[:3] for row in theirs] == [row[:3] for row in ours]
    assert all(abs(kernel[3] - model[3]) < 2 for kernel, model in zip(theirs, ours, strict=True))


def test_icmpv6_means_the_same_to_kernel_and_model() -> None:
    tracker = Tracker(PROFILE, Settings(icmpv6=47))
    with _wire() as wire:

        def both(source: bytes, target: bytes, kind: int) -> tuple[str, Step]:
            step = tracker.icmp(time.monotonic(), source, target, kind, ident=7, l4proto=_V6)
            return wire.send(_V6, source, target, _ping(kind)), step

        steps = [
            both(_SERVER, _CLIENT, 129),
            both(_CLIENT, _SERVER, 128),
            both(_CLIENT, _SERVER, 128),
            both(_SERVER, _CLIENT, 129),
            both(_SERVER, _CLIENT, 128),
            both(_CLIENT, _SERVER, 139),
            both(_CLIENT, _SERVER, 200),
            both(_CLIENT, _SERVER, 143),
        ]
        assert [verdict for verdict, _ in steps] == [step.verdict for _, step in steps]
        assert steps[-1][1] is EXEMPT
        _compare(wire, tracker)
        assert len(tracker) == 3


def test_a_connection_over_ipv6_is_tracked_as_one_over_ipv4() -> None:
    tracker = Tracker(PROFILE)
    with _wire() as wire:
        for by_client, flags, seq, ack in (
            (True, TH_SYN, 100, 0),
            (False, TH_SYN | TH_ACK, 500, 101),
            (True, TH_ACK, 101, 501),
            (True, TH_ACK, 90_000_000, 501),
            (False, TH_RST, 700, 0),
            (True, TH_ACK, 101, 501),
            (True, TH_FIN | TH_ACK, 101, 501),
            (False, TH_FIN | TH_ACK, 501, 102),
            (True, TH_ACK, 102, 502),
            (False, TH_SYN, 9_000_000, 0),
        ):
            source, target = (_CLIENT, _SERVER) if by_client else (_SERVER, _CLIENT)
            ports = (4000, 80) if by_client else (80, 4000)
            body = struct.pack("!HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 1000, 0, 0)
            verdict = wire.send(uapi.IPPROTO_TCP, source, target, body)
            step = tracker.tcp(time.monotonic(), source, target, Segment(flags, seq, ack, 1000))
            assert step.verdict == verdict, step
            _compare(wire, tracker)
