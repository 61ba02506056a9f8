"""A real Prometheus beside a node that leaks: the alert comes, and goes once Halftrack has put it right."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from monitoring.dashboard import dashboard
from monitoring.inhibition import CRUDE
from monitoring.pace import LEAK, SOON_S

from halftrack.evidence import addresses, uapi
from halftrack.tcp import timeouts
from kernel.draining import SERVER, drain, environment, stuck
from kernel.filling import fill
from kernel.inject import End, Entries, inject
from kernel.scratch import scratch_netns
from kernel.watching import EXPORTER, NODE, Watcher, watching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

_LIMIT: Final = Path("/proc/sys/net/netfilter/nf_conntrack_max")
_CRUDE: Final = {
    "alert": CRUDE,
    "expr": "netns:halftrack_entries:ratio > 0.01",
    "labels": {"severity": "warning"},
}
"""As node-mixin has it, but for node_exporter's names and a lower number."""
_SILENT_S: Final = 60
"""Of what is orphaned: what was heard a moment ago may have closed just now."""
_TRACKED: Final = """
table inet tracked {
  chain in { type filter hook input priority 0; ct state new accept; }
  chain out { type filter hook output priority 0; ct state new accept; }
}
"""
_ASKING: Final = """
import socket, sys
for port in range(1024, 1224):
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        asking.sendto(b"?", ("127.0.0.1", port))
    except PermissionError:
        pass  # a packet that the table has no room for
"""


@contextlib.contextmanager
def exporting(node: Netns, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``halftrack export --listen`` in the node, a scan each second."""
    words = ["--listen", f"{NODE}:{EXPORTER}", "--every", "1s", "--netns", "self"]
    with subprocess.Popen(
        ["ip", "netns", "exec", node.name, sys.executable, "-m", "halftrack", "export", *words],
        stdin=subprocess.DEVNULL,
        env=environment(state),
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture
def node() -> Iterator[Netns]:
    """With the server's address, and rules that ask for tracking."""
    with scratch_netns("node") as made:
        made.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        made.run("nft", "-f", "-", stdin=_TRACKED)
        yield made


def seen(watcher: Watcher) -> bool:
    return watcher.value("halftrack_scan_complete") == 1


def test_a_leak_is_told_and_the_end_of_it_and_when_nobody_looks_any_more(node: Netns, tmp_path: Path) -> None:
    many = int(LEAK * int(_LIMIT.read_text(encoding="ascii"))) + 1_000
    with watching(node, tmp_path, [_CRUDE]) as watcher, exporting(node, tmp_path) as exporter:
        watcher.until(lambda: seen(watcher) and watcher.firing() == {})

        stuck(node, many)
        watcher.until(lambda: "HalftrackLeak" in watcher.firing())
        labels = watcher.firing()["HalftrackLeak"]["labels"]
        assert (labels["symptom"], labels["service"]) == ("one-sided", "tcp/80")
        watcher.until(lambda: watcher.told().items() >= {"HalftrackLeak": False, CRUDE: True}.items())

        ran = drain(node, tmp_path, "one-sided", "sport=80", "--delete", "--yes", "--expect", str(many))
        assert ran.code == 0, ran.err
        watcher.until(lambda: watcher.firing() == {})

        exporter.terminate()
        watcher.until(lambda: "HalftrackUnseen" in watcher.firing())
        assert list(watcher.firing()) == ["HalftrackUnseen"]


def test_a_full_table_is_told_while_it_is_full(node: Netns, tmp_path: Path) -> None:
    """The scrapes come through the table that is full: their connection was there before."""
    limit = int(_LIMIT.read_text(encoding="ascii"))
    with watching(node, tmp_path, []) as watcher, exporting(node, tmp_path):
        watcher.until(lambda: seen(watcher))
        fill(node, limit - 500)

        def asked() -> bool:
            node.run(sys.executable, "-c", _ASKING)
            return "HalftrackDropping" in watcher.firing()

        watcher.until(asked)
        # It throws out some to make room for others.
        assert (watcher.value("netns:halftrack_entries:ratio") or 0) > 0.95
        assert watcher.value("up") == 1

        node.run("conntrack", "-F")
        watcher.until(lambda: watcher.firing() == {})


def test_a_table_that_fills_is_foretold_until_what_fills_it_is_drained(node: Netns, tmp_path: Path) -> None:
    """A server was killed whose clients had come for 40 minutes: they were an eighth of a table."""
    many = int(_LIMIT.read_text(encoding="ascii")) // 8
    with watching(node, tmp_path, []) as watcher, exporting(node, tmp_path):
        watcher.until(lambda: seen(watcher))
        orphaned(node, many, over_s=2_400)
        watcher.until(lambda: {"HalftrackFullSoon", "HalftrackLeak"} <= watcher.firing().keys())
        assert 0 < (watcher.value("halftrack_full_in_seconds") or 0) < SOON_S
        assert [title for title, expr in asked_by_the_dashboard() if watcher.value(expr) is None] == []

        ran = drain(node, tmp_path, "orphaned", "--delete", "--yes", "--expect", str(many))
        assert ran.code == 0, ran.err
        watcher.until(lambda: watcher.firing() == {})


def asked_by_the_dashboard() -> Iterator[tuple[str, str]]:
    """Title of a panel and query, as Grafana sends it. But for what was not seen: here everything is."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            expr = target["expr"].replace("$__rate_interval", "10s").replace("$job", ".+")
            if "halftrack_gap" not in expr:
                yield panel["title"], expr.replace("$instance", ".+")


def orphaned(node: Netns, count: int, over_s: int) -> None:
    """Connections of clients of tcp/80 that were open and came one by one, with no socket at the server."""
    clients = np.arange(count, dtype=np.uint32) + np.uint32(0x0A000001)
    server = np.full(count, addresses.parse(SERVER)[1] & 0xFFFFFFFF, dtype=np.uint32)
    lasting = timeouts.DEFAULTS[timeouts.ESTABLISHED]
    inject(
        node.path,
        Entries(
            End(clients, server, 40_000, 80),
            End(server, clients, 80, 40_000),
            count=count,
            timeout=lasting - _SILENT_S - np.arange(count) * over_s // count,
            state=uapi.TCP_CONNTRACK_ESTABLISHED,
            status=uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED,
        ),
    )
