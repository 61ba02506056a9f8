"""Packets through the tracker of a scratch namespace, one by one, and what it thought of each.

A TUN device is both ways out of the namespace: a packet written to it is tracked, forwarded and comes
back out of it before the write returns. On its way a rule writes what ``ct state`` was into its DSCP
field, so reading it back is reading the verdict.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.tcp.tracker import DROPPED, ESTABLISHED, INVALID, NEW, UNTRACKED
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from halftrack.tcp.settings import Settings
    from kernel.crafting import Made
    from kernel.scratch import Netns

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_NO_PI: Final = 0x1001
DEVICE: Final = "tun0"
CLIENTS: Final = 10 << 24 | 1 << 16
"""A client's address is this and its number, sixteen bits of it."""
SERVER: Final = 10 << 24 | 2 << 16 | 1
_VERDICTS: Final = (DROPPED, INVALID, UNTRACKED, NEW, ESTABLISHED)
"""By DSCP."""
_RULES: Final = """\
table ip seen {
  chain raw { type filter hook prerouting priority raw; tcp dport 81 notrack; tcp sport 81 notrack; }
  chain pass {
    type filter hook forward priority filter;
    ct state invalid ip dscp set 1 accept
    ct state untracked ip dscp set 2 accept
    ct state new ip dscp set 3 accept
    ct state established ip dscp set 4 accept
  }
}
"""
_HEADERS: Final = struct.Struct("!BBHHHBBHIIHHIIBBHHH")
_ZEROS: Final = bytes(65_536)
_IP_FIXED: Final = 0x4500 + (64 << 8 | 6)
_TIMEOUT_NAMES: Final = (
    None,
    "syn_sent",
    "syn_recv",
    "established",
    "fin_wait",
    "close_wait",
    "last_ack",
    "time_wait",
    "close",
    None,
    None,
    None,
    "max_retrans",
    "unacknowledged",
)


def segment(source: tuple[int, int], target: tuple[int, int], made: Made) -> bytes:
    """An IPv4 packet with a TCP segment; ends are (address, port). TCP's checksum is left out."""
    _, flags, seq, ack, window, length, options = made
    from_address, from_port = source
    to_address, to_port = target
    assert not len(options) % 4, "a header is a number of words"
    head = 20 + len(options)
    size = 20 + head + length
    total = (
        _IP_FIXED
        + size
        + (from_address >> 16)
        + (from_address & 0xFFFF)
        + (to_address >> 16)
        + (to_address & 0xFFFF)
    )
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    headers = _HEADERS.pack(
        0x45,
        0,
        size,
        0,
        0,
        64,
        6,
        ~total & 0xFFFF,
        from_address,
        to_address,
        from_port,
        to_port,
        seq,
        ack,
        head << 2,
        flags,
        window,
        0,
        0,
    )
    return headers + options + _ZEROS[:length]


def packet(protocol: int, source: int, target: int, body: bytes) -> bytes:
    """An IPv4 packet of any protocol."""
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0, source, target)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + body


class Wire:
    """The way through one namespace."""

    def __init__(self, netns: Netns, device: int) -> None:
        self.netns = netns
        self._device = device
        self._set: dict[str, int] = {}

    def send(self, packet: bytes) -> str:
        """Let a packet pass; what ``ct state`` was of it."""
        os.write(self._device, packet)
        try:
            passed = os.read(self._device, 24)
        except BlockingIOError:
            return DROPPED
        assert passed[12:24] == packet[12:24], "another packet came out"
        return _VERDICTS[passed[1] >> 2]

    def apply(self, settings: Settings) -> None:
        """Set the namespace's sysctls, those that are not so already."""
        wanted = dict(_sysctls(settings))

        def write() -> None:
            for name, value in wanted.items():
                if self._set.get(name) != value:
                    Path("/proc/sys/net/netfilter/nf_conntrack_" + name).write_text(str(value), "ascii")

        self.netns.call(write)
        self._set.update(wanted)


def _sysctls(settings: Settings) -> Mapping[str, int]:
    found = {
        f"tcp_timeout_{name}": value
        for name, value in zip(_TIMEOUT_NAMES, settings.tcp, strict=True)
        if name is not None
    }
    return {
        **found,
        "tcp_loose": int(settings.loose),
        "tcp_be_liberal": int(settings.liberal),
        "tcp_max_retrans": settings.max_retrans,
        "tcp_ignore_invalid_rst": int(settings.ignore_invalid_rst),
        "udp_timeout": settings.udp,
        "udp_timeout_stream": settings.udp_stream,
        "icmp_timeout": settings.icmp,
        "gre_timeout": settings.gre,
        "gre_timeout_stream": settings.gre_stream,
        "generic_timeout": settings.generic,
    }


@contextlib.contextmanager
def tracked_wire(label: str = "wire") -> Iterator[Wire]:
    """A namespace of its own with the device in it, gone afterwards whatever happens."""
    with scratch_netns(label) as netns:
        device = netns.call(open_device)
        try:
            netns.call(_configure)
            netns.run("ip", "link", "set", DEVICE, "up", "mtu", "65535")
            for network in ("10.1.0.0/16", "10.2.0.0/16"):
                netns.run("ip", "route", "add", network, "dev", DEVICE)
            netns.run("nft", "-f", "-", stdin=_RULES)
            yield Wire(netns, device)
        finally:
            os.close(device)


def open_device() -> int:
    """A TUN device in the namespace of the calling thread, for whole packets; reading it never waits."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", DEVICE.encode(), _IFF_TUN_NO_PI))
    return device


def _configure() -> None:
    for name, value in (
        ("ipv6/conf/all/disable_ipv6", 1),
        ("ipv4/ip_forward", 1),
        ("ipv4/conf/all/rp_filter", 0),
        (f"ipv4/conf/{DEVICE}/rp_filter", 0),
        ("ipv4/conf/all/send_redirects", 0),
        (f"ipv4/conf/{DEVICE}/send_redirects", 0),
        ("netfilter/nf_conntrack_checksum", 0),
        ("netfilter/nf_conntrack_acct", 1),
    ):
        (Path("/proc/sys/net") / name).write_text(str(value), "ascii")
