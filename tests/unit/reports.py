"""Small trees as sos makes them, archives of them, and what is read of either."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from halftrack import formats
from halftrack.live import reports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from halftrack.evidence.values import Evidence, Table

TOP = "sosreport-node-2026-11-27-abcdefg"
LISTED = "sos_commands/conntrack/conntrack_-L_-o_extended"
SYSCTL = "sos_commands/kernel/sysctl_-a"
INSIDE = "sos_commands/conntrack/ip_netns_exec_my_net_conntrack_-L_-o_extended"


def entries(number: int, port: int = 80) -> str:
    """So many established entries of one service."""
    return "".join(
        f"ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.{i >> 8}.{i & 255} dst=203.0.113.9 sport=40000"
        f" dport={port} [UNREPLIED] src=203.0.113.9 dst=10.1.{i >> 8}.{i & 255} sport={port} dport=40000"
        " mark=0 use=1\n"
        for i in range(number)
    )


def settings(count: int, limit: int = 262_144) -> str:
    return (
        "abi.vsyscall32 = 1\nkernel.hostname = node\n"
        f"net.netfilter.nf_conntrack_buckets = 65536\nnet.netfilter.nf_conntrack_count = {count}\n"
        f"net.netfilter.nf_conntrack_max = {limit}\nnet.netfilter.nf_conntrack_tcp_loose = 1\n"
        "net.ipv4.conf.all.rp_filter = 2\nvm.swappiness = 60\n"
    )


def whole(**more: str) -> dict[str, str]:
    """Path to content. ``more``: instead, with ``__`` for a slash."""
    return {
        LISTED: entries(30),
        SYSCTL: settings(30),
        "sos_commands/date/date_--utc": "Fri Nov 27 13:02:08 UTC 2026\n",
        "sos_commands/host/hostname": "node\n",
        "sos_commands/kernel/uname_-a": "Linux node 5.14.0-427.el9.x86_64 #1 SMP x86_64 GNU/Linux\n",
        "sos_reports/manifest.json": '{"components": {"report": {}}}',
    } | {name.replace("__", "/"): text for name, text in more.items()}


def tree(root: Path, files: Mapping[str, str], top: str = TOP) -> Path:
    for name, text in files.items():
        path = root / top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / top


def archive(files: Mapping[str, str | bytes], top: str = TOP) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            body = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(f"{top}/{name}" if top else name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return made.getvalue()


def read(source: Path | bytes) -> Evidence:
    if isinstance(source, bytes):
        return formats.read(["-"], stdin=io.BytesIO(source), reported=reports.read)
    return formats.read([str(source)], reported=reports.read)


def table(evidence: Evidence, netns: str) -> Table:
    [found] = [each for each in evidence.tables if each.netns == netns]
    return found
