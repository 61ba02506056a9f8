"""A tree as sos makes it, of one scratch namespace and the node, by the commands that sos runs."""

from __future__ import annotations

import subprocess
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kernel.scratch import Netns

_OF_NODE = {
    "kernel": ("uname -a", "sysctl -a", "dmesg", "dmesg -T"),
    "host": ("hostname", "uptime"),
    "date": ("date --utc",),
    "process": ("ps auxwww",),
    "networking": (
        "ip route show table all",
        "ip -6 route show table all",
        "ip -4 rule list",
        "ip -6 rule list",
        "ip -o addr",
        "tc -s qdisc show",
        "ss -peaonmi",
        "nstat -zas",
    ),
    "conntrack": ("conntrack -L -o extended", "conntrack -S"),
    "firewall_tables": ("nft -a list ruleset", "iptables-save", "ip6tables-save"),
}
_OF_NETNS = {
    "conntrack": ("conntrack -L -o extended", "conntrack -S"),
    "networking/namespaces/{}": (
        "ip -d address show",
        "ip route show table all",
        "ip rule list",
        "sysctl -a",
        "ss -peaonmi",
        "nstat -zas",
        "iptables-save",
        "ip6tables-save",
    ),
}


def report(root: Path, netns: Netns, on: Callable[[Sequence[str]], list[str]] = list) -> Path:
    """The directory of the report, below ``root``. ``on``: a command as one on the node."""
    top = root / "sosreport-node-2026-11-27-abcdefg"
    for plugin, commands in _OF_NODE.items():
        for command in commands:
            _write(top / "sos_commands" / plugin / _mangled(command), _shown(on(command.split())))
    for plugin, commands in _OF_NETNS.items():
        for command in commands:
            inside = f"ip netns exec {netns.name} {command}"
            directory = top / "sos_commands" / plugin.format(netns.name)
            _write(directory / _mangled(inside), _shown(on(inside.split())))
    for name in ("snmp", "netstat", "stat/nf_conntrack", "tcp", "tcp6", "udp", "udp6"):
        _write(top / "proc/net" / name, _shown(on(["cat", f"/proc/net/{name}"])))
    _write(top / "version.txt", b"sosreport: 4.9.2\n")
    _write(top / "sos_reports/manifest.json", b'{"version": "4.9.2", "components": {"report": {}}}')
    (top / "ip_addr").symlink_to("sos_commands/networking/ip_-o_addr")
    return top


def packed(directory: Path, how: str) -> Path:
    """``how``: as tarfile knows it; empty: not at all."""
    target = directory.parent / f"{directory.name}.tar{'.' if how else ''}{how}"
    with tarfile.open(target, f"w:{how}") as tar:
        tar.add(directory, directory.name)
    return target


def _mangled(command: str) -> str:
    return command.replace(" ", "_").replace("/", ".")


def _shown(command: Sequence[str]) -> bytes:
    """What sos keeps: standard output and error as they came."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    return done.stdout


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
