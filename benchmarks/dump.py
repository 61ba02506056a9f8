"""Receiving and decoding a table, against a loop that receives it and throws it away."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import HALFTRACK, Run, call, compare, need_root, process
from benchmarks.table import mixed_table
from halftrack.kernel import ctnetlink, netlink, netlink_messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.scratch import Netns

_SEQUENCE = 0x40000001


def bare(netns_path: str) -> None:
    """Receive a dump with the same buffers and look at nothing."""
    request = netlink_messages.dump_request(netlink_messages.CT_GET, _SEQUENCE, struct.pack("=BBH", 0, 0, 0))
    sock = netlink.open_socket(netlink.NETLINK_NETFILTER, netns_path)
    for _block in netlink.Dump([(sock, request)], _SEQUENCE, None).blocks():
        pass


def in_netns(name: str, *words: str) -> Run:
    return process(("ip", "netns", "exec", name, *words))


def conntrack_of(netns: Netns) -> Callable[[], Run]:
    """``conntrack -L > /dev/null``: the reference of whole processes."""
    return partial(in_netns, netns.name, "conntrack", "-L")


def main(count: int = 1_000_000) -> bool:
    """All ratios of reading the live table; whether each held."""
    held = True
    with mixed_table(count) as netns:
        held &= compare(
            f"receive and decode {count:,}, bare receive",
            lambda: call(lambda: ctnetlink.dump(netns_path=netns.path)),
            lambda: call(lambda: bare(netns.path)),
            1.5,
        )
        held &= compare(
            f"doctor --json of {count:,}, conntrack -L",
            partial(in_netns, netns.name, *HALFTRACK, "doctor", "--json", "--netns", "self"),
            conntrack_of(netns),
            0.75,
            most_mb=350,
        )
    with mixed_table(count, one_sided=0.01) as netns:
        held &= compare(
            "list one-sided --count at 1 %, conntrack -L",
            partial(in_netns, netns.name, *HALFTRACK, "list", "one-sided", "--count", "--netns", "self"),
            conntrack_of(netns),
            1 / 6,
        )
    return held


def growth(sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000, 4_000_000)) -> None:
    """Seconds per million entries at growing sizes: flat means linear."""
    for size in sizes:
        with mixed_table(size) as netns:
            runs = [call(lambda: ctnetlink.dump(netns_path=netns.path)).seconds for _ in range(3)]
            reference = [call(lambda: bare(netns.path)).seconds for _ in range(3)]
        per_million = sorted(runs)[1] / size * 1e6
        floor = sorted(reference)[1] / size * 1e6
        print(f"{size:>9,} entries: {per_million:6.2f} s a million, bare {floor:6.2f}", flush=True)


if __name__ == "__main__":
    need_root()
    growth()
