"""Draining, as whole commands: the look, the journal, the file that is kept, and the look afterwards.

What is drained is put in again before each run, which does not count.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.dump import bare, in_netns
from benchmarks.measure import Run, call, compare, process
from benchmarks.table import mixed_table, refill, server_addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel.scratch import Netns

_HALFTRACK: Final = (sys.executable, "-m", "halftrack")
_BY_ONE_SERVER: Final = "192.0.2.1"


def main(count: int = 1_000_000) -> bool:
    """All ratios of draining a table of so many; whether each held."""
    one_sided, of_ipv4, of_server = (round(count * share) for share in (0.6, 0.55, 0.4))
    with mixed_table(count) as netns, _state() as env:

        def fresh(work: Callable[[], Run]) -> Callable[[], Run]:
            def prepared() -> Run:
                refill(netns, count)
                return work()

            return prepared

        def drain(number: int, *words: str) -> Callable[[], Run]:
            command = (*_HALFTRACK, "drain", *words, "--yes", "--expect", str(number), "--netns", "self")
            return fresh(partial(process, ("ip", "netns", "exec", netns.name, *command), env))

        def conntrack(*words: str) -> Callable[[], Run]:
            return fresh(partial(in_netns, netns.name, "conntrack", "-D", "-p", "tcp", *words))

        held = compare(
            f"drain {one_sided:,} of {count:,}, bare receive of all",
            drain(one_sided, "one-sided"),
            fresh(lambda: call(lambda: bare(netns.path))),
            2.5,
        )
        for address in server_addresses():
            netns.run("ip", "address", "add", address, "dev", "lo")
        held &= compare(
            f"drain --delete {of_ipv4:,} one by one, conntrack -D",
            drain(of_ipv4, "one-sided", "src=192.0.2.0/24", "sport=80", "--delete"),
            conntrack("-s", "192.0.2.0/24", "--sport", "80"),
            0.6,
        )
        with _listening(netns):
            held &= compare(
                f"drain --delete {of_server:,} by one message, conntrack -D",
                drain(of_server, "one-sided", f"src={_BY_ONE_SERVER}", "sport=80", "--delete"),
                conntrack("-s", _BY_ONE_SERVER, "--sport", "80"),
                0.25,
            )
    return held


@contextlib.contextmanager
def _state() -> Iterator[dict[str, str]]:
    """Journals of a benchmark's own."""
    with tempfile.TemporaryDirectory() as place:
        yield {"HALFTRACK_STATE_DIR": place, "HALFTRACK_RUN_DIR": place}


def _listening(netns: Netns) -> socket.socket:
    return netns.call(lambda: socket.create_server((_BY_ONE_SERVER, 80)))


if __name__ == "__main__":
    if os.geteuid():
        raise SystemExit("benchmarks of the live table need root")
    sys.exit(not main(*map(int, sys.argv[1:])))
