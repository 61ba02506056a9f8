"""Connections inside a scratch namespace, and the flavour of iptables that rules are loaded with."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack.kernel import ctnetlink

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.scratch import Netns


def flavour(tool: str, tmp_path: Path) -> str:
    """A directory in which ``iptables`` and ``ip6tables`` are of one flavour, and systemctl does nothing."""
    tools = tmp_path / "bin"
    tools.mkdir(exist_ok=True)
    for name in ("iptables", "ip6tables"):
        real = shutil.which(f"{name}-{tool}")
        if tool != "nft-native" and real is None:
            pytest.skip(f"{name}-{tool} is not installed")
        (tools / name).write_text(f'#!/bin/sh\nexec {real} "$@"\n', "ascii")
    (tools / "systemctl").write_text("#!/bin/sh\n", "ascii")
    for file in tools.iterdir():
        file.chmod(0o755)
    return str(tools)


def talk(netns: Netns, address: str, port: int, *, client: Netns | None = None) -> tuple[socket.socket, ...]:
    """A connection to a server inside the namespace, with data both ways: listener, client, served.

    ``client``: the namespace it comes from, if not the same.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = netns.call(lambda: socket.create_server((address, port), family=family))
    asking = (client or netns).call(lambda: socket.create_connection((address, port), timeout=5))
    served = listener.accept()[0]
    asking.sendall(b"?")
    served.recv(1)
    served.sendall(b"!")
    asking.recv(1)
    return listener, asking, served


def established_left(netns: Netns) -> dict[int, int]:
    """Seconds left of established entries by server port; the injected one has another client."""
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame.filter(
        (pl.col("state") == 3) & (pl.col("orig_sport") != 50_000)
    )
    return dict(frame.select("orig_dport", "timeout").iter_rows())
