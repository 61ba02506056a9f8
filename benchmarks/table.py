"""A table like a busy node's: a million mixed entries in a scratch namespace.

60 % are one-sided TCP. The rest: answered TCP and UDP, ICMP, translated, marked, zoned, IPv6, some
with counters and timestamps. ``nf_conntrack_max`` and the number of buckets belong to the host:
they are raised for the time of the benchmark and put back, also when it fails.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from halftrack.evidence import uapi
from kernel.inject import End, Entries, inject
from kernel.scratch import Netns, scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYSCTL: Final = Path("/proc/sys/net/netfilter")
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_PER_ADDRESS: Final = 50_000
_FIRST_PORT: Final = 10_000
_PICKED_UP = {
    "state": uapi.TCP_CONNTRACK_ESTABLISHED,
    "tcp_flags": (0x0A, 0x0A),
    "wscale": (0, 0),
    "status": uapi.IPS_CONFIRMED,
}
_ANSWERED: Final = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_HANDSHAKE = {
    "state": uapi.TCP_CONNTRACK_ESTABLISHED,
    "tcp_flags": (0x23, 0x23),
    "wscale": (7, 7),
    "status": _ANSWERED,
}
_UDP = {"l4proto": uapi.IPPROTO_UDP}
_V6 = {"family": uapi.AF_INET6}

PLAIN: Final = (
    (0.40, _PICKED_UP),
    (0.08, {**_PICKED_UP, "mark": 5}),
    (0.07, {**_PICKED_UP, "zone": 3}),
    (0.05, {**_PICKED_UP, **_V6}),
    (0.10, _HANDSHAKE),
    (0.05, {**_HANDSHAKE, "translated": True}),
    (0.05, {**_HANDSHAKE, **_V6}),
    (0.08, {**_UDP, "status": uapi.IPS_CONFIRMED}),
    (0.03, {**_UDP, **_V6, "status": _ANSWERED}),
    (0.02, {"l4proto": uapi.IPPROTO_ICMP, "status": uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY}),
)
WITH_ACCOUNTING: Final = ((0.04, _HANDSHAKE), (0.03, {**_UDP, "status": _ANSWERED}))


@contextlib.contextmanager
def mixed_table(count: int, one_sided: float = 0.6) -> Iterator[Netns]:
    """A scratch namespace with ``count`` entries, that share of them one-sided."""
    with room_for(count + 100_000), scratch_netns("bench") as netns:
        scale = {True: one_sided / 0.6, False: (1 - one_sided) / 0.4}
        for number, share, form in _forms(netns):
            inject(netns.path, *_entries(number, round(count * share * scale[_is_picked_up(form)]), form))
        yield netns


def refill(netns: Netns, count: int) -> None:
    """The one-sided entries of a ``mixed_table`` of so many as they were, gone or given less time since."""
    for number, share, form in _forms(netns):
        if _is_picked_up(form):
            inject(netns.path, *_entries(number, round(count * share), form), anew=False)


def server_addresses() -> tuple[str, ...]:
    """Of the ends that a table's one-sided entries come from."""
    numbers = range(1, len(PLAIN) + len(WITH_ACCOUNTING) + 1)
    return tuple(f"192.0.2.{number}/32" for number in numbers) + tuple(
        f"2001:db8::{number:x}/128" for number in numbers
    )


def _forms(netns: Netns) -> Iterator[tuple[int, float, dict[str, Any]]]:
    """Number, share and form of each kind of entry, while the namespace counts as that kind wants it."""
    number = 0
    for accounting, parts in ((0, PLAIN), (1, WITH_ACCOUNTING)):
        netns.sysctl("nf_conntrack_acct", accounting)
        netns.sysctl("nf_conntrack_timestamp", accounting)
        for share, form in parts:
            number += 1
            yield number, share, dict(form)


def _is_picked_up(form: dict[str, Any]) -> bool:
    return form.get("tcp_flags") == _PICKED_UP["tcp_flags"]


@contextlib.contextmanager
def room_for(count: int, directory: Path = _SYSCTL) -> Iterator[None]:
    """The host's limit and hash large enough for ``count`` entries, as they were afterwards.

    Also where somebody ends the process with SIGTERM or SIGINT, however often.
    """
    files = [directory / "nf_conntrack_max", directory / "nf_conntrack_buckets"]
    before = [file.read_text(encoding="ascii") for file in files]
    handlers = {number: signal.signal(number, _end) for number in _ENDING}
    try:
        for file, old in zip(files, before, strict=True):
            file.write_text(str(max(int(old), count, 1 << 20)), encoding="ascii")
        yield
    finally:
        _ignore_ending()
        for file, old in zip(files, before, strict=True):
            file.write_text(old, encoding="ascii")
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _end(number: int, _: object) -> NoReturn:
    _ignore_ending()  # once is enough: what follows puts things back
    sys.exit(128 + number)


def _ignore_ending() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _entries(number: int, count: int, form: dict[str, Any]) -> Iterator[Entries]:
    """``count`` entries of one form, a client address for every 50,000 ports."""
    translated = form.pop("translated", False)
    for at in range(0, count, _PER_ADDRESS):
        size = min(_PER_ADDRESS, count - at)
        ports = np.arange(size) + _FIRST_PORT
        block = at // _PER_ADDRESS
        if form.get("family") == uapi.AF_INET6:
            server = socket.inet_pton(socket.AF_INET6, f"2001:db8::{number:x}")
            client = socket.inet_pton(socket.AF_INET6, f"2001:db8:1:{block:x}::{number:x}")
        else:
            server = bytes([192, 0, 2, number])
            client = bytes([198, 18 + (number & 1), number, block])
        if form.get("l4proto") == uapi.IPPROTO_ICMP:
            ends = End(client, server, ports, 0x0800), End(server, client, ports, 0x0000)
        elif translated:
            ends = End(client, server, ports, 80), End(bytes([10, 88, 0, 14]), client, 8080, ports)
        else:
            ends = End(server, client, 80, ports), End(client, server, ports, 80)
        yield Entries(*ends, count=size, timeout=(at + np.arange(size)) % 400_000 + 10_000, **form)
