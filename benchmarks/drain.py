"""Draining: from the answer to the last word, and as whole commands with the look before.

What is held against a limit is what is done once somebody has agreed: reading again, the file that is
kept, the changes, the look afterwards. For the one message by which the kernel itself removes what
matches, it is that message. What is drained is put in again before each run, which does not count.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.dump import bare, in_netns
from benchmarks.measure import HALFTRACK, Run, call, compare, need_root
from benchmarks.table import mixed_table, refill, server_addresses
from halftrack.evidence import addresses
from halftrack.kernel.ctnetlink.compare_delete import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel.scratch import Netns

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

        def conntrack(*words: str) -> Callable[[], Run]:
            return fresh(partial(in_netns, netns.name, "conntrack", "-D", "-p", "tcp", *words))

        drain = partial(_Drain, netns, env)
        retime = drain(one_sided, "one-sided")
        held = compare(
            f"re-time {one_sided:,} of {count:,}, bare receive of all",
            fresh(retime),
            fresh(lambda: call(lambda: bare(netns.path))),
            2.5,
        )
        retime.show_whole()
        for address in server_addresses():
            netns.run("ip", "address", "add", address, "dev", "lo")
        evict = drain(of_ipv4, "one-sided", "src=192.0.2.0/24", "sport=80", "--delete")
        held &= compare(
            f"evict {of_ipv4:,} one by one, conntrack -D",
            fresh(evict),
            conntrack("-s", "192.0.2.0/24", "--sport", "80"),
            0.6,
        )
        evict.show_whole()
        with _listening(netns):
            held &= compare(
                f"evict {of_server:,} by one message, conntrack -D",
                fresh(lambda: call(lambda: _one_message(netns))),
                conntrack("-s", _BY_ONE_SERVER, "--sport", "80"),
                0.25,
            )
            by_one = drain(of_server, "one-sided", f"src={_BY_ONE_SERVER}", "sport=80", "--delete")
            fresh(by_one)()
            by_one.show_whole()
    return held


class _Drain:
    """``halftrack drain``, which is to change so many entries; called, the time that it says it took."""

    def __init__(self, netns: Netns, env: dict[str, str], number: int, *words: str) -> None:
        self._netns, self._env, self._number, self._words = netns, env, number, words
        self._whole_s: list[float] = []

    def __call__(self) -> Run:
        agreed = ("--yes", "--expect", str(self._number), "--netns", "self", "--json")
        began = time.monotonic()
        done = subprocess.run(
            ["ip", "netns", "exec", self._netns.name, *HALFTRACK, "drain", *self._words, *agreed],
            capture_output=True,
            env=os.environ | self._env,
            check=True,
        )
        self._whole_s.append(time.monotonic() - began)
        outcome = json.loads(done.stdout)["outcome"]
        if outcome["retimed"] + outcome["removed"] != self._number:
            raise SystemExit(f"drained {outcome}, not {self._number:,}")
        return Run(outcome["seconds"])

    def show_whole(self) -> None:
        print(f"    as a whole command, with the look before: {statistics.median(self._whole_s):.2f} s")


def _one_message(netns: Netns) -> None:
    Kernel(netns.path).remove(addresses.parse(_BY_ONE_SERVER), 80)


@contextlib.contextmanager
def _state() -> Iterator[dict[str, str]]:
    """Journals of a benchmark's own."""
    with tempfile.TemporaryDirectory() as place:
        yield {"HALFTRACK_STATE_DIR": place, "HALFTRACK_RUN_DIR": place}


def _listening(netns: Netns) -> socket.socket:
    return netns.call(lambda: socket.create_server((_BY_ONE_SERVER, 80)))


if __name__ == "__main__":
    need_root()
    sys.exit(not main(*map(int, sys.argv[1:])))
