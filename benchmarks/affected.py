"""A node in trouble: many namespaces, entries stuck in some of them, and tens of thousands of sockets."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.measure import HALFTRACK, compare, process
from halftrack.evidence import uapi
from kernel.inject import End, Entries, inject
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

NAMESPACES: Final = 200
AFFECTED: Final = 20
SOCKETS: Final = 50_000
_SERVER: Final = 0x0A4F0001
_PER_PROCESS: Final = 9_000
"""Connections, of which both ends are its own: more files than a process may have open are not to be had."""
_TALKERS: Final = """
import resource, socket, sys
count, first = int(sys.argv[1]), int(sys.argv[2])
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
listener = socket.create_server(("10.79.0.1", 80 + first), backlog=128)
kept = []
for number in range(count):
    kept.append(socket.create_connection(("10.79.0.1", 80 + first)))
    kept.append(listener.accept()[0])
print(flush=True)
sys.stdin.read()
"""


_BY_HAND: Final = """
for netns in "$@"; do
  for words in "conntrack -L" "conntrack -S" "ss -tiam" "nstat -az" "tc -s qdisc show" "ip -d link show"; do
    ip netns exec "$netns" $words
  done
done
sleep 1
for netns in "$@"; do
  for words in "conntrack -S" "nstat -az" "tc -s qdisc show"; do ip netns exec "$netns" $words; done
done
"""
"""The same of the affected namespaces with the tools that there are, knowing which ones these are."""


def main() -> bool:
    """Whether it was examined, with a closer look at all that is affected, in time and in bounded memory."""
    with contextlib.ExitStack() as stack:
        spaces = [stack.enter_context(scratch_netns("many")) for _ in range(NAMESPACES)]
        for netns in spaces[:AFFECTED]:
            netns.run("ip", "address", "add", "10.79.0.1/32", "dev", "lo")
            _stuck(netns, 2_000)
        stack.enter_context(_talking(spaces[0], SOCKETS // 2))
        words = (*HALFTRACK, "doctor", "--json")
        by_hand = ("sh", "-c", _BY_HAND, "sh", *(netns.name for netns in spaces[:AFFECTED]))
        return compare(
            f"doctor --json, {NAMESPACES} namespaces, {AFFECTED} affected, {SOCKETS:,} sockets, by hand",
            partial(process, words),
            partial(process, by_hand),
            1.75,
            most_mb=350,
            most_s=8.0,
        )


def _stuck(netns: Netns, count: int) -> None:
    """Entries that only the server's packets made."""
    clients = np.arange(count, dtype=np.uint32) + 0xC6336401
    server = np.full(count, _SERVER, dtype=np.uint32)
    ends = End(server, clients, 80, 50_000), End(clients, server, 50_000, 80)
    state = uapi.TCP_CONNTRACK_ESTABLISHED
    inject(netns.path, Entries(*ends, count=count, timeout=280, state=state))


@contextlib.contextmanager
def _talking(netns: Netns, connections: int) -> Iterator[None]:
    """So many connections inside, both ends of each."""
    with contextlib.ExitStack() as stack:
        for first, start in enumerate(range(0, connections, _PER_PROCESS)):
            count = min(_PER_PROCESS, connections - start)
            words = [
                "ip",
                "netns",
                "exec",
                netns.name,
                sys.executable,
                "-c",
                _TALKERS,
                str(count),
                str(first),
            ]
            talker = stack.enter_context(
                subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            if not talker.stdout or not talker.stdout.readline():
                raise SystemExit("no connections could be made")
            stack.callback(talker.kill)
        yield
