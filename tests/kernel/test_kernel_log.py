"""What the running kernel logs of a full table: as evidence here, collected by the script, and in a report."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.collecting import collected, doctor
from kernel.filling import fill
from kernel.reporting import report
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

_LIMIT: Final = Path("/proc/sys/net/netfilter/nf_conntrack_max")
_MOST: Final = 300_000
_RATE_S: Final = 5
"""DEFAULT_RATELIMIT_INTERVAL, include/linux/ratelimit_types.h: afterwards lines are written again."""


@pytest.fixture(scope="module")
def full() -> Iterator[Netns]:
    limit = int(_LIMIT.read_text("ascii"))
    if not 0 < limit <= _MOST:
        pytest.skip(f"nf_conntrack_max is {limit}")
    with scratch_netns("logged") as netns:
        netns.run("nft", "add table ip t; add chain ip t c { type filter hook output priority 0; }")
        netns.run("nft", "add rule ip t c ct state new counter")
        with suppress(OSError):  # the kernel refuses what is one too many
            fill(netns, limit + 1)
        time.sleep(_RATE_S)
        netns.call(_speak)
        yield netns


def _speak() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, suppress(PermissionError):
        sock.sendto(b"x", ("127.0.0.1", 9))


def told(document: dict[str, Any], netns: str) -> dict[str, Any]:
    [table] = [table for table in document["tables"] if table["netns"] == netns]
    assert table["logged"] is not None
    logged: dict[str, Any] = table["logged"]
    return logged


def test_the_same_is_told_here_and_of_what_was_sent(full: Netns, tmp_path: Path) -> None:
    here = told(doctor("--netns", full.name), full.name)
    script = told(doctor("-", stdin=collected(["dash"]).stdout), full.name)
    sent = told(doctor(str(report(tmp_path, full))), full.name)

    assert here["lines"] >= 1
    assert here["source"].startswith("/dev/kmsg:")
    assert (script["source"].partition(":")[0], sent["source"].partition(":")[0]) == (
        "dmesg",
        "sos_commands/kernel/dmesg",
    )
    for other in (script, sent):
        assert other["lines"] >= here["lines"]


def test_who_may_not_read_the_log_is_told_what_it_takes(tmp_path: Path) -> None:
    restricted = Path("/proc/sys/kernel/dmesg_restrict")
    if restricted.read_text("ascii").strip() != "1":
        pytest.skip("everybody may read the kernel's log here")
    words = ["setpriv", "--bounding-set=-syslog,-sys_admin", "--inh-caps=-syslog,-sys_admin"]
    code = (
        "from datetime import UTC, datetime\n"
        "from halftrack.live import log\n"
        "print(log.read(datetime.now(UTC)))\n"
    )
    done = subprocess.run(
        [*words, sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=dict(os.environ),
    )
    assert "not permitted" in done.stdout
    assert "CAP_SYSLOG" in done.stdout
