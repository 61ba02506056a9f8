"""Tests on the real kernel: they need root and connection tracking, and skip where there is none."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.changing import Site
from kernel.draining import SERVER
from kernel.filling import fill
from kernel.ledger import LEDGER
from kernel.scratch import Netns, scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator


def _missing() -> str | None:
    if os.geteuid():
        return "needs root"
    if not Path("/proc/sys/net/netfilter/nf_conntrack_count").exists():
        return "needs a kernel with connection tracking"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    reason = _missing()
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.kernel)
        if reason and os.environ.get("HALFTRACK_REQUIRE_KERNEL") != "1":
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LEDGER.packets or LEDGER.disagreements:
        terminalreporter.write_line(LEDGER.told())


@pytest.fixture
def netns() -> Iterator[Netns]:
    with scratch_netns() as made:
        yield made


@pytest.fixture
def full(netns: Netns) -> Netns:
    """The same with as many entries as make it worth reading."""
    fill(netns, 1_500)
    return netns


@pytest.fixture
def site(netns: Netns, tmp_path: Path) -> Site:
    """The same with a configuration and a journal of its own."""
    made = Site(netns, tmp_path)
    made.etc.mkdir()
    return made


@pytest.fixture
def server(netns: Netns) -> Netns:
    """The same with the server's address and no sockets."""
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    return netns


@pytest.fixture
def live_connection(netns: Netns) -> Iterator[tuple[str, int, int]]:
    """A real connection over loopback inside the namespace: address, client's port, server's port."""
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    netns.run(
        "nft",
        "add table inet t; add chain inet t c { type filter hook input priority 0; }; "
        "add rule inet t c ct state new",
    )

    def connect() -> tuple[socket.socket, socket.socket, socket.socket]:
        listener = socket.create_server((SERVER, 8_883))
        client = socket.create_connection((SERVER, 8_883))
        return listener, client, listener.accept()[0]

    ends = netns.call(connect)
    try:
        yield SERVER, ends[1].getsockname()[1], 8_883
    finally:
        for end in ends:
            end.close()
